"""Columns from the names of folders."""

import polars as pl
import pytest

from pipelines.sources.hive import PartitionedReader, is_partition_folder, read_partition_values


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("x.csv", ()),
        ("data/x.csv", ()),
        ("country=US/x.csv", (("country", "US"),)),
        ("/d/country=US/plan=pro/x.csv", (("country", "US"), ("plan", "pro"))),
        ("s3://b/country=US/x.csv", (("country", "US"),)),
        ("run=5/data/country=US/x.csv", (("country", "US"),)),
        ("city=S%C3%A3o%20Paulo%2FSP/x.csv", (("city", "São Paulo/SP"),)),
        ("my%3Dkey=a=b/x.csv", (("my=key", "a=b"),)),
        ("plan=__HIVE_DEFAULT_PARTITION__/x.csv", (("plan", None),)),
        ("plan=/x.csv", (("plan", ""),)),
        ("=US/x.csv", ()),
        ("a=1/a=2/x.csv", (("a", "2"),)),
        ("country=US/part=1.csv", (("country", "US"),)),
    ],
)
def test_the_folders_right_above_a_file_are_columns(path, values):
    assert read_partition_values(path) == values


@pytest.mark.parametrize(
    ("name", "is_one"), [("a=b", True), ("a=", True), ("=b", False), ("ab", False)]
)
def test_a_folder_of_a_hive_is_a_column_and_its_value(name, is_one):
    assert is_partition_folder(name) is is_one


class Reader:
    header = ("Id", "plan")
    reading = {"delimiter": ";"}  # noqa: RUF012 (a stand-in)

    def read(self):
        columns = {"source_row": [1, 2], "malformed": [None, "x;y;z"], "c0": ["a", None]}
        yield pl.DataFrame({**columns, "c1": ["pro", None]})
        yield pl.DataFrame({"source_row": [3], "malformed": [None], "c0": ["b"], "c1": ["free"]})


def test_the_columns_follow_those_of_the_file_whose_own_win():
    reader = PartitionedReader(Reader(), (("country", "US"), ("plan", "x"), ("city", None)))
    assert reader.header == ["Id", "plan", "country", "city"]
    assert reader.reading == {"delimiter": ";"}
    frames = list(reader.read())
    assert frames[0].columns == ["source_row", "malformed", "c0", "c1", "c2", "c3"]
    assert [row for frame in frames for row in frame.rows()] == [
        (1, None, "a", "pro", "US", None),
        (2, "x;y;z", None, None, None, None),
        (3, None, "b", "free", "US", None),
    ]
    assert {frame.schema["c2"] for frame in frames} == {pl.String}

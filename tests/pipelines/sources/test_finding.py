"""From what the user named to sources."""

import gzip
import os
import zipfile
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import SourceError
from pipelines.sources.base import Packing, ReadingOptions, SourceFile, SourceFormat
from pipelines.sources.csv_reader import CsvReader
from pipelines.sources.finding import find_sources
from pipelines.sources.parquet_reader import ParquetReader
from pipelines.sources.registry import decide_format, open_source


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a few files."""
    monkeypatch.chdir(tmp_path)
    for name in ["b.csv", "a.csv", "c.PQ", "notes.doc", ".hidden.csv", "sub/d.parquet", "e/x.doc"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


def names(*named):
    return [source.name for source in find_sources(named)]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        pytest.param(["b.csv"], ["b.csv"], id="file"),
        pytest.param(["b.csv", "a.csv"], ["b.csv", "a.csv"], id="order of naming"),
        pytest.param(["*.csv"], ["a.csv", "b.csv"], id="glob by name, without directories"),
        pytest.param(["."], ["a.csv", "b.csv", "c.PQ"], id="directory by name, without the rest"),
        pytest.param(["sub"], ["sub/d.parquet"], id="sub-directory"),
        pytest.param(["**/*.parquet"], ["sub/d.parquet"], id="recursive glob"),
        pytest.param(["?.PQ", "sub", "a.csv"], ["c.PQ", "sub/d.parquet", "a.csv"], id="mixed"),
        pytest.param([".hidden.csv"], [".hidden.csv"], id="hidden file by itself"),
        pytest.param(["a.csv", "a.csv"], ["a.csv"], id="twice"),
        pytest.param(["b.csv", "*.csv"], ["b.csv", "a.csv"], id="by itself and by glob"),
        pytest.param(["a.csv", "./sub/../a.csv"], ["a.csv"], id="twice by other paths"),
    ],
)
def test_what_is_named_is_found_once_and_in_order(folder, named, found):
    assert names(*named) == found


def test_the_name_that_found_a_file_is_kept(folder):
    found = [(source.path, source.named) for source in find_sources(["b.csv", "*.csv", "sub"])]
    assert found == [("b.csv", "b.csv"), ("a.csv", "*.csv"), ("sub/d.parquet", "sub")]


def test_absolute_globs_are_found(folder):
    assert names(f"{folder}/[ab].csv") == [f"{folder}/a.csv", f"{folder}/b.csv"]


def test_a_file_under_two_names_by_a_link_is_read_once(folder):
    (folder / "link.csv").symlink_to("a.csv")
    assert names("link.csv", "a.csv") == ["link.csv"]


def test_a_file_whose_name_looks_like_a_glob_is_found(folder):
    (folder / "x[1].csv").touch()
    assert names("x[1].csv") == ["x[1].csv"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("gs://bucket/x.csv", "Cannot read gs://bucket/x.csv: only", id="scheme"),
        pytest.param("none.csv", "No such file: none.csv", id="missing"),
        pytest.param("none*.csv", "No file matches none*.csv", id="glob without match"),
        pytest.param("folder*", "No file matches folder*", id="glob that matches directories"),
        pytest.param("e", "No readable file in directory e", id="directory without match"),
        pytest.param("folder.csv", "No readable file in directory", id="directory like a file"),
        pytest.param("notes.doc", "the ending .doc is not supported", id="ending"),
        pytest.param("*.doc", "the ending .doc is not supported", id="ending by glob"),
        pytest.param("plain", "the ending (none) is not supported", id="no ending"),
        pytest.param("lost.csv", "No such file: lost.csv", id="dangling link"),
        pytest.param("x" * 300 + ".csv", "File name too long", id="name too long"),
    ],
)
def test_what_cannot_be_read_is_refused(folder, name, message):
    (folder / "plain").touch()
    (folder / "lost.csv").symlink_to("nowhere")
    with pytest.raises(SourceError) as caught:
        find_sources([name])
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["secret", "secret/x.csv"])
def test_a_directory_without_permission_is_refused(folder, name):
    (folder / "secret").mkdir()
    (folder / "secret/x.csv").touch()
    (folder / "secret").chmod(0)
    is_root = os.geteuid() == 0
    # The directories above are the user's own, and so closed to anybody else.
    for path in [folder, *folder.parents[:3]]:
        if is_root and path.stat().st_uid == 0 and path.name.startswith(("test_", "pytest-")):
            path.chmod(0o755)
    if is_root:
        os.seteuid(65534)
    try:
        with pytest.raises(SourceError, match=f"Cannot read {name}: Permission denied"):
            find_sources([name])
    finally:
        if is_root:
            os.seteuid(0)
        (folder / "secret").chmod(0o700)


@pytest.mark.parametrize(
    ("name", "kind", "reader"),
    [
        pytest.param("x.csv", SourceFormat.CSV, CsvReader, id="csv"),
        pytest.param("x.CSV", SourceFormat.CSV, CsvReader, id="CSV"),
        pytest.param("x.parquet", SourceFormat.PARQUET, ParquetReader, id="parquet"),
        pytest.param("x.pq", SourceFormat.PARQUET, ParquetReader, id="pq"),
    ],
)
def test_the_ending_decides_the_reader(tmp_path, name, kind, reader):
    path = tmp_path / name
    frame = pl.DataFrame({"Id": ["1"]})
    if kind is SourceFormat.CSV:
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    (source,) = find_sources([str(path)])
    assert source == SourceFile(str(path), kind)
    opened = open_source(source, ReadingOptions())
    assert isinstance(opened, reader)
    assert [frame.rows() for frame in opened.read()] == [[(1, None, "1")]]


def test_a_parquet_file_named_csv_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    pl.DataFrame({"Id": ["1"]}).write_parquet(path)
    (source,) = find_sources([str(path)])
    with pytest.raises(SourceError, match="is a Parquet file, not CSV"):
        open_source(source, ReadingOptions())


def test_a_pipe_with_a_name_is_refused_as_it_is_read_more_than_once(tmp_path):
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(SourceError, match=r"no plain file.* name - instead"):
        find_sources([str(tmp_path / "x.csv")])


@pytest.mark.parametrize(
    ("content", "known"),
    [(b'{"Id": "1"}\n', SourceFormat.NDJSON), (b"Id\n1\n", SourceFormat.CSV)],
)
def test_the_content_of_a_packed_export_without_an_ending_tells(tmp_path, content, known):
    """As Pinpoint writes them."""
    (tmp_path / "export-0001.gz").write_bytes(gzip.compress(content))
    (source,) = find_sources([str(tmp_path)])
    assert (source.format, source.packing) == (None, Packing.GZIP)
    assert decide_format(source) is known


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.csv"
    try:
        os.close(os.open(path, os.O_CREAT))
    except OSError:
        pytest.skip("this file system takes no such name")
    with pytest.raises(SourceError, match="its name is not UTF-8"):
        find_sources([str(tmp_path)])


# -- folders of a hive -----------------------------------------------------------------------


@pytest.fixture
def hive(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [
        "d/country=US/plan=pro/b.csv",
        "d/country=US/plan=pro/a.csv.gz",
        "d/country=US/plan=pro/_SUCCESS",
        "d/country=US/plan=pro/.a.csv.crc",
        "d/country=DE/plan=__HIVE_DEFAULT_PARTITION__/a.parquet",
        "d/country=DE/other/a.csv",
        "d/top.csv",
        "d/.git/x=1/a.csv",
    ]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_directory_is_read_with_its_folders_of_keys_and_values(hive):
    assert [(source.name, dict(source.partition)) for source in find_sources(["d"])] == [
        ("d/country=DE/plan=__HIVE_DEFAULT_PARTITION__/a.parquet", {"country": "DE", "plan": None}),
        ("d/country=US/plan=pro/a.csv.gz", {"country": "US", "plan": "pro"}),
        ("d/country=US/plan=pro/b.csv", {"country": "US", "plan": "pro"}),
        ("d/top.csv", {}),
    ]


@pytest.mark.parametrize(
    "name", ["d/*/plan=pro/b.csv", "d/country=US/plan=pro/b.csv", "d/**/b.csv"]
)
def test_the_same_file_has_the_same_columns_however_it_is_named(hive, name):
    (source,) = find_sources([name])
    assert source.partition == (("country", "US"), ("plan", "pro"))


def test_the_folders_become_columns(hive):
    Path("d/country=US/plan=pro/b.csv").write_text("Id,plan\n1,free\n")
    (source,) = find_sources(["d/country=US/plan=pro/b.csv"])
    reader = open_source(source, ReadingOptions())
    assert reader.header == ["Id", "plan", "country"]
    assert [frame.rows() for frame in reader.read()] == [[(1, None, "1", "free", "US")]]


def test_a_folder_that_leads_back_ends(hive):
    Path("d/loop=1").symlink_to("../d")
    assert len(find_sources(["d"])) == 4


# -- archives --------------------------------------------------------------------------------


def zipped(path, *members):
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, "Id\n1\n")


def test_an_archive_is_its_readable_members(folder):
    zipped("x.zip", "b.csv", "a.parquet", "readme.doc", "sub/", "sub/c.tsv.gz", "country=US/d.csv")
    sources = find_sources(["x.zip", "a.csv"])
    assert [source.name for source in sources] == [
        "x.zip:a.parquet",
        "x.zip:b.csv",
        "x.zip:country=US/d.csv",
        "x.zip:sub/c.tsv.gz",
        "a.csv",
    ]
    assert [source.packing for source in sources] == [None, None, None, Packing.GZIP, None]
    assert dict(sources[2].partition) == {"country": "US"}
    assert (sources[1].path, sources[1].member, sources[1].member_bytes) == ("x.zip", "b.csv", 5)


def test_each_member_comes_once(folder):
    zipped("x.zip", "b.csv", "a.csv")
    assert names("x.zip", "./x.zip", "*.zip") == ["x.zip:a.csv", "x.zip:b.csv"]


def test_an_archive_without_a_source_matters_only_if_it_is_named(folder):
    zipped("photos.zip", "a.jpg")
    assert names(".") == ["a.csv", "b.csv", "c.PQ"]
    with pytest.raises(SourceError, match=r"No readable file in photos\.zip"):
        find_sources(["photos.zip"])

"""A value that holds whole records is found; an ordinary line break is not."""

import polars as pl
import pytest

from pipelines.steps.swallowed import find_swallowed
from schemas.issues import RECORD_SWALLOWED

HEADER = ["Id", "ChannelType", "Address", "Note"]


def frame(*notes: str | None) -> pl.DataFrame:
    rows = [(n + 1, None, f"e{n}", "EMAIL", "a@example.com", note) for n, note in enumerate(notes)]
    names = ["row_key", "malformed", "c0", "c1", "c2", "c3"]
    text = dict.fromkeys(names[1:], pl.String)
    return pl.DataFrame(rows, schema={"row_key": pl.Int64, **text}, orient="row")


@pytest.mark.parametrize(
    ("note", "is_found"),
    [
        pytest.param("hello\nb,EMAIL,b@example.com,x\nc", True, id="a-record-within"),
        pytest.param("hello\nb,EMAIL,b@example.com,", True, id="a-record-with-an-empty-end"),
        pytest.param("one\ntwo", False, id="two-lines"),
        pytest.param("12 High Street,\nSeattle, WA, ", False, id="fewer-commas-than-a-record"),
        pytest.param("a,b,c,d,e\ntwo", False, id="commas-in-the-first-line"),
        pytest.param("one line, with, many, commas", False, id="one-line"),
        pytest.param("", False, id="empty"),
        pytest.param(None, False, id="null"),
    ],
)
def test_a_line_like_a_record_is_found(note: str | None, *, is_found: bool) -> None:
    found = find_swallowed(frame("x", note), HEADER)
    expected = [(2, "Note", RECORD_SWALLOWED.code, note)] if is_found else []
    assert found.rows() == expected


def test_two_columns_are_too_few_to_tell() -> None:
    narrow = frame("x\na,b").select("row_key", "malformed", "c0", pl.col("c3").alias("c1"))
    assert find_swallowed(narrow, ["Id", "Note"]).is_empty()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_of_errors_csv_are_known_whatever_their_source_had_between_fields(delimiter):
    note = "hello\nb,EMAIL,b@example.com,x\nc".replace(",", delimiter)
    told = pl.lit("The record: 7\nb,EMAIL,b@example.com,x")
    back = frame(note, "one\ntwo").with_columns(c4=pl.lit("x.csv"), c5=told)
    header = [*HEADER, "_source_file", "_error_messages"]
    assert find_swallowed(back, header).select("row_key", "column").rows() == [(1, "Note")]

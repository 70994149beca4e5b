import polars as pl
import pytest

from pipelines.steps.source_columns import SourceColumns
from pipelines.steps.unfilled import find_unfilled, read_unfilled

COLUMNS = SourceColumns(("Id", "Address", "_source_row", "_error_codes", "_error_messages"))


def frame(*rows):
    names = ["source_row", *(f"c{position}" for position in range(len(COLUMNS.header)))]
    schema = dict.fromkeys(names, pl.String) | {"source_row": pl.Int64}
    return pl.DataFrame(list(rows), schema, orient="row")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param((1, None, " ", "7", "record.malformed", "The line: x"), True, id="blank"),
        pytest.param((1, "", "", "7", "address.missing; record.malformed", "x"), True, id="two"),
        pytest.param((1, "id", "", "7", "record.malformed", "x"), False, id="filled"),
        pytest.param((1, "", "", "7", "address.missing", "x"), False, id="another error"),
        pytest.param((1, "", "", "", "", ""), False, id="an empty row"),
    ],
)
def test_rows_that_wait_for_their_fields_are_found(row, expected):
    assert find_unfilled(frame(row), COLUMNS).to_list() == [expected]


def test_without_result_columns_there_are_none():
    rows = pl.DataFrame({"source_row": [1], "c0": [""]})
    assert find_unfilled(rows, SourceColumns(("Id",))).to_list() == [False]
    assert read_unfilled(rows, SourceColumns(("Id",))).is_empty()


def test_what_was_told_of_them_is_kept():
    rows = frame(
        (1, "", "", "7", "record.malformed", "The line: a | b"),
        (2, "id", "x", "8", "record.malformed", "The line: c"),
    )
    assert read_unfilled(rows, COLUMNS).rows() == [(1, "record.malformed", "The line: a | b")]

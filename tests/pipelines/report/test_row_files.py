"""errors.csv: rows as they came, with what became of them behind, ready to be fed back in."""

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.row_files import RowSlice, plan_layout, to_fix, write_row_file
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader
from pipelines.steps.map_columns import plan_columns
from schemas.columns import RESULT_COLUMNS
from schemas.issues import (
    ADDRESS_MISSING,
    EMAIL_INVALID,
    ENDPOINT_TOO_LARGE,
    ISSUE_SCHEMA,
    RECORD_MALFORMED,
)
from schemas.outcomes import OUTCOME_SCHEMA
from schemas.undecoded import mark

TEXT = pl.String()
LIST = pl.List(TEXT)
VERDICT = ("x.csv", 7, "invalid", "address.missing", "There is none.", "Address: x", "run-1")
ADDED = len(RESULT_COLUMNS)


def make_slice(header, rows, types=None):
    """Make a slice from rows of cells."""
    types = types or [TEXT] * len(header)
    schema = {f"c{position}": kind for position, kind in enumerate(types)}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    results = [
        pl.lit(value).alias(name) for name, value in zip(RESULT_COLUMNS, VERDICT, strict=True)
    ]
    return RowSlice(tuple(header), frame.with_columns(results))


def write(*slices):
    """Write slices; give header and records as Python's csv module reads them."""
    file = io.BytesIO()
    written = write_row_file(slices, file, plan_layout(slices))
    header, *records = csv.reader(
        io.StringIO(file.getvalue().decode("utf-8-sig"), newline=""), strict=True
    )
    assert written == len(records) == sum(part.rows.height for part in slices)
    results = [str(value) for value in VERDICT]
    assert [record[-ADDED:] for record in records] == [results] * written
    assert header[-ADDED:] == list(RESULT_COLUMNS)
    return header[:-ADDED], [record[:-ADDED] for record in records]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(["b", "a", "c"], id="order"),
        pytest.param(["a", "b", "a", "a"], id="repeated"),
        pytest.param(["a", "", ""], id="nameless"),
        pytest.param([" a ", "A", "a"], id="spaces and case"),
        pytest.param(['a,"b"', "c\nd", "e\rf"], id="separators, quotes and line breaks"),
    ],
)
def test_the_original_columns_stand_in_their_order(header):
    cells = [str(position) for position in range(len(header))]
    assert write(make_slice(header, [cells])) == (header, [cells])


def test_columns_of_several_sources_are_joined_in_order_of_first_appearance():
    first = make_slice(["Id", "Address"], [["1", "x"]])
    second = make_slice(["Address", "City", "Id"], [["y", "Rome", "2"]])
    assert write(first, second) == (
        ["Id", "Address", "City"],
        [["1", "x", ""], ["2", "y", "Rome"]],
    )


def test_a_header_repeated_in_one_source_only_is_empty_in_the_other():
    first = make_slice(["Id", "T"], [["1", "x"]])
    second = make_slice(["T", "T", "Id"], [["y", "z", "2"]])
    assert write(first, second) == (["Id", "T", "T"], [["1", "x", ""], ["2", "y", "z"]])


def test_a_list_is_a_repeated_header_as_wide_as_the_longest():
    rows = [["1", ["a"]], ["2", ["b", "c", "d"]], ["3", []], ["4", None], ["5", [None, "e"]]]
    assert write(make_slice(["Id", "T"], rows, [TEXT, LIST])) == (
        ["Id", "T", "T", "T"],
        [
            ["1", "a", "", ""],
            ["2", "b", "c", "d"],
            ["3", "", "", ""],
            ["4", "", "", ""],
            ["5", "", "e", ""],
        ],
    )


def test_a_list_that_is_longer_in_a_later_slice_fits():
    first = make_slice(["T", "Id"], [[["a"], "1"]], [LIST, TEXT])
    second = make_slice(["T", "Id"], [[["b", "c"], "2"]], [LIST, TEXT])
    header, records = write(first, second)
    assert [dict_of_lists(header, record) for record in records] == [
        {"T": ["a", ""], "Id": ["1"]},
        {"T": ["b", "c"], "Id": ["2"]},
    ]


def dict_of_lists(header, record):
    return {n: [v for h, v in zip(header, record, strict=True) if h == n] for n in header}


def test_lists_under_a_repeated_header_stay_in_order():
    rows = [[["a", "b"], ["c"]], [["d"], ["e", "f"]]]
    header, records = write(make_slice(["T", "T"], rows, [LIST, LIST]))
    assert header == ["T"] * 4
    assert [[value for value in record if value] for record in records] == [
        ["a", "b", "c"],
        ["d", "e", "f"],
    ]


def test_a_list_without_any_value_keeps_its_column():
    assert write(make_slice(["T"], [[[]], [None]], [LIST])) == (["T"], [[""], [""]])


def test_no_rows_leave_the_header_of_the_layout():
    file = io.BytesIO()
    assert write_row_file([], file, [("a,b", 0), ("c", 0)]) == 0
    assert file.getvalue().decode() == f'\ufeff"a,b",c,{",".join(RESULT_COLUMNS)}\n'


MARKS = mark(bytes(range(256)))  # of bytes that are no characters: files have U+FFFD for them
CELLS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=MARKS), max_size=8
) | st.text(st.sampled_from(',"\n\r \t;a'), max_size=6)


@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1)
    )
)
def test_any_cell_survives_quoting(rows):
    header = [f"h{position}" for position in range(len(rows[0]))]
    assert write(make_slice(header, rows)) == (header, rows)


@given(header=st.lists(CELLS, min_size=1, max_size=4))
def test_any_header_survives_quoting(header):
    assert write(make_slice(header, [["x"] * len(header)]))[0] == header


@given(
    rows=st.lists(
        st.lists(CELLS.filter(lambda cell: "\0" not in cell), min_size=2, max_size=2), min_size=1
    )
)
def test_our_own_reader_takes_it_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("errors") / "errors.csv"
    part = make_slice(["Id", "Address"], rows)
    with path.open("wb") as file:
        write_row_file([part], file, plan_layout([part]))
    source = CsvReader(LocalContent(path), ReadingOptions())
    read = [row for frame in source.read() for row in frame.rows()]
    assert read == [
        (number, None, *cells, *map(str, VERDICT)) for number, cells in enumerate(rows, 1)
    ]


def test_what_is_added_is_ignored_when_fed_back():
    header, _ = write(make_slice(["Id", "Note", "Attributes.x", "Attributes.x"], [["1"] * 4]))
    plan = plan_columns([*header, *RESULT_COLUMNS])
    assert plan == plan_columns(header)
    assert plan.unmapped == ("Note",)


# -- rows with what became of them ---------------------------------------------------------

STAGED = pl.DataFrame(
    [(1, None, "a"), (2, None, "b"), (3, '"x,', None), (4, None, "d"), (5, None, "e")],
    schema={"source_row": pl.Int64, "malformed": TEXT, "c0": TEXT},
    orient="row",
)
ADDRESS = ("x.csv", 2, "id", "Address", "address.missing", "error", "", "There is none.", None)
LATITUDE = (
    "x.csv",
    2,
    "id",
    "Location.Latitude",
    "location.bad",
    "error",
    "91",
    "Out of range.",
    None,
)
SAME_CODE = ("x.csv", 2, "id", "Location.Longitude", "location.bad", "error", "9", "Too far.", None)
WARNING = ("x.csv", 2, "id", "EffectiveDate", "date.zone", "warning", "", "No zone.", "x")
REJECTED_WARNING = ("x.csv", 4, "id", "EffectiveDate", "date.zone", "warning", "", "No zone.", None)
MALFORMED = ("x.csv", 3, None, None, RECORD_MALFORMED.code, "error", '"x,', "Too short.", None)
PLUS = ("x.csv", 2, "id", "Address", "plus.lost", "error", "1206", "No plus.", "+1206")
FORMULA = ("x.csv", 2, "id", "Location.City", "formula", "error", "#N/A", "Failed.", "")


def outcome(row, name, code=None, message=None):
    return ("x.csv", row, f"id-{row}", name, code, message, None)


def chosen(wanted, outcomes, issues=()):
    """Give the rows that go into the file, without the cells."""
    return to_fix(
        STAGED,
        pl.DataFrame(outcomes, schema=OUTCOME_SCHEMA, orient="row"),
        pl.DataFrame(list(issues), schema=ISSUE_SCHEMA, orient="row"),
        wanted,
        "run-1",
    )


ALL = [
    outcome(1, "accepted"),
    outcome(2, "invalid"),
    outcome(3, "invalid"),
    outcome(4, "rejected", "service.refused", "Missing Address"),
    outcome(5, "unprocessed"),
]


def told(rows):
    return rows.select(RESULT_COLUMNS).rows()


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (["invalid", "rejected"], [2, 3, 4]),
        (["unprocessed"], [5]),
        (["held"], []),
    ],
)
def test_only_rows_of_the_wanted_outcomes_are_in_it(wanted, rows):
    assert chosen(wanted, ALL)["_source_row"].to_list() == rows


def test_rows_stand_in_the_order_of_the_input():
    assert chosen(["invalid", "rejected"], ALL[::-1])["_source_row"].to_list() == [2, 3, 4]


def test_all_errors_of_a_row_are_told_and_no_warnings():
    (row,) = told(chosen(["invalid"], [outcome(2, "invalid")], [ADDRESS, LATITUDE, WARNING]))
    assert row == (
        "x.csv",
        2,
        "invalid",
        "address.missing; location.bad",
        f'Address: {ADDRESS_MISSING.message} | Location.Latitude "91": Out of range.',
        None,
        "run-1",
    )


def say(code, value, column="Address"):
    """Give the message of a row with one error."""
    issue = ("x.csv", 2, "id", column, code, "error", value, "", None)
    (row,) = told(chosen(["invalid"], [outcome(2, "invalid")], [issue]))
    return row[4]


def test_a_message_says_what_is_wrong_with_this_very_value():
    assert say(EMAIL_INVALID.code, "nobody") == (
        'Address "nobody": This is not a valid e-mail address (it has no @). '
        f"{EMAIL_INVALID.remedy}"
    )
    assert f'"{"x" * 60}..."' in say(EMAIL_INVALID.code, "x" * 61)


def test_what_is_about_the_whole_row_repeats_no_cell():
    said = say(ENDPOINT_TOO_LARGE.code, "15012 bytes", "Id")
    assert said.startswith("Id: The endpoint is larger than 15000 bytes of JSON (it has 15012 by")


def test_a_code_that_two_columns_share_is_told_once_with_both_columns():
    (row,) = told(chosen(["invalid"], [outcome(2, "invalid")], [LATITUDE, SAME_CODE]))
    assert row[3:5] == (
        "location.bad",
        'Location.Latitude "91": Out of range. | Location.Longitude "9": Too far.',
    )


def test_suggestions_stand_behind_their_columns():
    found = [PLUS, LATITUDE, FORMULA, WARNING]
    (row,) = told(chosen(["invalid"], [outcome(2, "invalid")], found))
    assert row[5] == "Address: +1206 | Location.City: (leave empty)"


def test_a_malformed_row_has_its_text_in_the_message():
    rows = chosen(["invalid"], [outcome(3, "invalid")], [MALFORMED])
    (row,) = told(rows)
    assert row[3:5] == ("record.malformed", f'{RECORD_MALFORMED.message} The line: "x,')
    assert rows["c0"].to_list() == [None]


def test_a_rejected_row_has_the_services_words():
    (row,) = told(chosen(["rejected"], ALL, [REJECTED_WARNING]))
    assert row[2:4] == ("rejected", "service.refused")
    assert '"Missing Address"' in row[4]


def test_an_unprocessed_row_may_have_nothing_to_tell():
    (row,) = told(chosen(["unprocessed"], ALL))
    assert row == ("x.csv", 5, "unprocessed", None, None, None, "run-1")


def test_the_cells_come_as_they_were():
    rows = chosen(["invalid", "rejected"], ALL)
    assert rows["c0"].to_list() == ["b", None, "d"]

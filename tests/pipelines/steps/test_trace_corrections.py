from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.result import FOUND_SCHEMA
from pipelines.steps.trace_corrections import (
    FED_SCHEMA,
    GROUP_SCHEMA,
    LEFT_OUT,
    group_corrections,
    may_hold_corrections,
    right_outcomes,
    trace_corrections,
)
from schemas.columns import RESULT_COLUMNS
from schemas.outcomes import OUTCOME_SCHEMA, Outcome
from schemas.row_keys import MOST_ENDPOINTS

HEADER = ["Id", *RESULT_COLUMNS]


def staged(*rows, header=HEADER):
    """Make a partition of dicts of result columns."""
    schema = {"source_row": pl.Int64, **{f"c{n}": pl.String for n in range(len(header))}}
    cells = [
        (number, *(row.get(name, "x" if name == "Id" else None) for name in header))
        for number, row in enumerate(rows, 1)
    ]
    return pl.DataFrame(cells, schema, orient="row")


def fed(row="7", outcome="invalid", **others):
    return {
        "_run_id": "run-1",
        "_source_file": "a.csv",
        "_source_row": row,
        "_outcome": outcome,
        "_error_codes": "address.email_invalid",
        **others,
    }


def outcomes(*told):
    rows = [
        ("b.csv", number, f"id-{number}", outcome, None, None, None)
        for number, outcome in enumerate(told, 1)
        if outcome is not None
    ]
    return pl.DataFrame(rows, OUTCOME_SCHEMA, orient="row")


def issues(*told):
    rows = [(row * MOST_ENDPOINTS, "Address", code, None) for row, code in told]
    return pl.DataFrame(rows, FOUND_SCHEMA, orient="row")


def trace(rows, told, found=(), header=HEADER):
    return trace_corrections(staged(*rows, header=header), header, outcomes(*told), issues(*found))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER, True),
        ([name.upper() + " " for name in HEADER], True),
        (HEADER[:-1], False),
        (["Id", "Address"], False),
    ],
)
def test_sources_with_the_columns_of_a_run_are_known(header, expected):
    assert may_hold_corrections(header) is expected


def test_a_row_is_known_by_its_run_file_and_row_and_has_an_outcome_now():
    traced = trace([fed(), fed("8")], ["accepted", "invalid"], [(2, "address.missing")])
    assert traced.schema == FED_SCHEMA
    assert traced.rows() == [
        ("run-1", "a.csv", 7, "address.email_invalid", "accepted", None),
        ("run-1", "a.csv", 8, "address.email_invalid", "invalid", "address.missing"),
    ]


@pytest.mark.parametrize("cell", ["12", "12.0", " 12 ", "1.2E1"])
def test_spreadsheets_may_write_the_number_of_the_row_as_they_like(cell):
    assert trace([fed(cell)], ["accepted"])["row"].to_list() == [12]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(fed(outcome="held"), id="held"),
        pytest.param(fed(outcome="unprocessed"), id="unprocessed"),
        pytest.param(fed("twelve"), id="no number"),
        pytest.param(fed(_run_id=None), id="no run"),
        pytest.param(fed(_source_file=" "), id="no file"),
        pytest.param({}, id="a new row"),
    ],
)
def test_other_rows_are_none(row):
    assert trace([row], ["accepted"]).is_empty()


def test_a_record_that_the_mapping_leaves_out_has_no_outcome():
    assert trace([fed()], [None])["outcome"].to_list() == [LEFT_OUT]


def test_warnings_and_codes_of_rows_that_are_right_are_not_told():
    found = [(1, "address.shared"), (2, "address.shared")]
    assert trace([fed(), fed("8")], ["accepted", "held"], found)["now"].to_list() == [None, None]


def test_of_columns_that_stand_there_twice_the_last_counts():
    header = [*HEADER, *RESULT_COLUMNS]
    row = (1, "x", "a.csv", "1", "invalid", "c", "m", None, "old")
    row += ("b.csv", "2", "rejected", "service.refused", "m", None, "new")
    schema = {"source_row": pl.Int64, **{f"c{n}": pl.String for n in range(len(header))}}
    rows = pl.DataFrame([row], schema, orient="row")
    traced = trace_corrections(rows, header, outcomes("accepted"), issues())
    assert traced.rows() == [("new", "b.csv", 2, "service.refused", "accepted", None)]


def test_a_row_without_the_fields_of_a_malformed_record_still_lacks_them():
    row = fed(Id=None, _error_codes="record.malformed", _error_messages="The line: x")
    traced = trace([row], ["invalid"], [(1, "address.missing")])
    assert traced["now"].to_list() == ["record.malformed"]


def test_no_partitions_give_no_groups():
    assert group_corrections([]).schema == GROUP_SCHEMA
    assert group_corrections([]).is_empty()


@given(
    parts=st.lists(
        st.lists(st.tuples(st.integers(1, 5), st.sampled_from([*Outcome, None])), max_size=12),
        max_size=4,
    )
)
def test_each_row_counts_once_and_as_its_best_copy(parts):
    traced = [
        trace([fed(str(row)) for row, _ in part], [outcome for _, outcome in part])
        for part in parts
    ]
    groups = group_corrections(traced)
    copies: dict[int, set] = {}
    for row, outcome in (pair for part in parts for pair in part):
        copies.setdefault(row, set()).add(outcome or LEFT_OUT)
    assert groups["rows"].sum() == len(copies)
    right = {outcome.value for outcome in right_outcomes(sends=True)}
    counted = Counter()
    for outcome, rows in groups.select("outcome", "rows").iter_rows():
        counted[outcome in right] += rows
    assert counted[True] == sum(not told.isdisjoint(right) for told in copies.values())


def test_what_could_be_imported_is_right_where_nothing_is_sent():
    assert right_outcomes(sends=False) - right_outcomes(sends=True) == {Outcome.UNPROCESSED}

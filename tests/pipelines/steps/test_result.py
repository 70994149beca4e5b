import polars as pl
import pytest
from polars.testing import assert_frame_equal
from step_frames import FIRST_ROW, assert_counting_law, endpoints, found

from pipelines.steps.result import (
    ERROR_CODES,
    FOUND_SCHEMA,
    StepResult,
    describe_issues,
    drop_refused,
    find_issues,
    join_issues,
)
from schemas import issues
from schemas.issues import ISSUE_SCHEMA, Severity


def issues_of(*rows):
    return pl.DataFrame(rows, schema=FOUND_SCHEMA, orient="row")


def test_error_codes_are_those_of_errors():
    kinds = issues.ISSUE_KINDS.values()
    assert set(ERROR_CODES) == {kind.code for kind in kinds if kind.severity is Severity.ERROR}


def test_find_issues_makes_one_of_each_row():
    frame = pl.DataFrame({"row_key": pl.Series([7, 9], dtype=pl.UInt32), "n": [1, None]})
    expected = issues_of((7, "n", "address.missing", "1"), (9, "n", "address.missing", None))
    assert_frame_equal(find_issues(frame, "n", issues.ADDRESS_MISSING, pl.col("n")), expected)


def test_join_issues_sorts_by_row_then_column_then_code():
    later = issues_of((2, "B", "b.b", None), (1, "B", "b.c", None))
    earlier = issues_of((1, "B", "b.b", None), (1, "A", "z.z", None), (None, "C", "c.c", None))
    rows = join_issues([later, earlier]).select("row_key", "column", "code").rows()
    assert rows == [
        (None, "C", "c.c"),
        (1, "A", "z.z"),
        (1, "B", "b.b"),
        (1, "B", "b.c"),
        (2, "B", "b.b"),
    ]


def test_join_of_no_issues_is_an_empty_table():
    assert_frame_equal(join_issues([]), FOUND_SCHEMA.to_frame())


@pytest.mark.parametrize(
    ("faults", "kept"),
    [
        pytest.param([], [0, 1, 2], id="none"),
        pytest.param([(1, "Address", issues.ADDRESS_SHARED)], [0, 1, 2], id="warning"),
        pytest.param([(1, "Address", issues.ADDRESS_MISSING)], [0, 2], id="error"),
        pytest.param(
            [(1, "Address", issues.ADDRESS_MISSING), (1, "Id", issues.ID_CHARACTER)],
            [0, 2],
            id="two-errors-of-one-row",
        ),
        pytest.param(
            [(0, "Address", issues.ADDRESS_SHARED), (0, "Id", issues.ID_CHARACTER)],
            [1, 2],
            id="warning-and-error",
        ),
    ],
)
def test_drop_refused(faults, kept):
    frame = endpoints(rows=3)
    table = issues_of(*((row + FIRST_ROW, column, kind.code, "") for row, column, kind in faults))
    left = drop_refused(frame, table)
    assert [row - FIRST_ROW for row in left["row_key"]] == kept
    assert_counting_law(frame, StepResult(left, table))


def test_drop_refused_keeps_the_order_of_many_rows():
    frame = pl.DataFrame({"row_key": range(100_000, 0, -1)})
    table = issues_of(*((row, "Id", issues.ID_CHARACTER.code, "") for row in range(1, 100_000, 3)))
    expected = [row for row in range(100_000, 0, -1) if row % 3 != 1 or row == 100_000]
    assert drop_refused(frame, table)["row_key"].to_list() == expected


def test_describe_issues_completes_them():
    table = issues_of(
        (None, "Note", issues.COLUMN_UNMAPPED.code, "Note"),
        (48, "Address", issues.ADDRESS_MISSING.code, None),
        (65, "Address", issues.ADDRESS_SHARED.code, "ana@example.com"),
    )
    ids = pl.DataFrame({"row_key": [48, 65], "endpoint_id": [None, "e-4"], "region": ["US", None]})
    ids = ids.with_columns(country="region")
    described = describe_issues(table, "list.csv", ids)
    expected = [
        ("list.csv", None, None, "Note", "column.unmapped", "warning", "Note"),
        ("list.csv", 3, None, "Address", "address.missing", "error", None),
        ("list.csv", 4, "e-4", "Address", "address.shared", "warning", "ana@example.com"),
    ]
    assert described.schema == ISSUE_SCHEMA
    assert described.drop("message", "suggestion").rows() == expected
    assert described["message"][1] == issues.ADDRESS_MISSING.message


def test_describe_issues_suggests_repairs_with_the_country_of_the_row():
    table = issues_of(
        (48, "Location.PostalCode", issues.POSTAL_CODE_ZERO_LOST.code, "150"),
        (64, "Location.PostalCode", issues.POSTAL_CODE_ZERO_LOST.code, "501"),
        (64, "Metrics.M", issues.SPREADSHEET_ERROR.code, "#N/A"),
        (65, "Address", issues.ADDRESS_SHARED.code, "ana@example.com"),
    )
    rows = {"row_key": [48, 64], "endpoint_id": ["a", "b"], "region": ["US", "GB"]}
    rows["country"] = ["NO", "US"]
    described = describe_issues(table, "list.csv", pl.DataFrame(rows))
    assert described["suggestion"].to_list() == ["0150", "00501", "", None]


def test_describe_issues_keeps_their_number_where_an_id_is_unknown():
    table = issues_of((3, "", issues.RECORD_MALFORMED.code, "a,b,c"))
    ids = pl.DataFrame(schema={"row_key": pl.Int64, "endpoint_id": pl.String, "region": pl.String})
    ids = ids.with_columns(country="region")
    assert describe_issues(table, "list.csv", ids).height == 1


def test_found_counts_rows_of_a_test_frame_from_0():
    assert found(issues_of((FIRST_ROW, "Id", "a.b", None))) == [(0, "Id", "a.b")]

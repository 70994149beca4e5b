"""Counting corrections: every row that a run left is right, still wrong, or did not come back."""

from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.corrections import count_group
from pipelines.report.summary import Summary
from pipelines.steps.trace_corrections import GROUP_SCHEMA, LEFT_OUT
from pipelines.storage.run_dir import RunDirectory
from schemas.issues import ISSUE_SCHEMA, SERVICE_REFUSED
from schemas.outcomes import Outcome

RIGHT = {"accepted", "unchanged"}
MAIL, PHONE, SHARED = "address.email_invalid", "address.phone_invalid", "address.shared"
CODES = st.sampled_from([MAIL, PHONE, f"{MAIL}; {PHONE}", SERVICE_REFUSED, "no.code", None])
GROUPS = st.lists(
    st.tuples(CODES, st.sampled_from([*map(str, Outcome), LEFT_OUT]), CODES, st.integers(1, 9)),
    min_size=1,
    max_size=8,
)


def count(folder, *rows):
    groups = pl.DataFrame([("one", *row) for row in rows], GROUP_SCHEMA, orient="row")
    return count_group(groups, "one", folder, RIGHT)


def leave(folder, *codes_by_row, rejected=0):
    """Leave a run of invalid rows with these issues, and of rejected ones."""
    run = RunDirectory(folder / "one")
    run.path.mkdir()
    issues = [
        ("a.csv", row, None, "Address", code, "warning" if code == SHARED else "error", *[None] * 3)
        for row, codes in enumerate(codes_by_row, 1)
        for code in codes
    ]
    pl.DataFrame(issues, ISSUE_SCHEMA, orient="row").write_parquet(run.issues)
    counts = dict.fromkeys(Outcome, 0) | {"invalid": len(codes_by_row), "rejected": rejected}
    numbers = [
        "requests",
        "retries",
        "throttled",
        "splits",
        "bytes_sent",
        "seconds",
        "rows_per_second",
    ]
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    total = sum(counts.values())
    summary = Summary(
        **counts,
        **dict.fromkeys(numbers, 0),
        **dict.fromkeys(["rows", "records", "endpoints"], total),
        **dict.fromkeys(["application_id", "destination"]),
        **{key: {} for key in ["issues_by_code", "endpoints_by_outcome"]},
        run_id="one",
        status="completed_with_errors",
        balanced=True,
        started_at=moment,
        finished_at=moment,
        left_out=0,
    )
    run.summary.write_text(summary.model_dump_json())


def by_code(counted):
    return {code.code: (code.to_correct, code.corrected, code.still) for code in counted.codes}


def test_rows_are_counted_against_what_their_run_left(tmp_path):
    leave(tmp_path, [MAIL, MAIL], [MAIL, PHONE, SHARED], [PHONE], [PHONE], rejected=2)
    counted = count(
        tmp_path,
        (MAIL, "accepted", None, 1),
        (f"{MAIL}; {PHONE}", "invalid", PHONE, 1),
        (SERVICE_REFUSED, "rejected", SERVICE_REFUSED, 1),
    )
    assert (counted.to_correct, counted.fed_back) == (6, 3)
    assert (counted.corrected, counted.not_fed_back) == (1, 3)
    assert by_code(counted) == {
        PHONE: (3, 0, 1),
        MAIL: (2, 1, 0),
        SERVICE_REFUSED: (2, 0, 1),
    }
    assert counted.codes_now == {PHONE: 1, SERVICE_REFUSED: 1}


def test_a_damaged_run_is_none(tmp_path):
    leave(tmp_path, [MAIL], [MAIL])
    assert count(tmp_path, (MAIL, "accepted", None, 1)).to_correct == 2
    (tmp_path / "one/issues.parquet").write_bytes(b"PAR1")
    counted = count(tmp_path, (MAIL, "accepted", None, 1))
    assert (counted.is_known, counted.to_correct) == (False, 1)


@given(groups=GROUPS, left=st.none() | st.integers(0, 60))
def test_right_wrong_and_missing_rows_are_all_that_were_left(tmp_path_factory, groups, left):
    folder = tmp_path_factory.mktemp("runs")
    if left is not None:
        leave(folder, *[[MAIL]] * left)
    counted = count(folder, *groups)
    assert counted.is_known is (left is not None)
    assert counted.corrected == sum(rows for *_, told, _, rows in groups if told in RIGHT)
    wrong = sum(counted.others.values())
    assert counted.corrected + wrong == counted.fed_back
    assert counted.fed_back + counted.not_fed_back == counted.to_correct
    assert counted.to_correct == max(counted.fed_back, left or 0)
    for code in counted.codes:
        assert code.corrected + code.still <= code.to_correct <= counted.to_correct

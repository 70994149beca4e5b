"""The summary: books that balance, or a loud failure."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.errors import BooksError
from pipelines.report.summary import RunCounts, Summary, require_balance
from schemas.outcomes import Outcome

NAMES = tuple(
    """
    run_id status application_id destination rows accepted unchanged invalid duplicate held rejected
    unprocessed balanced requests retries throttled splits bytes_sent seconds rows_per_second
    issues_by_code started_at finished_at records left_out endpoints endpoints_by_outcome
    sync_mode opt_ins to_retire retired refused_removals
    breaches corrects to_correct corrected not_fed_back in_part
    """.split()  # noqa: SIM905 (as it stands in the contract)
)
"""The contract (README): flat, these names, in this order."""


def make_summary(**changes):
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    members = {
        "run_id": "r1",
        "status": "completed",
        "application_id": "app-1",
        "destination": "somewhere",
        "rows": 28,
        **{outcome.value: number for number, outcome in enumerate(Outcome, 1)},
        "balanced": True,
        **dict.fromkeys(["requests", "retries", "throttled", "splits", "bytes_sent"], 0),
        "seconds": 1.5,
        "rows_per_second": 2.5,
        "issues_by_code": {"address.missing": 2},
        "started_at": moment,
        "finished_at": moment,
        "records": 30,
        "left_out": 2,
        "endpoints": 28,
        "endpoints_by_outcome": {},
    }
    return Summary(**(members | changes))


def test_its_names_are_the_contracts():
    assert tuple(json.loads(make_summary().model_dump_json())) == NAMES


def test_it_takes_no_other_names():
    with pytest.raises(ValidationError):
        make_summary(extra=1)


def test_rows_by_outcome_are_those_of_the_members():
    assert make_summary().by_outcome() == dict(zip(Outcome, range(1, 8), strict=True))


@given(
    st.dictionaries(st.sampled_from(Outcome), st.integers(0, 10**9)),
    st.integers(0, 10**9),
    st.integers(0, 5),
)
def test_books_balance_when_outcomes_and_left_out_add_up_to_the_records(rows, left_out, more):
    endpoints = {**rows, Outcome.ACCEPTED: rows.get(Outcome.ACCEPTED, 0) + more}

    def are_balanced(records):
        return RunCounts(records, left_out, rows, endpoints).are_balanced

    records = sum(rows.values()) + left_out
    assert are_balanced(records)
    assert not are_balanced(records + 1)
    assert not are_balanced(records - 1)


def test_books_do_not_balance_with_fewer_endpoints_than_rows():
    rows = {Outcome.ACCEPTED: 3}
    assert not RunCounts(3, 0, rows, {Outcome.ACCEPTED: 2}).are_balanced


def test_balanced_books_pass():
    require_balance(make_summary())


def test_books_that_do_not_balance_fail_with_all_figures():
    with pytest.raises(BooksError) as caught:
        require_balance(make_summary(rows=29, balanced=False))
    message = str(caught.value)
    told = "Run r1: 30 records, 2 left out, but outcomes are accepted 1, unchanged 2, "
    assert message.startswith(told)
    assert all(f"{outcome.value} {n}" in message for n, outcome in enumerate(Outcome, 1))

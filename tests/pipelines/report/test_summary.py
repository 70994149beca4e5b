"""The summary: books that balance, or a loud failure."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.errors import BooksError
from pipelines.report.summary import Summary, balance, require_balance
from schemas.outcomes import Outcome

NAMES = tuple(
    """
    run_id status application_id destination rows accepted unchanged invalid duplicate held rejected
    unprocessed balanced requests retries throttled splits bytes_sent seconds rows_per_second
    issues_by_code started_at finished_at
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
    }
    return Summary(**(members | changes))


def test_its_names_are_the_contracts():
    assert tuple(json.loads(make_summary().model_dump_json())) == NAMES


def test_it_takes_no_other_names():
    with pytest.raises(ValidationError):
        make_summary(extra=1)


def test_rows_by_outcome_are_those_of_the_members():
    assert make_summary().by_outcome() == dict(zip(Outcome, range(1, 8), strict=True))


@given(counts=st.dictionaries(st.sampled_from(Outcome), st.integers(0, 10**9)))
def test_books_balance_when_outcomes_add_up_to_the_rows(counts):
    rows = sum(counts.values())
    assert balance(rows, counts)
    assert not balance(rows + 1, counts)
    assert not balance(rows - 1, counts)


def test_balanced_books_pass():
    require_balance(make_summary())


def test_books_that_do_not_balance_fail_with_all_figures():
    with pytest.raises(BooksError) as caught:
        require_balance(make_summary(rows=29, balanced=False))
    message = str(caught.value)
    assert message.startswith("Run r1: 29 rows, but outcomes are accepted 1, unchanged 2, ")
    assert all(f"{outcome.value} {n}" in message for n, outcome in enumerate(Outcome, 1))

"""The verdict: one sentence that says how a run ended."""

from datetime import UTC, datetime

import pytest

from pipelines.report.summary import Summary
from pipelines.report.verdict import say_verdict
from pipelines.storage.manifest import Manifest, RunStatus
from schemas.outcomes import Outcome

AT = datetime(2026, 1, 2, tzinfo=UTC)


def verdict(command="run", status=RunStatus.COMPLETED, **counts):
    outcomes = dict.fromkeys((outcome.value for outcome in Outcome), 0) | counts
    rows = sum(outcomes[outcome.value] for outcome in Outcome)
    summary = Summary(
        run_id="r1",
        status=status.value,
        application_id=None,
        destination=None,
        rows=rows,
        balanced=True,
        **dict.fromkeys(["requests", "retries", "throttled", "splits", "bytes_sent"], 0),
        seconds=1.0,
        rows_per_second=1.0,
        issues_by_code={},
        started_at=AT,
        finished_at=AT,
        records=rows,
        left_out=0,
        endpoints=rows,
        endpoints_by_outcome={},
        **outcomes,
    )
    manifest = Manifest(
        run_id="r1",
        command=command,
        status=status,
        settings={},
        versions={},
        folder="",
        sources=[],
        started_at=AT,
        attempts=[],
    )
    return say_verdict(summary, manifest)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"accepted": 3}, "All 3 rows were imported."),
        ({"accepted": 1}, "The row was imported."),
        ({"accepted": 1, "invalid": 2}, "1 of 3 rows was imported, 2 were not."),
        (
            {"accepted": 20, "unchanged": 980},
            "All 1,000 rows are up to date: 20 were sent, 980 had not changed.",
        ),
        (
            {"unchanged": 980},
            "All 980 rows are up to date: none of them had changed, nothing was sent.",
        ),
        ({"unchanged": 1}, "The row is up to date: it had not changed, nothing was sent."),
        (
            {"accepted": 20, "unchanged": 970, "held": 4, "invalid": 6},
            "990 of 1,000 rows are up to date (20 were sent, 970 had not changed), 10 are not.",
        ),
        (
            {"unchanged": 9, "held": 1},
            "9 of 10 rows are up to date (none of these was sent), 1 is not.",
        ),
        ({"held": 2}, "0 of 2 rows were imported, 2 were not."),
        (
            {"accepted": 5, "invalid": 4, "in_part": 3},
            "5 of 9 rows were imported, 4 were not. 3 of the others were imported in part.",
        ),
        (
            {"unchanged": 5, "to_retire": 1, "retired": 1},
            "All 5 rows are up to date: none of them had changed, nothing was sent. 1 endpoint "
            "gone from the source was retired.",
        ),
        (
            {"accepted": 2, "to_retire": 12, "retired": 9, "refused_removals": 3},
            "All 2 rows were imported. 9 of 12 endpoints gone from the source were retired.",
        ),
    ],
)
def test_of_an_import(counts, told):
    assert verdict(**counts) == told


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"unprocessed": 3}, "All 3 rows can be imported."),
        (
            {"unprocessed": 20, "unchanged": 980},
            "All 1,000 rows can be imported: 20 would be sent, 980 have not changed.",
        ),
        (
            {"unprocessed": 20, "unchanged": 970, "held": 10},
            "990 of 1,000 rows can be imported (20 would be sent, 970 have not changed), "
            "10 cannot.",
        ),
        ({"unprocessed": 1, "invalid": 2}, "1 of 3 rows can be imported, 2 cannot."),
    ],
)
def test_of_a_plan(counts, told):
    assert verdict("plan", **counts) == told


def test_of_a_run_that_stopped():
    told = verdict(status=RunStatus.STOPPED, accepted=5, unchanged=90, unprocessed=5)
    assert told == "Stopped part-way: 5 of 100 rows were imported, 90 had not changed."
    told = verdict(status=RunStatus.STOPPED, accepted=5, unprocessed=5)
    assert told == "Stopped part-way: 5 of 10 rows were imported."

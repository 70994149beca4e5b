"""The plan in words, line by line."""

from dataclasses import replace

import pytest

from pipelines.report.cost import unpaced
from pipelines.report.durations import say_duration
from pipelines.report.plan import ImportPlan
from pipelines.report.plan_text import say_plan
from schemas.sync import RetirePolicy


def lines(*figures, **more):
    return say_plan(ImportPlan(*figures, **more)).splitlines()


def test_a_published_quota():
    assert lines(300_000, 3000, 2.0, in_flight=2, is_published=True, check_s=7.1) == [
        "`run` would send 300,000 endpoints in 3,000 requests: 25 minutes at 2 requests/s, AWS's "
        "published quota.",
        "That bounds it as long as answers take less than 1 s (with 2 in flight). Reading and "
        "checking come before that: 7 s, as now.",
        "What would shorten it:",
        "  only the rows that changed (--sync-mode changed): 15 s if 1% did",
        "  a quota of 10 requests/s, told by --rate 10: 5 minutes",
    ]


def test_a_rate_at_a_service_that_may_have_import_jobs():
    assert lines(1000, 40, 0.5, source_bytes=58_300_000)[2:] == [
        "What would shorten it:",
        "  only the rows that changed (--sync-mode changed): 2 s if 1% did",
        "  a quota of 2.5 requests/s, told by --rate 2.5: 16 s",
        "  an import job, if that service offers one: 58 MB, and none of these requests",
    ]


def test_no_quota():
    fast, usual, slow = (say_duration(3000 / unpaced(4, ms / 1000)) for ms in (5, 50, 200))
    more = say_duration(3000 / unpaced(16, 0.05))
    assert lines(300_000, 3000, None, in_flight=4, check_s=7.1) == [
        "`run` would send 300,000 endpoints in 3,000 requests, as fast as the service answers.",
        f"With 4 in flight that is {fast} at 5 ms, {usual} at 50 ms, {slow} at 200 ms an answer. "
        "Reading and checking come before that: 7 s, as now.",
        "What would shorten it:",
        "  only the rows that changed (--sync-mode changed): under a second if 1% did, "
        "at 50 ms an answer",
        "  more in flight, if the service stands it (--max-in-flight 16): "
        f"{more}, at 50 ms an answer",
    ]


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (20.0, "That bounds it as long as answers take less than 200 ms (with 4 in flight)."),
        (200.0, "The service's answers bound it instead if they take more than 20 ms"),
        (5000.0, "This tool's own work bounds it: about"),
    ],
)
def test_what_bounds_it(rate, told):
    assert lines(300_000, 3000, rate, in_flight=4)[1].startswith(told)


def test_little_is_not_to_be_shortened():
    assert len(lines(94, 1, 2.0)) == 2


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        (0, "`run` would send nothing. This is about the first 100 records only (--limit)."),
        (94, "published quota. This is about the first 100 records only (--limit)."),
    ],
)
def test_a_plan_of_the_first_rows_says_so(rows, first):
    made = lines(rows, min(rows, 1), 2.0, is_published=True, limit=100)
    assert made[0].endswith(first)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.99, "under a second"),
        (99.4, "99 s"),
        (100, "2 minutes"),
        (59.4 * 60, "59 minutes"),
        (59.6 * 60, "1 h 0 min"),
        (47.9 * 3600, "47 h 54 min"),
        (48 * 3600, "2 days 0 h"),
        (1e9 / 200, "57 days 21 h"),
    ],
)
def test_durations(seconds, told):
    assert say_duration(seconds) == told


def test_a_plan_that_takes_longer_than_the_night_says_so():
    plan = ImportPlan(100, 1, 2.0, to_retire=500_000, policy=RetirePolicy.DELETE, retire_rate=5.0)
    told = say_plan(replace(plan, every_s=86_400.0)).splitlines()
    assert told[2].startswith("500,000 endpoints are gone from the source")
    assert told[3].startswith("That is 27 h 47 min in all, longer than the time between two runs")
    assert told[3].endswith("--retire optout or inactive is faster.")
    assert "longer" not in say_plan(replace(plan, every_s=110_000.0))
    by_update = replace(plan, policy=RetirePolicy.OPTOUT, retire_rate=2.0)
    (late,) = (
        line for line in say_plan(replace(by_update, every_s=60.0)).splitlines() if "longer" in line
    )
    assert "faster" not in late


def test_a_night_without_changes_still_says_what_it_would_retire():
    plan = ImportPlan(0, 0, 2.0, to_retire=1, policy=RetirePolicy.OPTOUT, retire_rate=2.0)
    assert "`run` would send nothing.\n1 endpoint is gone" in say_plan(plan)

"""How far a run is: from nothing to its end, and never back."""

import pytest

from pipelines.tracking import Tracker


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(sends=True)


def test_it_begins_at_nothing(tracker: Tracker) -> None:
    assert (tracker.percent, tracker.words) == (0, "Reading")
    tracker.begin("stage", None)
    tracker.advance("stage", 250_000)
    assert (tracker.percent, tracker.words) == (0, "Reading: 250,000 rows")


def test_it_goes_on_with_the_rows_of_a_phase(tracker: Tracker) -> None:
    tracker.begin("stage", None)
    tracker.begin("prepare", 1_000)
    tracker.skip("prepare", 250)
    tracker.advance("prepare", 250)
    tracker.advance("deliver", 300)  # of another phase
    assert (tracker.percent, tracker.words) == (15, "Validating: 500 of 1,000 rows")
    tracker.begin("resolve", None)
    assert (tracker.percent, tracker.words) == (20, "Comparing rows")


def test_it_stays_where_a_run_stopped(tracker: Tracker) -> None:
    tracker.begin("stage", None)
    tracker.begin("prepare", 100)
    tracker.advance("prepare", 40)
    tracker.begin("report", None)
    assert (tracker.percent, tracker.words) == (14, "Validating: 40 of 100 rows")


def test_phases_that_a_run_leaves_out_are_behind_it(tracker: Tracker) -> None:
    tracker.begin("stage", None)
    tracker.begin("deliver", 4)
    tracker.advance("deliver", 9)  # more than was known of
    assert tracker.percent == 90

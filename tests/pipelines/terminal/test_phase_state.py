"""How far a phase is, by a clock of the test's own."""

import pytest
from fakes import FakeClock

from pipelines.terminal.phase_state import PhaseState


@pytest.fixture
def clock():
    return FakeClock()


def make(clock, name="prepare", total=None):
    return PhaseState(name, total, clock.monotonic)


def test_time_left_is_by_the_pace_of_now(clock):
    state = make(clock, total=10_000)
    for _ in range(10):  # slow at first
        clock.sleep(10)
        state.advance(10)
    for _ in range(6):
        clock.sleep(10)
        state.advance(1_000)
    assert state.pace() == pytest.approx(100)
    assert state.left_s() == pytest.approx((10_000 - 6_100) / 100)


def test_rows_of_an_earlier_attempt_are_done_and_no_pace(clock):
    state = make(clock, total=1_000)
    state.skip(900)
    assert state.left_s() is None
    clock.sleep(1)
    state.advance(10)
    assert (state.done_share(), state.pace(), state.left_s()) == (0.91, 10, 9)


def test_bytes_tell_where_nobody_knows_the_rows(clock):
    state = make(clock, "stage")
    assert (state.done_share(), state.left_s()) == (None, None)
    state.total_bytes = 1_000
    clock.sleep(5)
    state.advance(7)
    state.taken_bytes += 250
    assert (state.done_share(), state.left_s()) == (0.25, 15)
    assert state.say_done() == "7 rows"


@pytest.mark.parametrize(
    ("name", "counts", "told"),
    [
        ("prepare", {"invalid": 0}, "0 invalid"),
        ("deliver", {"accepted": 1200, "requests": 1, "retries": 1},
         "1,200 accepted, 0 rejected, 1 request, 1 retry"),
        ("deliver", {"requests": 2, "throttled": 2, "accepted": 0},
         "0 accepted, 0 rejected, 2 requests, 2 throttled"),
        ("stage", {}, ""),
    ],
)  # fmt: skip
def test_what_was_counted(clock, name, counts, told):
    state = make(clock, name)
    state.add(counts)
    assert state.say_counts() == told


def test_sending_goes_through_endpoints(clock):
    assert make(clock, "deliver", 5).say_done() == "0 of 5 endpoints"

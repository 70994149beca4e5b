"""Backoff: how long to wait, and how that is drawn."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.destinations.retry import RetryPolicy, SystemClock

POLICY = RetryPolicy(base_s=0.1, cap_s=8.0)


class Highest(random.Random):
    """Draws the upper bound."""

    def uniform(self, a, b):
        return b


@pytest.mark.parametrize(
    ("attempt", "bound_s"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 6.4), (8, 8.0), (9, 8.0)]
)
def test_the_bound_doubles_up_to_the_cap(attempt, bound_s):
    assert POLICY.wait_s(attempt, Highest()) == pytest.approx(bound_s)


@given(attempt=st.integers(1, 10_000), seed=st.integers())
def test_a_wait_is_within_its_bounds(attempt, seed):
    wait_s = POLICY.wait_s(attempt, random.Random(seed))
    assert 0 <= wait_s <= min(8.0, 0.1 * 2 ** min(attempt, 100))


def test_waits_are_spread_over_the_whole_range():
    draw = random.Random(1)
    waits = [POLICY.wait_s(8, draw) for _ in range(200)]
    assert min(waits) < 1
    assert max(waits) > 7


def test_the_system_clock_is_the_machines():
    clock = SystemClock()
    before = time.monotonic()
    assert before <= clock.monotonic() <= time.monotonic()
    clock.sleep(0)

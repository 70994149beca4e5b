"""The pace: so many requests per second, one at a time, without a burst."""

import threading
from itertools import pairwise

import pytest
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from pipelines.destinations.throttle import TokenBucket


def pass_times(bucket, clock, count):
    times = []
    for _ in range(count):
        bucket.acquire()
        times.append(clock.now)
    return times


@pytest.mark.parametrize("rate", [0.5, 2, 100])
def test_requests_pass_at_exactly_the_pace(rate):
    clock = FakeClock(0.0)
    times = pass_times(TokenBucket(rate, clock), clock, 11)
    assert times == pytest.approx([n / rate for n in range(11)])


def test_the_first_request_passes_at_once():
    clock = FakeClock()
    TokenBucket(1, clock).acquire()
    assert clock.waits == []


def test_idle_time_is_not_saved_up_for_a_burst():
    clock = FakeClock(0.0)
    bucket = TokenBucket(2, clock)
    bucket.acquire()
    clock.now = 100.0
    assert pass_times(bucket, clock, 3) == pytest.approx([100.0, 100.5, 101.0])


@given(
    rate=st.sampled_from([1.0, 2.0, 4.0]),
    pauses=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 3.0]), min_size=1, max_size=30),
)
def test_no_two_requests_are_nearer_than_a_period(rate, pauses):
    clock = FakeClock(0.0)
    bucket = TokenBucket(rate, clock)
    times = []
    for pause in pauses:
        clock.now += pause
        bucket.acquire()
        times.append(clock.now)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(gap >= 1 / rate - 1e-9 for gap in gaps)


@pytest.mark.parametrize("rate", [None, 0, 0.0])
def test_no_rate_is_no_waiting(rate):
    clock = FakeClock()
    pass_times(TokenBucket(rate, clock), clock, 1000)
    assert clock.waits == []


class Meeting(FakeClock):
    """A clock at which readers of different threads meet, so that they read at the same time."""

    def __init__(self, parties):
        super().__init__(0.0)
        self.parties = threading.Barrier(parties)
        self.slept = threading.local()

    def monotonic(self):
        now = super().monotonic()
        try:
            # Threads that a lock keeps apart do not meet, and go on alone.
            self.parties.wait(0.05)
        except threading.BrokenBarrierError:
            self.parties.reset()
        return now

    def sleep(self, seconds):
        with self._lock:
            self.waits.append(seconds)


def test_threads_get_a_slot_each():
    clock = Meeting(2)
    bucket = TokenBucket(10, clock)
    threads = [threading.Thread(target=bucket.acquire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Time stands still, so that every thread waits for its own slot; the first has none to wait.
    assert sorted(clock.waits) == pytest.approx([0.1, 0.2, 0.3])

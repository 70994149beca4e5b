"""The pace: never over a known quota, near an unknown one, and no collapse at random 429s.

Whole runs are simulated: events in virtual time, no threads, a fixed seed.
"""

import heapq
import itertools
import random
import threading
from dataclasses import dataclass, field

import pytest
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from pipelines.destinations.throttle import (
    HOLD_ANSWERS,
    JITTER_S,
    MEASURED_ANSWERS,
    Pace,
    lower_rate,
)


def never():
    return False


def pass_times(pace, clock, count):
    times = []
    for _ in range(count):
        pace.acquire(never)
        times.append(clock.now)
    return times


# One thread at a known quota


@pytest.mark.parametrize("rate", [1.5, 2, 100])
def test_requests_pass_at_exactly_the_pace(rate):
    clock = FakeClock(0.0)
    assert pass_times(Pace(rate, clock), clock, 11) == pytest.approx([n / rate for n in range(11)])


@pytest.mark.parametrize("rate", [0.5, 1])
def test_a_quota_without_a_burst_gets_room_for_jitter(rate):
    clock = FakeClock(0.0)
    times = pass_times(Pace(rate, clock), clock, 11)
    assert times == pytest.approx([n * (1 / rate + JITTER_S) for n in range(11)])


def test_the_first_request_passes_at_once():
    clock = FakeClock()
    Pace(1, clock).acquire(never)
    assert clock.waits == []


def test_idle_time_is_not_saved_up_for_a_burst():
    clock = FakeClock(0.0)
    pace = Pace(2, clock)
    pace.acquire(never)
    clock.now = 100.0
    # No more than a tenth of a second of it.
    assert pass_times(pace, clock, 3) == pytest.approx([100.0, 100.4, 100.9])


def test_a_late_request_does_not_shift_the_next_ones():
    clock = FakeClock(0.0)
    pace = Pace(10, clock)
    pace.acquire(never)
    clock.now = 0.18
    assert pass_times(pace, clock, 3) == pytest.approx([0.18, 0.2, 0.3])


@given(
    rate=st.sampled_from([0.5, 1.0, 1.02, 1.1, 2.0, 5.0, 100.0]),
    pauses=st.lists(st.sampled_from([0.0, 0.03, 0.1, 0.25, 1.0, 3.0]), min_size=1, max_size=30),
    delays=st.lists(st.floats(0, 0.9 * JITTER_S), min_size=30, max_size=30),
)
def test_a_service_with_that_quota_never_throttles(rate, pauses, delays):
    clock = FakeClock(0.0)
    pace = Pace(rate, clock)
    service = Service(clock, rate)
    left = []
    for pause in pauses:
        clock.now += pause
        pace.acquire(never)
        left.append(clock.now)
    arrivals = sorted(time + delay for time, delay in zip(left, delays, strict=False))
    for clock.now in arrivals:
        assert service.takes()


@pytest.mark.parametrize("rate", [None, 0, 0.0])
def test_no_ceiling_is_no_waiting(rate):
    clock = FakeClock()
    pace = Pace(rate, clock)
    pass_times(pace, clock, 1000)
    assert clock.waits == []
    assert pace.requests_per_second is None


class Meeting(FakeClock):
    """A clock at which readers of different threads meet, so that they read at the same time."""

    def __init__(self, parties):
        super().__init__(0.0)
        self.parties = threading.Barrier(parties)
        self.sleepers = 0
        self.most_sleepers = 0

    def meet(self):
        try:
            # Threads that a lock keeps apart do not meet, and go on alone.
            self.parties.wait(0.05)
        except threading.BrokenBarrierError:
            self.parties.reset()

    def monotonic(self):
        now = super().monotonic()
        self.meet()
        return now

    def sleep(self, seconds, is_over=never):
        with self._lock:
            self.waits.append(seconds)
            self.sleepers += 1
            self.most_sleepers = max(self.most_sleepers, self.sleepers)
        self.meet()
        with self._lock:
            self.sleepers -= 1


def test_threads_get_a_slot_and_a_ticket_each():
    clock = Meeting(2)
    pace = Pace(10, clock)
    tickets = []
    threads = [
        threading.Thread(target=lambda: tickets.append(pace.acquire(never))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Time stands still, so that every thread waits for its own slot; the first has none to wait.
    assert sorted(clock.waits) == pytest.approx([0.1, 0.2, 0.3])
    assert sorted(tickets) == [0, 1, 2, 3]
    # The others have no slot yet while one waits for its own: a new pace holds for them.
    assert clock.most_sleepers == 1


def test_a_wait_comes_to_an_early_end():
    class Asking(FakeClock):
        def sleep(self, seconds, is_over=never):
            if not is_over():
                super().sleep(seconds)

    clock = Asking(0.0)
    pace = Pace(0.01, clock)
    pace.acquire(never)
    pace.acquire(lambda: True)
    assert clock.now == 0.0


# Whole runs


@dataclass
class Service:
    """Takes so many requests per second, with one second's worth (at least one) in reserve."""

    clock: FakeClock
    quota: float | None
    random_429s: float = 0.0
    """Share of the requests that are throttled at any pace."""
    draw: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self):
        self.reserve = self.burst
        self.filled_s = self.clock.now

    @property
    def burst(self):
        return max(1.0, self.quota or 0.0)

    def takes(self):
        if self.draw.random() < self.random_429s:
            return False
        if self.quota is None:
            return True
        earned = (self.clock.now - self.filled_s) * self.quota
        self.filled_s = self.clock.now
        self.reserve = min(self.burst, self.reserve + earned)
        # What floats lose in adding up is no lack.
        if self.reserve < 1 - 1e-9:
            return False
        self.reserve -= 1
        return True


@dataclass
class Run:
    """Threads that send through a pace as fast as it lets them."""

    quota: float | None
    in_flight: int
    latency_s: float
    ceiling: float | None = None
    random_429s: float = 0.0
    late_s: float = 0.001
    """Longest that a thread wakes up late."""

    def __post_init__(self):
        self.clock = FakeClock(0.0)
        self.pace = Pace(self.ceiling, self.clock)
        self.service = Service(self.clock, self.quota, self.random_429s)
        self.arrivals = []
        """Time, and whether the request was taken."""
        self._draw = random.Random(2)
        self._events = []
        self._numbers = itertools.count()
        self._free_threads = self.in_flight
        self._is_line_held = False

    def go_on(self, seconds):
        """Simulate that much more."""
        end_s = self.clock.now + seconds
        while True:
            if self._free_threads and not self._is_line_held:
                self._free_threads -= 1
                self._is_line_held = True
                ticket, wait_s = self.pace.reserve()
                late_s = self._draw.uniform(0, self.late_s) if wait_s else 0.0
                self._in(wait_s + late_s, self._leave, ticket)
                continue
            if self._events[0][0] > end_s:
                break
            self.clock.now, _, action, arguments = heapq.heappop(self._events)
            action(*arguments)
        self.clock.now = end_s
        return self

    def _in(self, seconds, action, *arguments):
        event = (self.clock.now + seconds, next(self._numbers), action, arguments)
        heapq.heappush(self._events, event)

    def _one_way_s(self):
        return self.latency_s / 2 * self._draw.uniform(0.8, 1.2)

    def _leave(self, ticket):
        self._is_line_held = False
        self._in(self._one_way_s(), self._arrive, ticket)

    def _arrive(self, ticket):
        is_taken = self.service.takes()
        self.arrivals.append((self.clock.now, is_taken))
        self._in(self._one_way_s(), self._answer, ticket, is_taken)

    def _answer(self, ticket, is_taken):
        self._free_threads += 1
        if is_taken:
            self.pace.note_accepted()
        else:
            self.pace.note_throttled(ticket)

    def taken_per_second(self, since_s):
        taken = sum(is_taken for time, is_taken in self.arrivals if time >= since_s)
        return taken / (self.clock.now - since_s)

    def share_throttled(self, since_s=0.0):
        answers = [is_taken for time, is_taken in self.arrivals if time >= since_s]
        return 1 - sum(answers) / len(answers)


@pytest.mark.parametrize("late_s", [0.001, 0.02], ids=["prompt", "late"])
@pytest.mark.parametrize("quota", [0.5, 1, 1.1, 2, 10, 100, 500])
def test_a_known_quota_is_used_and_never_exceeded(quota, late_s):
    run = Run(quota, 16, 0.025, ceiling=quota, late_s=late_s).go_on(max(30, 100 / quota))
    assert run.share_throttled() == 0
    assert run.taken_per_second(0.0) > 0.95 * quota


IN_FLIGHT = [(2, 0.001), (4, 0.01), (8, 0.05), (16, 0.001), (16, 0.2)]


@pytest.mark.parametrize(("in_flight", "latency_s"), IN_FLIGHT)
@pytest.mark.parametrize("quota", [2, 10, 50, 100, 500])
def test_an_unknown_quota_is_found_and_held(quota, in_flight, latency_s):
    run = Run(quota, in_flight, latency_s).go_on(15 + max(30, 1000 / quota))
    assert run.taken_per_second(15) > 0.95 * min(quota, in_flight / latency_s)
    assert run.share_throttled(15) < 0.1


@pytest.mark.parametrize(("in_flight", "latency_s"), [(2, 0.00667), (6, 0.02), (16, 0.0533)])
@pytest.mark.parametrize(("random_429s", "kept"), [(0.1, 0.85), (0.2, 0.65)])
def test_random_429s_do_not_slow_it_down(random_429s, kept, in_flight, latency_s):
    run = Run(None, in_flight, latency_s, random_429s=random_429s)
    while len(run.arrivals) < 10_000:
        run.go_on(1)
    # The natural speed is 300 requests per second.
    assert len(run.arrivals) / run.clock.now > 300 * kept


@pytest.mark.parametrize(("quota", "new", "within_s"), [(500, 50, 2), (100, 10, 5), (20, 2, 10)])
def test_a_quota_that_drops_is_found_again(quota, new, within_s):
    run = Run(quota, 16, 0.02).go_on(40)
    run.service.quota = new
    run.go_on(within_s)
    assert new * 0.8 < run.pace.requests_per_second < new * 1.5
    found_s = run.clock.now
    run.go_on(300 / new)
    assert run.taken_per_second(found_s) > 0.95 * new
    assert run.share_throttled(found_s) < 0.1


def test_a_quota_that_rises_is_found_again():
    run = Run(10, 8, 0.02).go_on(30)
    run.service.quota = 100
    # Up to a hold of 20 s, and 8 s to climb.
    run.go_on(HOLD_ANSWERS / 10 + 10).go_on(30)
    assert run.taken_per_second(60) > 95
    assert run.share_throttled(60) < 0.1


def test_a_quota_that_vanishes_is_noticed():
    run = Run(100, 8, 0.02).go_on(30)
    run.service.quota = None
    run.go_on(15)
    assert run.pace.requests_per_second is None
    run.go_on(10)
    assert run.taken_per_second(45) > 380


def test_a_service_that_takes_nothing_for_a_while_is_soon_used_again():
    run = Run(100, 8, 0.02).go_on(30)
    run.service.quota = 0.0
    run.go_on(60)
    run.service.quota = 100
    run.go_on(30).go_on(20)
    assert run.taken_per_second(120) > 95


@pytest.mark.parametrize(("quota", "expected"), [(50, 50), (None, 100)])
def test_a_ceiling_caps_the_adaptive_pace(quota, expected):
    run = Run(quota, 8, 0.02, ceiling=100).go_on(45)
    assert run.taken_per_second(15) == pytest.approx(expected, rel=0.02)
    assert run.pace.requests_per_second <= 100


def test_a_round_of_requests_in_flight_lowers_the_pace_once():
    clock = FakeClock(0.0)
    pace = Pace(None, clock)
    tickets = [pace.acquire(never) for _ in range(100)]
    first, rest = tickets[: MEASURED_ANSWERS + 1], tickets[MEASURED_ANSWERS + 1 :]
    for ticket in first:
        clock.now += 0.01
        pace.note_throttled(ticket)
    # 20 answers in 0.2 s are 100/s; none was taken, so a quarter, of which a bit more is asked.
    assert pace.requests_per_second == pytest.approx(100 / 4 * 1.4)
    for ticket in rest:
        clock.now += 0.01
        pace.note_throttled(ticket)
    assert pace.requests_per_second == pytest.approx(100 / 4 * 1.4)


def test_idle_time_does_not_lower_the_pace():
    clock = FakeClock(0.0)
    pace = Pace(None, clock)
    pace.note_throttled(pace.acquire(never))
    for answer in range(MEASURED_ANSWERS):
        clock.now += 0.1 if answer else 600.0
        pace.note_accepted()
    # 20 were taken in 1.9 s and a second of the ten minutes.
    assert pace.requests_per_second == pytest.approx(20 / 2.9)


@pytest.mark.parametrize(("rate", "first"), [(2, 100.5), (None, 100.0)])
def test_a_pace_that_another_process_kept_begins_a_period_later(rate, first):
    clock = FakeClock(100.0)
    pace = Pace(rate, clock)
    pace.hold_back()
    assert pass_times(pace, clock, 1) == [first]


@pytest.mark.parametrize(
    ("asked", "quota", "rate"),
    [(50, 5, 5), (2, 5, 2), (None, 5, 5), (50, None, 50), (None, None, None)],
)
def test_what_is_asked_for_never_raises_a_quota(asked, quota, rate):
    assert lower_rate(asked, quota) == rate

"""The circuit breaker: nothing but failures stops the requests, and one at a time asks again."""

import queue
import random
import threading

import pytest
from fakes import FakeClock

from pipelines.destinations.breaker import BreakerPolicy, CircuitBreaker

POLICY = BreakerPolicy()


def never():
    return False


class Longest(random.Random):
    """Draws the upper bound."""

    def uniform(self, a, b):
        return b


@pytest.fixture
def clock():
    return FakeClock(0.0)


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(clock, Longest())


def fail(breaker, count=POLICY.failures_in_a_row):
    return [breaker.note_failure() for _ in range(count)][-1]


def fail_until_given_up(breaker):
    while not breaker.note_failure():
        breaker.acquire(never)


# Closed


def test_requests_pass_while_the_service_answers(breaker, clock):
    for _ in range(3):
        fail(breaker, 9)
        breaker.acquire(never)
        breaker.note_answer()
    assert clock.waits == []


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_failures_at_random_do_not_open_it(breaker, clock, share):
    draw = random.Random(1)
    for _ in range(20_000):
        breaker.acquire(never)
        if draw.random() < share:
            assert not breaker.note_failure()
        else:
            breaker.note_answer()
    assert clock.waits == []


# Open


def test_failures_in_a_row_open_it(breaker, clock):
    assert not fail(breaker, 10)
    breaker.acquire(never)
    assert clock.waits == [0.5]


def test_cool_downs_double_up_to_the_cap(breaker, clock):
    fail(breaker)
    for _ in range(7):
        breaker.acquire(never)
        breaker.note_failure()
    assert clock.waits == [0.5, 1, 2, 4, 8, 15, 15]


def test_cool_downs_have_full_jitter():
    draw = random.Random(1)
    drawn = [POLICY.cool_down_s(3, draw) for _ in range(1000)]
    assert 0 <= min(drawn) < 0.1
    assert 1.9 < max(drawn) <= 2


def test_failures_of_requests_from_before_are_no_probes(breaker, clock):
    fail(breaker, 16)
    breaker.acquire(never)
    assert clock.waits == [0.5]


def test_an_answer_closes_it(breaker, clock):
    fail(breaker)
    breaker.acquire(never)
    breaker.note_failure()
    breaker.acquire(never)
    breaker.note_answer()
    clock.waits.clear()
    fail(breaker, 9)
    breaker.acquire(never)
    assert clock.waits == []
    fail(breaker, 1)
    breaker.acquire(never)
    # The cool-downs begin anew.
    assert clock.waits == [0.5]


def test_an_answer_ends_the_cool_down(clock):
    class Answered(FakeClock):
        def sleep(self, seconds, is_over=never):
            assert not is_over()
            breaker.note_answer()
            if not is_over():
                super().sleep(seconds)

    clock = Answered()
    breaker = CircuitBreaker(clock, Longest())
    fail(breaker)
    breaker.acquire(never)
    assert clock.waits == []


# Several threads


class Waiters:
    """Threads that wait for the breaker."""

    def __init__(self, breaker, count):
        self.is_over = threading.Event()
        self._passed = queue.Queue()
        self._threads = [
            threading.Thread(target=self._wait, args=(breaker,), daemon=True) for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _wait(self, breaker):
        breaker.acquire(self.is_over.is_set)
        self._passed.put(None)

    def let_through(self, count):
        """Wait until so many have passed, and see that no further one does."""
        for _ in range(count):
            self._passed.get(timeout=10)
        with pytest.raises(queue.Empty):
            self._passed.get(timeout=0.1)
        return True

    def join(self):
        for thread in self._threads:
            thread.join(10)
        return not any(thread.is_alive() for thread in self._threads)


@pytest.fixture
def waiters(breaker):
    fail(breaker)
    return Waiters(breaker, 5)


def test_one_probe_passes_and_its_answer_lets_the_others_through(breaker, waiters):
    assert waiters.let_through(1)
    breaker.note_answer()
    assert waiters.let_through(4)


def test_after_a_failed_probe_another_thread_asks(breaker, waiters, clock):
    assert waiters.let_through(1)
    before_s = clock.now
    breaker.note_failure()
    assert waiters.let_through(1)
    # The second cool-down was waited out first.
    assert clock.now >= before_s + 1
    breaker.note_answer()
    assert waiters.let_through(3)


def test_a_probe_that_never_reports_does_not_block_the_others(breaker, waiters, clock):
    assert waiters.let_through(1)
    clock.now += POLICY.probe_timeout_s + 1
    assert waiters.let_through(1)
    breaker.note_answer()
    assert waiters.let_through(3)


def test_waiting_for_a_probe_comes_to_an_early_end(waiters):
    assert waiters.let_through(1)
    waiters.is_over.set()
    assert waiters.join()


def test_a_cool_down_comes_to_an_early_end(clock):
    class Asking(FakeClock):
        def sleep(self, seconds, is_over=never):
            questions.append(is_over())
            if not is_over():
                super().sleep(seconds)

    questions = []
    answers = iter([False, True, True, True])
    clock = Asking()
    breaker = CircuitBreaker(clock, Longest())
    fail(breaker)
    breaker.acquire(lambda: next(answers))
    assert questions == [True]
    # Who leaves early is no probe: the next one passes after the cool-down.
    breaker.acquire(never)
    assert clock.waits == [0.5]


# Giving up


def test_a_service_that_answered_is_given_up_late(breaker, clock):
    breaker.note_answer()
    fail_until_given_up(breaker)
    assert 120 < clock.now <= 120 + 15


def test_a_service_that_never_answered_is_given_up_soon(breaker, clock):
    fail_until_given_up(breaker)
    assert 15 < clock.now <= 15 + 8


def test_the_time_to_give_up_counts_from_the_last_opening(breaker, clock):
    for _ in range(3):
        fail(breaker)
        clock.now += 100
        breaker.acquire(never)
        breaker.note_answer()
    assert not fail(breaker)
    clock.now += 121
    assert breaker.note_failure()


def test_a_closed_breaker_never_gives_up(breaker, clock):
    breaker.note_failure()
    clock.now += 1000
    assert not fail(breaker, 8)

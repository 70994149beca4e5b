"""Sending: every item gets at most one answer, and everyone who can be delivered is."""

import json
import random
import threading
from collections import Counter, deque

import pytest
from fakes import FakeClock, ScriptedDestination
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.retry import RetryPolicy
from pipelines.destinations.sender import SendCounts, Sender
from pipelines.errors import (
    DestinationError,
    TerminalDestinationError,
    TransientDestinationError,
)
from schemas.batch import Batch

ACCEPTED = Answer(AnswerKind.ACCEPTED, "", "request-1")
REFUSED = Answer(AnswerKind.REFUSED, "Missing Address", "request-2")
TOO_LARGE = Answer(AnswerKind.TOO_LARGE, "too large")
THROTTLED = Answer(AnswerKind.THROTTLED, "slow down")
FAILED = Answer(AnswerKind.FAILED, "500 trouble")
TERMINAL = Answer(AnswerKind.TERMINAL, "wrong credentials")


class Numbers:
    """Items that are their own positions."""

    def payload(self, start, stop):
        return b",".join(b"%d" % position for position in range(start, stop))


def positions(payload):
    return json.loads(b"[" + payload + b"]")


def batches(*sizes):
    start = 0
    for ordinal, size in enumerate(sizes):
        yield Batch(ordinal, start, start + size)
        start += size


def make_sender(destination, threads=1, **options):
    options = {"clock": FakeClock(), "draw": random.Random(1), **options}
    return Sender(destination, threads, options.pop("requests_per_second", None), **options)


def deliver(answers, sizes, threads=1, **options):
    destination = ScriptedDestination(answers)
    result = make_sender(destination, threads, **options).deliver(Numbers(), batches(*sizes))
    return destination, result


def outcomes(result):
    """Give the outcome of every item that was answered; fails if one was answered twice."""
    told = [
        (position, delivery.outcome)
        for delivery in result.deliveries
        for position in range(delivery.start, delivery.stop)
    ]
    assert len(dict(told)) == len(told)
    return dict(told)


# -- random services -----------------------------------------------------------------------


class Service:
    """Refuses batches with poisoned items or of too many items, and is in trouble now and then."""

    def __init__(self, poisoned, most_items, trouble):
        self.poisoned = poisoned
        self.most_items = most_items
        self.trouble = deque(trouble)
        self.accepted = Counter()
        self.sent = []
        self.lock = threading.Lock()

    def __call__(self, payload):
        items = positions(payload)
        with self.lock:
            answer = self.trouble.popleft() if self.trouble else None
            if answer is None and len(items) > self.most_items:
                answer = TOO_LARGE
            if answer is None and self.poisoned & set(items):
                answer = Answer(AnswerKind.REFUSED, f"bad {items[0]}", f"request-{items[0]}")
            self.sent.append((items, answer or ACCEPTED))
            if answer is None:
                self.accepted.update(items)
        return answer or ACCEPTED


SIZES = st.lists(st.integers(1, 20), max_size=8)
# No batch can use up its budget of five attempts in a service that has not answered yet.
TROUBLE = st.lists(st.sampled_from([None, None, THROTTLED, FAILED]), max_size=20).filter(
    lambda answers: answers.count(FAILED) < RetryPolicy().max_attempts_unanswered
)


@st.composite
def services(draw):
    sizes = draw(SIZES)
    items = range(sum(sizes))
    poisoned = draw(st.sets(st.sampled_from(items), max_size=6)) if items else set()
    return sizes, Service(poisoned, draw(st.integers(1, 20)), draw(TROUBLE))


@settings(deadline=None)
@given(drawn=services(), threads=st.integers(1, 4))
def test_every_item_is_delivered_or_rejected_exactly_once(drawn, threads):
    sizes, service = drawn
    _, result = deliver(service, sizes, threads)
    assert result.error is None
    assert outcomes(result) == {
        position: "rejected" if position in service.poisoned else "accepted"
        for position in range(sum(sizes))
    }
    assert service.accepted == Counter(set(range(sum(sizes))) - service.poisoned)


@settings(deadline=None)
@given(drawn=services(), threads=st.integers(1, 4))
def test_the_counts_are_true(drawn, threads):
    sizes, service = drawn
    destination, result = deliver(service, sizes, threads)
    kinds = Counter(answer.kind for _, answer in service.sent)
    refused = {AnswerKind.REFUSED, AnswerKind.TOO_LARGE}
    assert result.counts == SendCounts(
        requests=len(destination.payloads),
        retries=kinds[AnswerKind.THROTTLED] + kinds[AnswerKind.FAILED],
        throttled=kinds[AnswerKind.THROTTLED],
        splits=sum(len(items) > 1 and answer.kind in refused for items, answer in service.sent),
        bytes_sent=sum(map(len, destination.payloads)),
    )


@settings(deadline=None)
@given(drawn=services(), threads=st.integers(1, 4))
def test_progress_adds_up_to_the_items(drawn, threads):
    sizes, service = drawn
    told = []
    sender = make_sender(ScriptedDestination(service), threads)
    sender.deliver(Numbers(), batches(*sizes), told.append)
    assert sorted(told) == sorted(sizes)


@settings(deadline=None)
@given(
    sizes=SIZES,
    before=st.integers(0, 12),
    poisoned=st.sets(st.integers(0, 30), max_size=3),
    threads=st.integers(1, 3),
)
def test_a_terminal_answer_stops_and_tells_only_what_was_answered(sizes, before, poisoned, threads):
    service = Service(poisoned, 100, [None] * before + [TERMINAL] * 1000)
    _, result = deliver(service, sizes, threads)
    told = outcomes(result)
    accepted = {position for position, outcome in told.items() if outcome == "accepted"}
    assert accepted == set(service.accepted)
    assert {p for p, outcome in told.items() if outcome == "rejected"} <= poisoned
    is_stopped = any(answer is TERMINAL for _, answer in service.sent)
    assert isinstance(result.error, TerminalDestinationError) == is_stopped
    assert is_stopped or len(told) == sum(sizes)


# -- refusals ------------------------------------------------------------------------------


def test_a_poisoned_item_is_isolated_with_message_and_request_id():
    _, result = deliver(Service({5}, 100, []), [8])
    (rejected,) = [delivery for delivery in result.deliveries if delivery.outcome == "rejected"]
    assert (rejected.start, rejected.stop) == (5, 6)
    assert (rejected.code, rejected.message, rejected.request_id) == (
        "service.refused",
        "bad 5",
        "request-5",
    )


def test_an_accepted_batch_keeps_its_request_id():
    _, result = deliver([ACCEPTED], [3])
    (delivery,) = result.deliveries
    assert (delivery.start, delivery.stop) == (0, 3)
    assert (delivery.code, delivery.message, delivery.request_id) == (None, None, "request-1")


def test_isolating_one_of_a_hundred_takes_few_requests():
    destination, _ = deliver(Service({42}, 100, []), [100])
    # Two requests for each of the seven times that a hundred can be halved, and the first.
    assert len(destination.payloads) <= 2 * 7 + 1


def test_a_batch_that_is_too_large_is_halved():
    destination, result = deliver([TOO_LARGE], [5])
    assert [positions(p) for p in destination.payloads] == [[0, 1, 2, 3, 4], [0, 1], [2, 3, 4]]
    assert set(outcomes(result).values()) == {"accepted"}


def test_a_single_item_that_is_too_large_is_rejected():
    _, result = deliver([TOO_LARGE], [1])
    assert outcomes(result) == {0: "rejected"}
    assert result.deliveries[0].message == "too large"


# -- budgets and backoff -------------------------------------------------------------------


class Highest(random.Random):
    def uniform(self, a, b):
        return b


def test_waits_double_up_to_the_cap():
    clock = FakeClock()
    deliver([ACCEPTED, *[FAILED] * 9], [1, 1], clock=clock, draw=Highest())
    assert clock.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8.0, 8.0])


def test_every_batch_begins_with_a_short_wait():
    clock = FakeClock()
    deliver([FAILED, FAILED, ACCEPTED, FAILED], [1, 1], clock=clock, draw=Highest())
    assert clock.waits == pytest.approx([0.1, 0.2, 0.1])


@pytest.mark.parametrize(
    ("before", "answer", "requests"),
    [
        pytest.param([], FAILED, 6, id="never answered"),
        pytest.param([ACCEPTED], FAILED, 1 + 12, id="answered before"),
        pytest.param([THROTTLED], FAILED, 1 + 12, id="throttled before"),
        pytest.param([], THROTTLED, 120, id="throttled for good"),
    ],
)
def test_a_spent_budget_stops_the_run(before, answer, requests):
    destination, result = deliver([*before, *[answer] * 500], [1] * 3)
    assert len(destination.payloads) == requests
    assert isinstance(result.error, TransientDestinationError)
    assert len(outcomes(result)) == before.count(ACCEPTED)


def test_a_spent_budget_says_where_what_and_what_to_do():
    _, result = deliver([FAILED] * 6, [1])
    message = str(result.error)
    assert "scripted destination did not take a batch in 6 attempts (500 trouble)" in message
    assert "Check that it is running and try again" in message


def test_being_throttled_is_not_counted_as_trouble():
    _, result = deliver([*[THROTTLED] * 60, FAILED, ACCEPTED], [1])
    assert result.error is None
    assert outcomes(result) == {0: "accepted"}


def test_answers_of_an_earlier_partition_count_as_answers():
    destination = ScriptedDestination([ACCEPTED, *[FAILED] * 8])
    sender = make_sender(destination)
    sender.deliver(Numbers(), batches(1))
    result = sender.deliver(Numbers(), batches(1))
    assert result.error is None


def test_a_retry_sends_the_same_bytes():
    destination, _ = deliver([FAILED, THROTTLED], [4])
    assert destination.payloads == [b"0,1,2,3"] * 3


def test_the_pace_holds_for_retries_and_over_partitions():
    clock = FakeClock(0.0)
    times = []

    def answer(_):
        times.append(clock.now)
        return FAILED if len(times) == 2 else ACCEPTED

    sender = make_sender(ScriptedDestination(answer), clock=clock, requests_per_second=2)
    for _ in range(2):
        sender.deliver(Numbers(), batches(1, 1))
    assert times == pytest.approx([0, 0.5, 1, 1.5, 2])


# -- stopping ------------------------------------------------------------------------------


def test_nothing_is_sent_after_a_terminal_answer():
    destination, result = deliver([ACCEPTED, TERMINAL], [2] * 5)
    assert len(destination.payloads) == 2
    assert outcomes(result) == {0: "accepted", 1: "accepted"}
    assert str(result.error) == "wrong credentials"


def test_the_rest_of_a_split_batch_is_not_answered():
    _, result = deliver([REFUSED, ACCEPTED, TERMINAL], [4])
    assert outcomes(result) == {0: "accepted", 1: "accepted"}


def test_what_was_in_flight_when_another_stopped_is_told():
    both = threading.Barrier(2)

    def answer(payload):
        if positions(payload)[0] > 1:
            return ACCEPTED
        both.wait(10)
        return TERMINAL if payload == b"0" else ACCEPTED

    _, result = deliver(answer, [1, 1], threads=2)
    assert outcomes(result) == {1: "accepted"}
    assert isinstance(result.error, TerminalDestinationError)


def test_threads_that_wait_to_try_again_stop_too():
    is_throttled = threading.Event()

    def answer(payload):
        if payload == b"0":
            assert is_throttled.wait(10)
            return TERMINAL
        is_throttled.set()
        return THROTTLED

    policy = RetryPolicy(max_attempts_throttled=100_000)
    _, result = deliver(answer, [1, 1], threads=2, policy=policy)
    assert isinstance(result.error, TerminalDestinationError)
    assert result.counts.requests < 100_000
    assert outcomes(result) == {}


@pytest.mark.parametrize("threads", [1, 3])
def test_a_defect_stops_sending_and_keeps_what_was_answered(threads):
    _, result = deliver([ACCEPTED, ZeroDivisionError("oops")], [1] * 5, threads)
    assert isinstance(result.error, DestinationError)
    assert "ZeroDivisionError: oops" in result.error.message
    outcomes = [delivery.outcome for delivery in result.deliveries]
    assert set(outcomes) == {"accepted"}
    assert 1 <= len(outcomes) < 5


def test_a_defect_in_the_callback_is_told():
    def fail(_):
        raise ZeroDivisionError

    result = make_sender(ScriptedDestination()).deliver(Numbers(), batches(1, 1), fail)
    assert isinstance(result.error, DestinationError)
    assert "ZeroDivisionError" in result.error.message


def test_no_batches_is_nothing_to_do():
    destination, result = deliver([], [], threads=3)
    assert destination.payloads == []
    assert (result.deliveries, result.counts, result.error) == ([], SendCounts(), None)


# -- threads -------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_as_many_requests_as_allowed_are_in_flight(threads):
    # Each request waits until all that may be under way are there.
    together = threading.Barrier(threads)

    def answer(_):
        together.wait(10)
        return ACCEPTED

    destination, result = deliver(answer, [1] * threads * 3, threads)
    assert destination.most_in_flight == threads
    assert len(outcomes(result)) == threads * 3


def test_batches_are_taken_one_by_one():
    taken = []

    def listed():
        for batch in batches(*[1] * 10):
            taken.append(batch.ordinal)
            yield batch

    destination = ScriptedDestination([TERMINAL])
    make_sender(destination).deliver(Numbers(), listed())
    assert taken == [0]


def test_counts_add_up():
    total = SendCounts(1, 2, 3, 4, 5)
    total.add(SendCounts(10, 20, 30, 40, 50))
    assert total == SendCounts(11, 22, 33, 44, 55)

"""Sending: every item gets at most one answer, and everyone who can be delivered is."""

import random
from collections import Counter

import pytest
from fakes import FakeClock, ScriptedDestination
from hypothesis import given, settings
from hypothesis import strategies as st
from sending_support import (
    ACCEPTED,
    FAILED,
    REFUSED,
    THROTTLED,
    TOO_LARGE,
    Notes,
    Numbers,
    Service,
    batches,
    deliver,
    make_sender,
    read_numbers,
)

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.delivery import Delivery, SendCounts
from pipelines.destinations.refusal_watch import PATIENCE
from pipelines.destinations.retry import RetryPolicy
from pipelines.errors import TransientDestinationError

# -- random services -----------------------------------------------------------------------

SIZES = st.lists(st.integers(1, 20), max_size=8)
# Too few failures to open the circuit breaker or to spend a budget.
TROUBLE = st.lists(st.sampled_from([None, None, THROTTLED, FAILED]), max_size=20).filter(
    lambda answers: answers.count(FAILED) < 10
)


@st.composite
def services(draw):
    sizes = draw(SIZES)
    # A service that takes no row at all stops the run: it takes the first one.
    rest = range(1, sum(sizes))
    poisoned = draw(st.sets(st.sampled_from(rest))) if rest else set()
    return sizes, Service(poisoned, draw(st.integers(1, 20)), draw(TROUBLE))


@settings(deadline=None)
@given(drawn=services(), threads=st.integers(1, 4))
def test_every_item_is_delivered_or_rejected_exactly_once(drawn, threads):
    sizes, service = drawn
    sent = deliver(service, sizes, threads)
    assert sent.error is None
    assert sent.notes.outcomes == {
        position: "rejected" if position in service.poisoned else "accepted"
        for position in range(sum(sizes))
    }
    assert set(service.accepted) == sent.notes.positions("accepted")
    # Only after so many refusals is a row sent again that was taken.
    assert len(service.poisoned) >= PATIENCE or set(service.accepted.values()) <= {1}


@settings(deadline=None)
@given(drawn=services(), threads=st.integers(1, 4))
def test_the_counts_are_true(drawn, threads):
    sizes, service = drawn
    sent = deliver(service, sizes, threads)
    kinds = Counter(answer.kind for _, answer in service.sent)
    refused = {AnswerKind.REFUSED, AnswerKind.TOO_LARGE}
    assert sent.notes.counts == SendCounts(
        requests=len(sent.destination.payloads),
        retries=kinds[AnswerKind.THROTTLED] + kinds[AnswerKind.FAILED],
        throttled=kinds[AnswerKind.THROTTLED],
        splits=sum(len(items) > 1 and answer.kind in refused for items, answer in service.sent),
        bytes_sent=sum(map(len, sent.destination.payloads)),
    )


@settings(deadline=None)
@given(drawn=services(), threads=st.integers(1, 4), answered=st.sets(st.integers(0, 160)))
def test_progress_adds_up_to_the_items_that_were_sent(drawn, threads, answered):
    sizes, service = drawn
    told = []
    sender = make_sender(ScriptedDestination(service), threads)
    items = Numbers(sum(sizes))
    sender.deliver(items, batches(*sizes), Notes(), answered=answered, on_batch=told.append)
    assert sum(told) == len(set(range(sum(sizes))) - answered)


@settings(deadline=None)
@given(
    sizes=SIZES,
    answered=st.sets(st.integers(0, 160)),
    poisoned=st.sets(st.integers(0, 160), max_size=PATIENCE - 1),
    most_items=st.integers(1, 20),
    threads=st.integers(1, 4),
)
def test_what_was_answered_is_not_sent_again(sizes, answered, poisoned, most_items, threads):
    service = Service(poisoned, most_items)
    sent = deliver(service, sizes, threads, answered)
    assert sent.error is None
    left = set(range(sum(sizes))) - answered
    assert set(sent.notes.outcomes) == left
    assert sent.notes.positions("rejected") == left & poisoned
    assert answered.isdisjoint(number for request in sent.requests for number in request)


# -- refusals ------------------------------------------------------------------------------


def test_a_poisoned_item_is_isolated_with_message_and_request_id():
    sent = deliver(Service({5}), [8])
    (rejected,) = [each for each in sent.notes.deliveries if each.outcome == "rejected"]
    assert rejected == Delivery(5, 6, "rejected", "service.refused", "Missing Address", "request-5")


def test_an_accepted_batch_keeps_its_request_id():
    sent = deliver([ACCEPTED], [3])
    assert sent.notes.deliveries == [Delivery(0, 3, "accepted", None, None, "request-1")]


def test_isolating_one_of_a_hundred_takes_few_requests():
    sent = deliver(Service({42}), [100])
    # Two requests for each of the seven times that a hundred can be halved, and the first.
    assert len(sent.requests) <= 2 * 7 + 1


def test_items_around_what_was_answered_are_sent_together():
    sent = deliver([], [10], answered={0, 4, 5})
    assert sent.requests == [[1, 2, 3, 6, 7, 8, 9]]
    runs = [(each.start, each.stop) for each in sent.notes.deliveries]
    assert runs == [(1, 4), (6, 10)]


def test_a_message_that_is_no_text_can_be_written_down():
    sent = deliver([Answer(AnswerKind.REFUSED, "half a pair: \ud800")], [1])
    (delivery,) = sent.notes.deliveries
    assert delivery.message == "half a pair: ?"


# -- too large -----------------------------------------------------------------------------


class Sized(Numbers):
    """Numbers with leading zeros: of other widths."""

    def __init__(self, *widths):
        super().__init__(len(widths))
        self.widths = widths

    def payload(self, start, stop):
        return b",".join(b"%0*d" % (self.widths[p], p) for p in self._all[start:stop])


def send_sized(answers, items, *sizes):
    destination, notes = ScriptedDestination(answers), Notes()
    assert make_sender(destination).deliver(items, batches(*sizes), notes) is None
    assert notes.positions("accepted") == set(range(len(items)))
    return [[int(item) for item in payload.split(b",")] for payload in destination.payloads]


def test_a_request_that_is_too_large_is_split_by_bytes():
    requests = send_sized([TOO_LARGE], Sized(1, 1, 40, 1, 1, 1, 1, 1), 8)
    assert requests == [[*range(8)], [0, 1, 2], [3, 4, 5, 6, 7]]


@pytest.mark.parametrize(
    "widths", [pytest.param((50, 1), id="first"), pytest.param((1, 50), id="last")]
)
def test_one_large_item_does_not_leave_an_empty_half(widths):
    assert send_sized([TOO_LARGE], Sized(*widths), 2) == [[0, 1], [0], [1]]


def test_later_batches_of_a_size_that_was_too_large_are_split_before_they_are_sent():
    small, large = [5] * 4, [10] * 4
    items = Sized(*large, *large, *small, *[30, *small[1:]])
    requests = send_sized([TOO_LARGE], items, 4, 4, 4, 4)
    assert requests == [
        [0, 1, 2, 3],
        *([0, 1], [2, 3]),
        *([4, 5], [6, 7]),
        [8, 9, 10, 11],
        *([12], [13, 14, 15]),
    ]


def test_a_single_item_that_is_too_large_is_rejected():
    sent = deliver([TOO_LARGE, TOO_LARGE], [1])
    assert sent.notes.outcomes == {0: "rejected"}
    assert sent.notes.deliveries[0].message == "too large"


def test_a_single_item_that_was_too_large_by_chance_is_delivered():
    sent = deliver([TOO_LARGE], [1])
    assert sent.notes.outcomes == {0: "accepted"}


def test_a_size_that_was_taken_is_not_split_beforehand():
    sent = deliver([ACCEPTED, TOO_LARGE], [2, 2, 2, 2])
    assert [len(request) for request in sent.requests] == [2, 2, 1, 1, 2, 2]


def test_a_part_of_a_refused_batch_may_be_too_large():
    sent = deliver([REFUSED, TOO_LARGE], [8])
    assert sent.notes.positions("accepted") == set(range(8))


# -- budgets and backoff -------------------------------------------------------------------


class Highest(random.Random):
    def uniform(self, a, b):
        return b


def test_waits_double_up_to_the_cap():
    clock = FakeClock()
    deliver([ACCEPTED, *[FAILED] * 9], [1, 1], clock=clock, draw=Highest())
    assert clock.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8.0, 8.0])


def test_waits_are_drawn_up_to_their_bound():
    clock = FakeClock()
    deliver([FAILED] * 9, [1], clock=clock, draw=random.Random(3))
    bounds = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8.0, 8.0]
    draw = random.Random(3)
    assert clock.waits == pytest.approx([draw.uniform(0, bound) for bound in bounds])


def test_every_batch_begins_with_a_short_wait():
    clock = FakeClock()
    deliver([FAILED, FAILED, ACCEPTED, FAILED], [1, 1], clock=clock, draw=Highest())
    assert clock.waits == pytest.approx([0.1, 0.2, 0.1])


ALIVE = [FAILED, THROTTLED] * 500
"""One batch fails, and the service is seen to answer: that is no case for the circuit breaker."""


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        pytest.param([ACCEPTED, *ALIVE], 1 + 12 + 11, id="fails while the service answers"),
        pytest.param([THROTTLED] * 500, 120, id="throttled for good"),
    ],
)
def test_a_spent_budget_stops_the_run(answers, requests):
    sent = deliver(answers, [1] * 3)
    assert len(sent.requests) == requests
    assert isinstance(sent.error, TransientDestinationError)
    assert len(sent.notes.outcomes) == answers.count(ACCEPTED)
    assert sent.notes.counts.requests == requests


def test_an_outage_does_not_spend_the_budget_of_the_batches_in_flight():
    """Two minutes are for the circuit breaker to judge, whatever the number of threads."""
    clock = FakeClock()
    begun_s = clock.now
    sent = deliver([ACCEPTED, *[FAILED] * 1000], [1] * 3, clock=clock)
    assert isinstance(sent.error, TransientDestinationError)
    assert "does not answer (500 trouble)" in str(sent.error)
    assert clock.now - begun_s > 120


def test_a_spent_budget_says_where_what_and_what_to_do():
    sent = deliver([ACCEPTED, *ALIVE], [1, 1])
    message = str(sent.error)
    assert "scripted destination did not take a batch in 23 attempts (500 trouble)" in message
    assert "Check that it is running" in message


def test_a_service_that_is_down_is_not_asked_by_all_threads():
    patient = RetryPolicy(max_attempts=1000)
    sent = deliver(lambda _: FAILED, [1] * 100, threads=16, policy=patient)
    assert isinstance(sent.error, TransientDestinationError)
    assert "does not answer (500 trouble)" in str(sent.error)
    # Ten open the breaker, those in flight follow, then one at a time asks, ever more rarely.
    assert len(sent.requests) < 10 + 16 + 24
    assert sent.notes.outcomes == {}


def test_a_service_that_comes_back_is_gone_on_with():
    sent = deliver([ACCEPTED, *[FAILED] * 11], [1] * 20)
    assert sent.error is None
    assert sent.notes.positions("accepted") == set(range(20))


def test_being_throttled_is_not_counted_as_trouble():
    sent = deliver([*[THROTTLED] * 60, FAILED, ACCEPTED], [1])
    assert sent.error is None
    assert sent.notes.outcomes == {0: "accepted"}


def test_a_retry_sends_the_same_bytes():
    sent = deliver([FAILED, THROTTLED], [4])
    assert sent.destination.payloads == [b"0,1,2,3"] * 3


def test_the_pace_holds_for_retries_and_over_shipments():
    clock = FakeClock(0.0)
    times = []

    def answer(_):
        times.append(clock.now)
        return FAILED if len(times) == 2 else ACCEPTED

    sender = make_sender(ScriptedDestination(answer), clock=clock, requests_per_second=2)
    for _ in range(2):
        sender.deliver(Numbers(2), batches(1, 1), Notes())
    assert times == pytest.approx([0, 0.5, 1, 1.5, 2])


# -- the journal ---------------------------------------------------------------------------


def test_an_answer_is_written_down_before_the_next_request_is_sent():
    notes, known = Notes(), []

    def answer(payload):
        known.append((read_numbers(payload), sorted(notes.outcomes)))
        return ACCEPTED

    make_sender(ScriptedDestination(answer)).deliver(Numbers(6), batches(2, 2, 2), notes)
    assert known == [([0, 1], []), ([2, 3], [0, 1]), ([4, 5], [0, 1, 2, 3])]


def test_counts_of_requests_without_an_answer_are_written_down_at_the_end():
    sent = deliver([FAILED] * 500, [4])
    assert sent.notes.outcomes == {}
    assert sent.notes.counts.requests == len(sent.requests)


def test_no_batches_is_nothing_to_do():
    sent = deliver([], [], threads=3)
    assert sent.requests == []
    assert (sent.notes.deliveries, sent.notes.counts, sent.error) == ([], SendCounts(), None)


def test_counts_add_up():
    total = SendCounts(1, 2, 3, 4, 5)
    total.add(SendCounts(10, 20, 30, 40, 50))
    assert total == SendCounts(11, 22, 33, 44, 55)

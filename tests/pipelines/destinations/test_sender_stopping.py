"""Stopping: what ends a run ends it everywhere, and what was answered until then is told."""

import threading

import pytest
from fakes import FakeClock, ScriptedDestination
from hypothesis import given, settings
from hypothesis import strategies as st
from sending_support import (
    ACCEPTED,
    FAILED,
    REFUSED,
    TERMINAL,
    THROTTLED,
    Notes,
    Numbers,
    Service,
    batches,
    deliver,
    make_sender,
)

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.retry import RetryPolicy
from pipelines.errors import (
    DestinationError,
    StoppedError,
    StorageError,
    TerminalDestinationError,
    TransientDestinationError,
)

TIMEOUT_S = 60
"""Most seconds that threads wait for each other; they do not wait at all unless a test fails."""


# -- terminal answers ----------------------------------------------------------------------


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 20), max_size=8),
    before=st.integers(0, 12),
    poisoned=st.sets(st.integers(0, 30), max_size=3),
    threads=st.integers(1, 3),
)
def test_a_terminal_answer_stops_and_tells_only_what_was_answered(sizes, before, poisoned, threads):
    service = Service(poisoned, script=[None] * before + [TERMINAL] * 1000)
    sent = deliver(service, sizes, threads)
    assert sent.notes.positions("accepted") == set(service.accepted)
    assert sent.notes.positions("rejected") <= poisoned
    is_stopped = any(answer is TERMINAL for _, answer in service.sent)
    assert isinstance(sent.error, TerminalDestinationError) == is_stopped
    assert is_stopped or len(sent.notes.outcomes) == sum(sizes)
    assert sent.notes.counts.requests == len(sent.requests)


def test_nothing_is_sent_after_a_terminal_answer():
    sent = deliver([ACCEPTED, TERMINAL], [2] * 5)
    assert sent.requests == [[0, 1], [2, 3]]
    assert sent.notes.outcomes == {0: "accepted", 1: "accepted"}
    assert str(sent.error) == "wrong credentials"


def test_the_rest_of_a_split_batch_is_not_answered():
    sent = deliver([REFUSED, ACCEPTED, TERMINAL], [4])
    assert len(sent.requests) == 3
    assert set(sent.notes.outcomes) == set(sent.requests[1])


@pytest.mark.parametrize("threads", [2, 4])
def test_only_what_is_in_flight_follows_a_terminal_answer(threads):
    together = threading.Barrier(threads)
    sender = None

    def answer(payload):
        together.wait(TIMEOUT_S)
        if payload == b"0":
            return TERMINAL
        wait_until(lambda: sender.error is not None)
        return ACCEPTED

    destination, notes = ScriptedDestination(answer), Notes()
    sender = make_sender(destination, threads)
    error = sender.deliver(Numbers(50), batches(*[1] * 50), notes)
    assert isinstance(error, TerminalDestinationError)
    # The others were under way, and what the service said of them is true.
    assert len(destination.payloads) == threads
    assert len(notes.positions("accepted")) == threads - 1
    assert notes.counts.requests == threads


def wait_until(is_so):
    clock = threading.Event()
    for _ in range(TIMEOUT_S * 1000):
        if is_so():
            return
        clock.wait(0.001)
    raise TimeoutError


def test_threads_that_wait_to_try_again_stop_too():
    is_throttled = threading.Event()

    def answer(payload):
        if payload == b"0":
            assert is_throttled.wait(TIMEOUT_S)
            return TERMINAL
        is_throttled.set()
        return THROTTLED

    policy = RetryPolicy(max_attempts_throttled=100_000)
    sent = deliver(answer, [1, 1], threads=2, policy=policy)
    assert isinstance(sent.error, TerminalDestinationError)
    assert sent.notes.counts.requests < 100_000
    assert sent.notes.outcomes == {}


# -- requests to stop ----------------------------------------------------------------------


def test_a_request_to_stop_lets_no_further_request_out():
    service = Service()
    sent = deliver(service, [2] * 5, should_stop=lambda: len(service.sent) == 2)
    assert isinstance(sent.error, StoppedError)
    assert sent.requests == [[0, 1], [2, 3]]
    assert sent.notes.positions("accepted") == {0, 1, 2, 3}


def test_a_request_to_stop_at_the_last_answer_is_too_late():
    service = Service()
    sent = deliver(service, [2] * 3, should_stop=lambda: len(service.sent) == 3)
    assert sent.error is None
    assert len(sent.notes.outcomes) == 6


def test_a_request_to_stop_ends_the_search_for_refused_items():
    service = Service({3, 50, 90})
    sent = deliver(service, [100], should_stop=lambda: len(service.sent) == 4)
    assert isinstance(sent.error, StoppedError)
    assert len(service.sent) == 4
    assert sent.notes.positions("accepted") == set(service.accepted)


class ImpatientClock(FakeClock):
    """Asks at each wait whether it is over, as the real one does."""

    def sleep(self, seconds, is_over=lambda: False):
        super().sleep(0.0 if is_over() else seconds, is_over)


def test_waits_end_at_a_request_to_stop():
    clock, service = ImpatientClock(), Service(script=[FAILED] * 500)
    sent = deliver(service, [1], clock=clock, should_stop=lambda: len(service.sent) == 5)
    assert isinstance(sent.error, StoppedError)
    assert len(service.sent) == 5
    assert clock.waits[-1] == 0 < min(clock.waits[:-1])


# -- defects and a full disk ---------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_a_defect_stops_sending_and_keeps_what_was_answered(threads):
    sent = deliver([ACCEPTED, ZeroDivisionError("oops")], [1] * 5, threads)
    assert isinstance(sent.error, DestinationError)
    assert "ZeroDivisionError: oops" in sent.error.message
    assert set(sent.notes.outcomes.values()) == {"accepted"}
    assert 1 <= len(sent.notes.outcomes) < 5


def send_failing(answers=(), *, journal=None, on_batch=lambda _: None, listed=None):
    destination = ScriptedDestination(answers)
    sender = make_sender(destination)
    listed = batches(1, 1, 1) if listed is None else listed
    return destination, sender.deliver(Numbers(3), listed, journal or Notes(), on_batch=on_batch)


def fail(*_):
    raise ZeroDivisionError("oops")


def test_a_defect_in_the_callback_is_told():
    destination, error = send_failing(on_batch=fail)
    assert isinstance(error, DestinationError)
    assert "ZeroDivisionError: oops" in error.message
    assert len(destination.payloads) == 1


def test_a_defect_in_the_journal_is_told():
    destination, error = send_failing(journal=fail)
    assert isinstance(error, DestinationError)
    assert "ZeroDivisionError: oops" in error.message
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert len(destination.payloads) == 1


def test_a_defect_in_the_packing_is_told():
    def listed():
        yield from batches(1)
        fail()

    destination, error = send_failing(listed=listed())
    assert isinstance(error, DestinationError)
    assert len(destination.payloads) == 1


class FullDisk(Notes):
    """Takes some calls, then fails for good."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls
        self.error = StorageError("The disk is full.")

    def __call__(self, deliveries, counts):
        self.calls -= 1
        if self.calls < 0:
            raise self.error
        super().__call__(deliveries, counts)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_full_disk_stops_sending_with_its_error(calls):
    journal = FullDisk(calls)
    destination, error = send_failing(journal=journal)
    assert error is journal.error
    assert len(destination.payloads) == calls + 1
    assert len(journal.outcomes) == calls


def test_a_full_disk_at_the_refusals_that_were_withheld_is_told():
    journal = FullDisk(0)
    _, error = send_failing([REFUSED] * 3, journal=journal)
    assert error is journal.error


def test_a_full_disk_does_not_hide_what_stopped_sending_before():
    _, error = send_failing([TERMINAL], journal=FullDisk(0))
    assert isinstance(error, TerminalDestinationError)


# -- all shipments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        pytest.param([TERMINAL], TerminalDestinationError, id="terminal"),
        pytest.param([FAILED] * 100, TransientDestinationError, id="down"),
        pytest.param([ZeroDivisionError()], DestinationError, id="defect"),
    ],
)
def test_a_shipment_after_the_stop_sends_nothing(answers, kind):
    destination = ScriptedDestination(answers)
    sender = make_sender(destination, threads=2)
    error = sender.deliver(Numbers(1), batches(1), Notes())
    assert isinstance(error, kind)
    requests, notes = len(destination.payloads), Notes()
    assert sender.deliver(Numbers(3), batches(1, 1, 1), notes) is error
    assert len(destination.payloads) == requests
    assert notes.outcomes == {}


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        pytest.param(TERMINAL, TerminalDestinationError, id="terminal"),
        pytest.param("stop", StoppedError, id="request to stop"),
    ],
)
def test_a_stop_in_one_shipment_stops_the_one_beside_it(how, kind):
    is_asked, first_is_held = threading.Event(), threading.Event()

    def answer(payload):
        if payload == b"0":
            first_is_held.set()
            wait_until(lambda: sender.error is not None)
            return ACCEPTED
        assert first_is_held.wait(TIMEOUT_S)
        is_asked.set()
        return how if isinstance(how, Answer) else ACCEPTED

    destination, notes = ScriptedDestination(answer), [Notes(), Notes()]
    asked = lambda: how == "stop" and is_asked.is_set()  # noqa: E731 (read where it is used)
    sender = make_sender(destination, threads=2, should_stop=asked)
    errors = [None, None]

    def send(number, items, sizes):
        errors[number] = sender.deliver(items, batches(*sizes), notes[number])

    one = threading.Thread(target=send, args=(0, Numbers(1), [1]))
    one.start()
    assert first_is_held.wait(TIMEOUT_S)
    send(1, Numbers(20, first=1), [1] * 20)
    one.join(TIMEOUT_S)
    assert errors[0] is errors[1]
    assert isinstance(errors[0], kind)
    assert len(destination.payloads) == 2
    assert notes[0].outcomes == {0: "accepted"}
    assert len(notes[1].outcomes) == (how == "stop")


@settings(deadline=None)
@given(at=st.integers(0, 6), kind=st.sampled_from([AnswerKind.TERMINAL, None]))
def test_every_item_is_answered_or_not_whenever_sending_stops(at, kind):
    last = ZeroDivisionError() if kind is None else TERMINAL
    sent = deliver([*[ACCEPTED] * at, last], [1] * 5)
    assert (sent.error is None) == (at >= 5)
    assert sent.notes.positions("accepted") == set(range(min(at, 5)))

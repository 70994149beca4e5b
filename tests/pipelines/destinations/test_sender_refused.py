"""A service that refuses everything is recognized, and no row is blamed for it.

Files of 100,000 rows, as what counts is how few requests it takes.
"""

import threading

import pytest
from fakes import ScriptedDestination
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
    read_numbers,
)

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.refusal_watch import PATIENCE
from pipelines.destinations.sender import PROBES
from pipelines.errors import TerminalDestinationError

HUNDREDS = [100] * 1000
MOST_REQUESTS = {1: 120, 4: 1000}
"""Requests until a service is recognized, by threads. Measured: 83, and up to 230 with four, which
go on while one of them asks: how far, is up to the machine."""
TIMEOUT_S = 60
"""Most seconds that threads wait for each other; they do not wait at all unless a test fails."""


def name_first(payload):
    first = read_numbers(payload)[0]
    return Answer(AnswerKind.REFUSED, f"Item '{first}' is for another application")


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    "answer", [pytest.param(lambda _: REFUSED, id="one text"), pytest.param(name_first, id="Ids")]
)
def test_a_service_that_refuses_everything_is_recognized(answer, threads):
    sent = deliver(answer, HUNDREDS, threads)
    assert isinstance(sent.error, TerminalDestinationError)
    assert len(sent.requests) <= MOST_REQUESTS[threads]
    assert sent.notes.counts.requests == len(sent.requests)


def test_the_error_names_the_message_and_what_to_check():
    sent = deliver(lambda _: REFUSED, HUNDREDS)
    assert sent.notes.outcomes == {}
    message = str(sent.error)
    assert "scripted destination does not take any row" in message
    assert "missing address" in message
    assert "Check --application-id, --region and --endpoint-url." in message


def test_rows_from_all_over_the_shipment_are_tried_before():
    sent = deliver(lambda _: REFUSED, HUNDREDS)
    tried = [request[0] for request in sent.requests[-PROBES:]]
    assert tried == [*range(0, 100_000, 100_000 // PROBES)]


@pytest.mark.parametrize("threads", [1, 4])
def test_a_service_that_turns_to_refusing_everything_is_recognized(threads):
    service = Service(script=[ACCEPTED] * 50 + [REFUSED] * 10_000)
    sent = deliver(service, HUNDREDS, threads)
    assert isinstance(sent.error, TerminalDestinationError)
    assert "no longer takes any row" in str(sent.error)
    assert len(sent.requests) <= 50 + MOST_REQUESTS[threads]
    assert sent.notes.positions("accepted") == set(service.accepted)
    # What settled it is a row that the service had taken before.
    again = [request[0] for request in sent.requests if len(request) == 1]
    assert not service.accepted.keys().isdisjoint(again)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("start", [0, 30_050])
def test_many_bad_rows_one_after_the_other_do_not_stop_the_run(start, threads):
    poisoned = set(range(start, start + 500))
    service = Service(poisoned)
    sent = deliver(service, HUNDREDS, threads)
    assert sent.error is None
    assert sent.notes.positions("rejected") == poisoned
    assert sent.notes.positions("accepted") == set(range(100_000)) - poisoned
    # The service is asked after 20, 40, 80, 160 and 160 refusals, by one row that it takes;
    # threads that ask at the same moment do so by one row each.
    repeated = sum(service.accepted.values()) - len(service.accepted)
    assert repeated <= 5 + threads - 1


def test_the_service_is_asked_by_a_row_that_it_has_taken():
    service = Service(range(100, 100 + PATIENCE))
    sent = deliver(service, [100, 100, 100])
    assert sent.error is None
    (control,) = [number for number, times in service.accepted.items() if times > 1]
    assert control < 100 or control >= 100 + PATIENCE


@pytest.mark.parametrize("trouble", [THROTTLED, FAILED])
def test_trouble_while_the_service_is_asked_is_no_refusal(trouble):
    service = Service(range(100, 100 + PATIENCE))
    asked = []

    def answer(payload):
        numbers = read_numbers(payload)
        if len(numbers) == 1 and service.accepted[numbers[0]] and len(asked) < 5:
            asked.append(numbers)
            return trouble
        return service(payload)

    sent = deliver(answer, [100, 100, 100])
    assert len(asked) == 5
    assert sent.error is None
    assert len(sent.notes.positions("rejected")) == PATIENCE


def test_refusals_in_flight_when_the_service_is_recognized_blame_no_row():
    held = threading.Event()
    slow = None

    def answer(payload):
        nonlocal slow
        if "," not in payload.decode() and slow is None:
            slow = threading.get_ident()
            # The answer comes when another thread has found out about the service.
            while sender.error is None and not held.wait(0.001):
                pass
        return REFUSED

    sender, notes = make_sender(ScriptedDestination(answer), threads=2), Notes()
    error = sender.deliver(Numbers(100_000), batches(*HUNDREDS), notes)
    assert isinstance(error, TerminalDestinationError)
    assert notes.outcomes == {}


def test_refusals_in_small_shipments_are_counted_together():
    """Each shipment's end calls its few refused rows rejected; twenty are enough to ask."""
    sender = make_sender(ScriptedDestination(lambda _: REFUSED))
    shipments = [Notes() for _ in range(40)]
    for notes in shipments:
        sender.deliver(Numbers(8), batches(8), notes)
    assert isinstance(sender.error, TerminalDestinationError)
    assert sum(len(notes.outcomes) for notes in shipments) < PATIENCE


def test_a_few_bad_rows_are_all_of_a_file():
    sent = deliver(lambda _: REFUSED, [PATIENCE - 1])
    assert sent.error is None
    assert set(sent.notes.outcomes.values()) == {"rejected"}


@pytest.mark.parametrize("stop", [TERMINAL, "signal"])
def test_a_stop_while_refusals_are_in_doubt_calls_nobody_rejected(stop):
    """They are asked for again by the run that goes on."""
    asked = []

    def answer(_):
        asked.append(1)
        return TERMINAL if stop is TERMINAL and len(asked) > 25 else REFUSED

    sent = deliver(answer, HUNDREDS, should_stop=lambda: stop == "signal" and len(asked) > 25)
    assert sent.error is not None
    assert sent.notes.outcomes == {}

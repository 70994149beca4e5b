"""Threads: as many requests as allowed are in flight, never more, also over two shipments."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import ScriptedDestination
from sending_support import (
    ACCEPTED,
    REFUSED,
    TERMINAL,
    Notes,
    Numbers,
    batches,
    deliver,
    make_sender,
    read_numbers,
)

TIMEOUT_S = 60
"""Most seconds that threads wait for each other; they do not wait at all unless a test fails."""


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_as_many_requests_as_allowed_are_in_flight(threads):
    # Each request waits until all that may be under way are there.
    together = threading.Barrier(threads)

    def answer(_):
        together.wait(TIMEOUT_S)
        return ACCEPTED

    sent = deliver(answer, [1] * threads * 3, threads)
    assert sent.destination.most_in_flight == threads
    assert len(sent.notes.outcomes) == threads * 3


def test_batches_are_taken_one_by_one():
    taken = []

    def listed():
        for batch in batches(*[1] * 10):
            taken.append(batch.ordinal)
            yield batch

    destination = ScriptedDestination([TERMINAL])
    make_sender(destination).deliver(Numbers(10), listed(), Notes())
    assert taken == [0]


def send_two(sender, first, second):
    """Deliver two shipments at once; the second one's numbers begin at 1000."""
    notes = [Notes(), Notes()]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(sender.deliver, Numbers(sum(first)), batches(*first), notes[0])
        items = Numbers(sum(second), first=1000)
        other = pool.submit(sender.deliver, items, batches(*second), notes[1])
        assert (one.result(), other.result()) == (None, None)
    return notes


@pytest.mark.parametrize("threads", [2, 3])
def test_a_shipment_begins_while_the_last_request_of_the_one_before_is_under_way(threads):
    begun = {False: threading.Event(), True: threading.Event()}

    def answer(payload):
        is_second = read_numbers(payload)[0] >= 1000
        begun[is_second].set()
        assert begun[not is_second].wait(TIMEOUT_S)
        return ACCEPTED

    destination = ScriptedDestination(answer)
    notes = send_two(make_sender(destination, threads), [3], [3])
    assert [len(each.outcomes) for each in notes] == [3, 3]


@pytest.mark.parametrize("threads", [2, 3])
def test_two_shipments_at_once_share_what_may_be_in_flight(threads):
    may_go_on = threading.Event()

    def answer(payload):
        if read_numbers(payload)[0] < 1000:
            assert may_go_on.wait(TIMEOUT_S)
        elif not may_go_on.wait(0.3):  # time for one request too many, not needed to do right
            may_go_on.set()
        return REFUSED if payload == b"1000,1001,1002,1003" else ACCEPTED

    destination = ScriptedDestination(answer)
    notes = send_two(make_sender(destination, threads), [1] * (threads - 1), [4, *[1] * threads])
    assert [len(each.outcomes) for each in notes] == [threads - 1, 4 + threads]
    assert destination.most_in_flight == threads


def test_a_shipment_begins_only_when_all_batches_of_the_one_before_are_taken():
    first_is_held, may_go_on = threading.Event(), threading.Event()
    second_has_begun = threading.Event()
    left = list(batches(*[1] * 20))

    def answer(_):
        first_is_held.set()
        assert may_go_on.wait(TIMEOUT_S)
        return ACCEPTED

    def list_first():
        while left:
            yield left.pop(0)

    def list_second():
        second_has_begun.set()
        assert left == []
        yield from batches(*[1] * 20)

    sender = make_sender(ScriptedDestination(answer), threads=2)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(sender.deliver, Numbers(20), list_first(), Notes())
        assert first_is_held.wait(TIMEOUT_S)
        other = pool.submit(sender.deliver, Numbers(20), list_second(), Notes())
        begun_early = second_has_begun.wait(0.1)  # time to do wrong, not needed to do right
        may_go_on.set()
        assert (one.result(), other.result()) == (None, None)
    assert not begun_early
    assert second_has_begun.is_set()

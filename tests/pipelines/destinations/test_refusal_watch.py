"""Refused rows, or a service that refuses everything: what is withheld, and until when."""

import pytest

from pipelines.destinations.refusal_watch import MOST_PATIENCE, PATIENCE, RefusalWatch


class Watched:
    """A watch, and the numbers of the rows whose refusals were written down."""

    def __init__(self):
        self.watch = RefusalWatch()
        self.written = []

    def refuse(self, *rows, shipment="p"):
        return [
            self.watch.note_refused(shipment, lambda row=row: self.written.append(row))
            for row in rows
        ]


@pytest.fixture
def watched():
    return Watched()


def test_an_acceptance_lets_refusals_be_written_in_order(watched):
    watched.refuse(1, 2)
    assert watched.written == []
    watched.watch.note_accepted(b"item")
    assert watched.written == [1, 2]
    watched.watch.release("p")
    assert watched.written == [1, 2]


def test_after_so_many_refusals_one_thread_is_told_to_ask(watched):
    told = watched.refuse(*range(PATIENCE + 5))
    assert told == [False] * (PATIENCE - 1) + [True] + [False] * 5
    assert not watched.watch.is_answered()


def test_refusals_in_a_row_are_counted_over_the_ends_of_shipments(watched):
    watched.refuse(*range(PATIENCE - 1), shipment="a")
    watched.watch.release("a")
    assert watched.written == list(range(PATIENCE - 1))
    assert watched.refuse(100, shipment="b") == [True]


def test_the_end_of_a_shipment_leaves_the_others_alone(watched):
    watched.refuse(1, 3, shipment="a")
    watched.refuse(2, 4, shipment="b")
    watched.watch.release("a")
    assert watched.written == [1, 3]
    watched.watch.forget("b")
    watched.watch.note_accepted(b"item")
    assert watched.written == [1, 3]


def test_the_end_of_a_shipment_is_no_answer(watched):
    watched.refuse(*range(PATIENCE))
    watched.watch.release("another")
    assert not watched.watch.is_answered()
    assert watched.written == []


def test_an_acceptance_while_asking_is_an_answer(watched):
    watched.refuse(*range(PATIENCE))
    watched.watch.note_accepted(b"item")
    assert watched.watch.is_answered()
    assert watched.written == list(range(PATIENCE))


def test_patience_doubles_each_time_the_service_takes_a_row_again_up_to_a_limit(watched):
    patience = PATIENCE
    for _ in range(6):
        assert watched.refuse(*range(patience)) == [False] * (patience - 1) + [True]
        watched.watch.note_taken_again()
        patience = min(2 * patience, MOST_PATIENCE)
    assert patience == MOST_PATIENCE


def test_the_item_to_ask_with_is_the_last_one_taken(watched):
    assert watched.watch.taken is None
    watched.watch.note_accepted(b"one")
    watched.watch.note_accepted(b"two")
    assert watched.watch.taken == b"two"


def test_what_could_not_be_written_keeps_the_others_withheld(watched):
    def fail():
        raise ZeroDivisionError

    watched.refuse(1)
    watched.watch.note_refused("p", fail)
    watched.refuse(2)
    with pytest.raises(ZeroDivisionError):
        watched.watch.note_accepted(b"item")
    watched.watch.release("p")
    assert watched.written == [1, 2]

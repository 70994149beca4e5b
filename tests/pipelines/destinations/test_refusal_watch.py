"""Refused rows, or a service that refuses everything: what is withheld, and until when."""

import pytest

from pipelines.destinations.refusal_watch import PATIENCE, RefusalWatch


class Watched:
    """A watch, and the numbers of the rows whose refusals were written down."""

    def __init__(self):
        self.watch = RefusalWatch()
        self.written = []

    def refuse(self, *rows, message="not here"):
        return [
            self.watch.note_refused(message, lambda row=row: self.written.append(row))
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
    watched.watch.release()
    assert watched.written == [1, 2]


def test_after_so_many_refusals_one_thread_is_told_to_ask(watched):
    told = watched.refuse(*range(PATIENCE + 5))
    assert told == [False] * (PATIENCE - 1) + [True] + [False] * 5


def test_another_message_is_another_reason(watched):
    watched.refuse(*range(PATIENCE - 1))
    assert watched.refuse(100, message="Missing Address") == [False]
    assert watched.written == list(range(PATIENCE - 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Invalid Id: item 'a-1'", "Invalid Id: item 'b'"),
        ('No "x" in Item[3]', 'No "yy" in Item[44]'),
    ],
)
def test_names_and_numbers_do_not_make_another_message(watched, one, other):
    watched.refuse(1, message=one)
    watched.refuse(2, message=other)
    assert watched.written == []


def test_giving_up_writes_nothing(watched):
    watched.refuse(*range(PATIENCE))
    assert watched.watch.give_up()
    watched.refuse(100)  # was in flight
    watched.watch.release()
    assert watched.written == []


def test_an_acceptance_while_asking_is_no_reason_to_give_up(watched):
    watched.refuse(*range(PATIENCE))
    watched.watch.note_accepted(b"item")
    assert not watched.watch.give_up()
    assert watched.written == list(range(PATIENCE))


def test_patience_doubles_each_time_the_service_takes_a_row_again(watched):
    assert watched.refuse(*range(PATIENCE))[-1]
    watched.watch.note_taken_again()
    assert watched.refuse(*range(2 * PATIENCE)) == [False] * (2 * PATIENCE - 1) + [True]


def test_the_item_to_ask_with_is_the_last_one_taken(watched):
    assert watched.watch.taken is None
    watched.watch.note_accepted(b"one")
    watched.watch.note_accepted(b"two")
    assert watched.watch.taken == b"two"

"""The work on a shipment: which items go into a request, and what is written down of it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.delivery import Delivery, SendCounts, find_runs
from pipelines.destinations.work import ShipmentWork
from schemas.batch import Batch
from schemas.outcomes import Outcome


class Texts(list):
    """Items by position."""

    def payload(self, start, stop):
        return b",".join(self[start:stop])


def make_work(items=(b"a", b"bb", b"ccc", b"dddd"), answered=(), notes=None):
    notes = [] if notes is None else notes
    batches = [Batch(0, 0, len(items))]
    return ShipmentWork(Texts(items), batches, frozenset(answered), lambda *x: notes.append(x))


@given(st.sets(st.integers(0, 50)))
def test_runs_cover_the_positions_and_are_as_long_as_can_be(positions):
    runs = list(find_runs(list(positions)))
    assert {p for start, stop in runs for p in range(start, stop)} == positions
    assert all(before[1] < after[0] for before, after in pairwise(runs))


@pytest.mark.parametrize(
    ("positions", "payload"),
    [
        pytest.param(range(1, 3), b"bb,ccc", id="a range"),
        pytest.param([0, 2], b"a,ccc", id="with a hole"),
        pytest.param([3, 1], b"dddd,bb", id="in another order"),
    ],
)
def test_a_payload_holds_exactly_the_items_asked_for(positions, payload):
    assert make_work().payload(positions) == payload


def test_items_that_were_answered_are_left_out():
    work = make_work(answered={1, 2})
    assert list(work.unanswered(Batch(0, 0, 4))) == [0, 3]
    assert list(make_work().unanswered(Batch(0, 0, 4))) == [0, 1, 2, 3]


@given(st.lists(st.integers(1, 20), min_size=2, max_size=30))
def test_halves_lose_nothing_and_are_about_equal_in_bytes(sizes):
    work = make_work([b"x" * size for size in sizes])
    second, first = work.halves(range(len(sizes)))
    assert [*first, *second] == list(range(len(sizes)))
    assert len(first) > 0
    assert len(second) > 0
    smaller = min(sum(sizes[p] for p in half) for half in (first, second))
    assert smaller >= min((sum(sizes) - max(sizes)) / 2, sizes[0], sizes[-1])


@pytest.mark.parametrize("count", [1, 3, 4, 10])
def test_a_sample_is_spread_over_the_items(count):
    sample = make_work().sample(count)
    assert 1 <= len(sample) <= count
    assert len(set(sample)) == len(sample)
    assert sample[0] == b"a"


def test_counts_are_written_with_the_next_answer_and_once():
    notes = []
    work = make_work(notes=notes)
    work.count(requests=1)
    work.count(requests=1, retries=1)
    work.settle([2, 0], Outcome.ACCEPTED, None, Answer(AnswerKind.ACCEPTED, "", "r-1"))
    work.count(requests=5)
    work.flush_counts()
    work.flush_counts()
    accepted = [Delivery(p, p + 1, "accepted", None, None, "r-1") for p in (0, 2)]
    assert notes == [
        (accepted, SendCounts(requests=2, retries=1)),
        ([], SendCounts(requests=5)),
    ]


def test_each_batch_is_taken_once():
    work = make_work()
    assert work.take() == Batch(0, 0, 4)
    assert not work.all_taken.is_set()
    assert work.take() is None
    assert work.all_taken.is_set()

"""Isolating: every item of a refused batch is settled exactly once, and in few requests."""

import json
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.isolate import Lessons, Rejected, isolate

ACCEPTED = Answer(AnswerKind.ACCEPTED)


def refuse(message="Bad request"):
    return Answer(AnswerKind.REFUSED, message)


def make_item(position, **members):
    return json.dumps({"Id": f"id-{position:04d}", "ChannelType": "EMAIL", **members}).encode()


@dataclass
class Outcome:
    """What a search came to; its driver checks what has to hold for every step."""

    requests: list[tuple[int, ...]] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    refused_alone: list[int] = field(default_factory=list)
    rejected_by_name: list[int] = field(default_factory=list)

    @property
    def rejected(self):
        return sorted(self.refused_alone + self.rejected_by_name)


def drive(service: Callable[[tuple[int, ...]], Answer], positions, lessons=None, items=make_item):
    """Search one batch of which the service is sent everything first."""
    outcome, left = Outcome(), set(positions)
    refusal = service(tuple(positions))
    if refusal.kind is AnswerKind.ACCEPTED:
        refusal = refuse("Refused for no reason")
    steps = isolate(positions, refusal, items, lessons or Lessons())
    answer = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration:
            break
        answer = None
        if isinstance(step, Rejected):
            assert step.position in left
            assert step.answer.kind is AnswerKind.REFUSED
            outcome.rejected_by_name.append(step.position)
            left.remove(step.position)
            continue
        assert step
        assert left.issuperset(step)
        assert list(step) == [position for position in positions if position in set(step)]
        outcome.requests.append(step)
        answer = service(step)
        if answer.kind is AnswerKind.ACCEPTED:
            outcome.accepted += step
            left.difference_update(step)
        elif len(step) == 1:
            outcome.refused_alone += step
            left.difference_update(step)
    assert left == set()
    told = Counter(outcome.accepted + outcome.refused_alone + outcome.rejected_by_name)
    assert told == Counter(positions)
    return outcome


def refuse_these(bad, message=lambda first, group: "Bad request"):
    """Make a service that refuses requests with these items."""

    def service(group):
        first = next((position for position in group if position in bad), None)
        return ACCEPTED if first is None else refuse(message(first, group))

    return service


def name_id(first, group):
    return f"Invalid Address: item 'ID-{first:04d}': Address must be a string"


def name_index(first, group):
    return f"Missing Id: Item[{group.index(first)}]"


# -- any service ---------------------------------------------------------------------------

NAMINGS = {
    "nothing": lambda first, group, draw: "Bad request",
    "a field": lambda first, group, draw: "Invalid ChannelType",
    "the Id": lambda first, group, draw: name_id(first, group),
    "the index": lambda first, group, draw: name_index(first, group),
    "the index from 1": lambda first, group, draw: f"Item[{group.index(first) + 1}] is bad",
    "any item of the request": lambda first, group, draw: name_id(draw.choice(group), group),
    "the same item always": lambda first, group, draw: name_id(3, group),
    "all items": lambda first, group, draw: " ".join(name_id(each, group) for each in group),
    "another wording each time": lambda first, group, draw: (
        f"{''.join(draw.choices('abc', k=9))} 'id-{first:04d}'"
    ),
}


class Service:
    """Refuses items, items that come together, large groups, and now and then anything."""

    def __init__(self, bad, pairs, most_items, spurious, naming, seed):
        self.bad = bad
        self.pairs = pairs
        self.most_items = most_items
        self.spurious = spurious
        self.naming = NAMINGS[naming]
        self.draw = random.Random(seed)

    def __call__(self, group):
        faults = [position for position in group if position in self.bad]
        faults += [second for first, second in self.pairs if {first, second} <= set(group)]
        if len(group) > self.most_items or self.draw.random() < self.spurious:
            faults.append(group[-1])
        if not faults:
            return ACCEPTED
        return refuse(self.naming(faults[0], group, self.draw))


POSITIONS = st.integers(2, 30).flatmap(
    lambda count: st.integers(0, 3).map(lambda start: range(start, start + count))
)


@st.composite
def services(draw):
    positions = draw(POSITIONS)
    some = st.sets(st.sampled_from(positions), max_size=len(positions))
    pair = st.tuples(st.sampled_from(positions), st.sampled_from(positions))
    service = Service(
        bad=draw(some),
        pairs=[(a, b) for a, b in draw(st.lists(pair, max_size=3)) if a != b],
        most_items=draw(st.sampled_from([1, 2, 5, 100])),
        spurious=draw(st.sampled_from([0, 0, 0.1, 0.5, 1])),
        naming=draw(st.sampled_from(sorted(NAMINGS))),
        seed=draw(st.integers(0, 9)),
    )
    return positions, service


@settings(deadline=None)
@given(st.lists(services(), min_size=1, max_size=4))
def test_every_item_is_settled_once_by_any_service(drawn):
    lessons = Lessons()
    for positions, service in drawn:
        outcome = drive(service, positions, lessons)
        if service.naming in (NAMINGS["nothing"], NAMINGS["a field"]):
            assert outcome.rejected_by_name == []


@settings(deadline=None)
@given(
    positions=POSITIONS,
    bad=st.sets(st.integers(0, 32)),
    naming=st.sampled_from(["nothing", "a field", "the Id", "the index", "the index from 1"]),
    batches=st.integers(1, 5),
)
def test_exactly_the_refused_items_are_rejected(positions, bad, naming, batches):
    lessons = Lessons()
    for _ in range(batches):
        service = Service(bad, [], 100, 0, naming, 1)
        assert drive(service, positions, lessons).rejected == sorted(bad & set(positions))


@settings(deadline=None)
@given(
    answers=st.lists(st.booleans(), min_size=1), message=st.sampled_from(["", "Item[0] 'id-0005'"])
)
@example(answers=[False], message="")
def test_any_sequence_of_answers_comes_to_an_end(answers, message):
    lessons, count = Lessons(), 0

    def service(group):
        nonlocal count
        count += 1
        return ACCEPTED if answers[count % len(answers)] else refuse(message)

    outcome = drive(service, range(40), lessons)
    assert len(outcome.requests) <= 4 * 40


@pytest.mark.parametrize(
    "item", [b"5", b"null", b"[", b"", b'{"Id":7}', b"{}", b'{"Id":""}', b'{"Attributes":null}']
)
def test_items_that_are_no_endpoints_are_told_apart_by_their_answers(item):
    service = refuse_these({4, 5}, lambda first, group: "Missing Id '' in Attributes")
    assert drive(service, range(20), items=lambda position: item).rejected == [4, 5]


def test_positions_need_not_follow_each_other():
    assert drive(refuse_these({40}), [3, 40, 7, 21]).rejected == [40]


def test_batch_of_one_item_needs_no_request():
    outcome = drive(refuse_these({7}), [7])
    assert (outcome.rejected_by_name, outcome.requests) == ([7], [])


def test_request_has_to_be_answered():
    steps = isolate(range(5), refuse(), make_item, Lessons())
    next(steps)
    with pytest.raises(TypeError, match="answered"):
        next(steps)


# -- what the service says -----------------------------------------------------------------


@pytest.mark.parametrize("message", [name_id, name_index])
def test_named_item_costs_one_request_once_the_wording_has_proven_right(message):
    lessons = Lessons()
    costs = [len(drive(refuse_these({17}, message), range(100), lessons).requests) for _ in "12345"]
    assert costs == [2, 2, 2, 1, 1]


def test_named_items_of_one_batch_prove_the_wording_too():
    outcome = drive(refuse_these({3, 30, 50, 70, 99}, name_id), range(100))
    assert outcome.refused_alone == [3, 30, 50]
    assert outcome.rejected_by_name == [70, 99]
    assert len(outcome.requests) == 5 + 3


def test_rejected_item_keeps_the_answer_that_named_it():
    lessons, service = Lessons(), refuse_these({5, 6, 7, 8}, name_id)
    drive(service, range(10), lessons)
    steps = isolate(range(10), service(range(10)), make_item, lessons)
    assert next(steps) == (0, 1, 2, 3, 4, 6, 7, 8, 9)
    named = steps.send(refuse(name_id(6, ())))
    assert named == Rejected(5, refuse(name_id(5, ())))


def test_wording_that_was_wrong_once_is_never_believed_again():
    lessons = Lessons()
    for _ in range(4):
        drive(refuse_these({17}, name_id), range(100), lessons)
    elsewhere = refuse_these({30}, lambda first, group: name_id(99, group))
    assert drive(elsewhere, range(60), lessons).rejected == [30]
    again = drive(refuse_these({17}, name_id), range(100), lessons)
    assert again.refused_alone == [17]
    assert len(again.requests) > 2


def test_index_that_counts_from_1_is_not_believed_among_items_refused_in_a_row():
    service = refuse_these(
        set(range(40, 50)), lambda first, group: f"Bad: Item[{group.index(first) + 1}]"
    )
    outcome = drive(service, range(60))
    assert (outcome.rejected, outcome.rejected_by_name) == (list(range(40, 50)), [])


def test_item_that_is_named_but_taken_alone_is_not_rejected():
    service = refuse_these({30}, lambda first, group: name_id(group[0], group))
    assert drive(service, range(60)).rejected == [30]


def test_believed_wording_about_an_item_that_was_not_sent_rejects_nobody():
    lessons = Lessons()
    for _ in range(3):
        drive(refuse_these({17}, name_id), range(60), lessons)
    stubborn = refuse_these({30}, lambda first, group: name_id(17, group))
    assert drive(stubborn, range(60), lessons).rejected == [30]


def test_other_wordings_are_still_believed():
    lessons = Lessons()
    drive(refuse_these({5, 6, 7}, name_id), range(20), lessons)
    drive(refuse_these({5}, lambda first, group: "Item[0]"), range(20), lessons)
    assert drive(refuse_these({5, 6}, name_id), range(20), lessons).rejected_by_name == [5, 6]


def test_named_and_unnamed_faults_of_one_batch():
    def message(first, group):
        return name_id(first, group) if first < 50 else "Missing Address"

    assert drive(refuse_these({4, 40, 60, 80}, message), range(100)).rejected == [4, 40, 60, 80]


# -- what the items look like --------------------------------------------------------------


def test_what_refused_items_have_in_common_is_learned():
    lessons, draw = Lessons(), random.Random(3)
    costs = []
    for _ in range(8):
        bad = set(draw.sample(range(100), 3))

        def item(position, bad=bad):
            domain = "blocked.example" if position in bad else draw.choice(["a.org", "b.org"])
            return make_item(position, Address=f"p{draw.random()}@{domain}", ChannelType="EMAIL")

        outcome = drive(refuse_these(bad), range(100), lessons, item)
        assert outcome.rejected == sorted(bad)
        costs.append(len(outcome.requests))
    # Three suspects alone and all others together: less is not possible.
    assert costs[2:] == [4] * 6


def test_suspects_that_the_service_takes_are_accepted():
    lessons = Lessons()

    def item(position):
        return make_item(position, Attributes={"Plan": ["old" if position < 5 else "new"]})

    for _ in range(5):
        drive(refuse_these(set(range(5))), range(100), lessons, item)
    assert drive(refuse_these({80}), range(100), lessons, item).rejected == [80]


@pytest.mark.parametrize(
    ("message", "odd"),
    [("Missing Address", {}), ("Invalid Address: format", {"Address": "n/a"})],
)
def test_item_that_looks_odd_where_the_message_points_is_tried_first(message, odd):
    def item(position):
        address = {"Address": f"p{position}@example.org"}
        return make_item(position, **(odd if position == 60 else address))

    service = refuse_these({60}, lambda first, group: message)
    assert drive(service, range(100), items=item).requests[0] == (60,)


# -- group testing -------------------------------------------------------------------------


# Plain halving takes 13.5, 9.1 and 5.6; the information in the answers asks for 6.6, 5.2 and 3.4.
@pytest.mark.parametrize(("refused", "most"), [(1, 9.0), (5, 6.8), (20, 4.5)])
def test_items_without_a_pattern_take_few_requests(refused, most):
    lessons, draw, requests = Lessons(), random.Random(refused), 0
    for _ in range(40):
        bad = set(draw.sample(range(100), refused))
        requests += len(drive(refuse_these(bad), range(100), lessons).requests)
    assert requests / 40 / refused < most


def test_batch_of_refused_items_takes_little_more_than_a_request_each():
    lessons = Lessons()
    costs = [len(drive(refuse_these(set(range(100))), range(100), lessons).requests) for _ in "123"]
    # Plain halving takes 198 each time.
    assert costs[0] < 198
    assert costs[2] < 105


def test_item_that_is_bad_by_deduction_only_is_sent_alone():
    answers = iter([refuse(), ACCEPTED, ACCEPTED])
    outcome = drive(lambda group: next(answers), range(2))
    assert sorted(outcome.accepted) == [0, 1]


def test_items_that_are_refused_only_together_are_all_accepted():
    def service(group):
        return refuse() if {20, 70} <= set(group) else ACCEPTED

    outcome = drive(service, range(100))
    assert outcome.rejected == []
    assert len(outcome.requests) < 15


@pytest.mark.parametrize("most_items", [1, 10, 25])
def test_service_that_refuses_large_requests_gets_smaller_ones(most_items):
    def service(group):
        return refuse() if len(group) > most_items else ACCEPTED

    outcome = drive(service, range(100))
    assert outcome.rejected == []
    assert len(outcome.requests) < 1.5 * 100 / most_items + 25


def test_lessons_can_be_shared_by_threads():
    lessons = Lessons()

    def work(seed):
        draw = random.Random(seed)
        for number in range(8):
            bad = set(draw.sample(range(50), 3))
            message = name_id if number % 2 else (lambda first, group: "Bad request")
            outcome = drive(refuse_these(bad, message), range(50), lessons)
            assert outcome.rejected == sorted(bad)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [None] * 4

"""Messages that name several items: not all of them need be to blame."""

import orjson

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.isolate import Lessons, Rejected, isolate


def make_item(position):
    return orjson.dumps({"Id": f"u{position}", "ChannelType": "EMAIL", "Address": "a@example.com"})


def search(bad, user, lessons):
    """Search a batch of 100 for one refused item whose refusal also names a user's Id."""

    def answer(group):
        if bad not in group:
            return Answer(AnswerKind.ACCEPTED)
        text = f"Endpoint 'u{bad}': user 'u{user}' has too many endpoints"
        return Answer(AnswerKind.REFUSED, text)

    rejected, accepted = [], []
    steps = isolate(range(100), answer(range(100)), make_item, lessons)
    reply = None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration:
            return rejected, sorted(accepted)
        if isinstance(step, Rejected):
            rejected.append(step.position)
            reply = None
            continue
        reply = answer(step)
        if reply.kind is AnswerKind.ACCEPTED:
            accepted += step
        elif len(step) == 1:
            rejected += step


def test_an_innocent_item_that_a_believed_wording_names_too_is_delivered():
    lessons = Lessons()
    for _ in range(5):  # the user's Id is none of the batch's: the wording is right each time
        assert search(7, 1000, lessons)[0] == [7]
    rejected, accepted = search(7, 8, lessons)
    assert rejected == [7]
    assert 8 in accepted

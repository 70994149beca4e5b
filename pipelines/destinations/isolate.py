"""Finds the refused items of a refused batch, and gets all others delivered, in few requests.

The service refuses a batch as a whole and may not say why. What it says is used first (`naming`),
then what the items look like (`suspects`), and where neither helps, the search halves the chances
with each request: groups that are as likely to be accepted as refused tell most (group testing;
Sobel and Groll 1959, Hwang 1972). Only an answer about an item alone, or a wording that has proven
right, rejects it: so spurious refusals, and items that are refused only together, reject nobody.
"""

import math
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass

import orjson

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.naming import Wordings, find_named, strip_particulars
from pipelines.destinations.suspects import Features, Suspicions, find_features, share_blame

MOST_CERTAIN = 0.95
"""No guess is surer than this, so that a wrong one can be outweighed; any item whose chance to be
refused is above 0.38 is sent alone (Ungar 1960)."""
EVEN_LOSS = math.log(2)
"""Minus the logarithm of an even chance."""

Steps = Generator["tuple[int, ...] | Rejected", Answer | None, None]
"""Requests to make and items rejected, against the answers to the requests."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """This item is refused, by this answer; nothing is to be sent."""

    position: int
    """Position of the item."""
    answer: Answer
    """The answer that names it."""


class Lessons:
    """What was learned in this run, shared by all batches and sending threads."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._lock = threading.Lock()
        self._wordings = Wordings()
        self._suspicions = Suspicions()

    def note_naming(self, wording: str, *, is_right: bool) -> None:
        """Count what became of an item that a message of this wording named."""
        with self._lock:
            self._wordings.note(wording, is_right=is_right)

    def believes(self, wording: str) -> bool:
        """Say whether what is named so can be called rejected."""
        with self._lock:
            return self._wordings.is_believed(wording)

    def listens_to(self, wording: str) -> bool:
        """Say whether it is worth looking at what is named so."""
        with self._lock:
            return self._wordings.is_open(wording)

    def note_rows(self, refused: Sequence[Features], accepted: Sequence[Features]) -> None:
        """Remember what became of the items of a batch."""
        with self._lock:
            for features in refused:
                self._suspicions.note(features, is_refused=True)
            for features in accepted:
                self._suspicions.note(features, is_refused=False)

    def rate(self, batch: Sequence[Features], blame: Sequence[float]) -> list[float]:
        """Give each item's chance to be refused; see `Suspicions.rate`."""
        with self._lock:
            return self._suspicions.rate(batch, blame)


def isolate(
    positions: Sequence[int],
    refusal: Answer,
    read_item: Callable[[int], bytes],
    lessons: Lessons,
) -> Steps:
    """Say what to send until every item of a refused batch is accepted or rejected.

    Terminates for any answers, also inconsistent ones: after a refusal a smaller group is sent,
    down to a single item, which its answer settles.

    Args:
        positions: Positions of the items of the batch, in the order of the request.
        refusal: Its answer.
        read_item: Gives an item's JSON.
        lessons: What earlier batches taught; added to.

    Yields:
        Positions to send as one request, in this order, or an item that is rejected. After a
        request its answer is to be sent in, ACCEPTED or REFUSED. Items of an accepted request are
        done; a request for one item that is refused rejects it.
    """
    if len(positions) == 1:
        yield Rejected(positions[0], refusal)
        return
    search = _Search(positions, read_item, lessons)
    search.note(tuple(positions), refusal)
    while search.unsettled:
        if search.named:
            yield from search.try_named()
        else:
            yield from search.ask(set(search.choose()))
    search.teach()


class _Search:
    """The state of one batch's search."""

    def __init__(
        self, positions: Sequence[int], read_item: Callable[[int], bytes], lessons: Lessons
    ) -> None:
        self._positions = tuple(positions)
        self._lessons = lessons
        self._items = {position: _parse(read_item(position)) for position in positions}
        self._features: dict[int, Features] = {}
        self._chances: dict[int, float] = {}
        """Chance to be refused, highest first; empty while what the service says will do."""
        self._accepted: list[int] = []
        self._refused: list[int] = []
        self._most_items = len(positions)
        self._refusal = Answer(AnswerKind.REFUSED)
        self._wording = ""
        self._tainted: set[int] = set()
        """Unsettled items with a refused one among them, if the service is consistent."""
        self.unsettled = set(positions)
        self.named: list[int] = []
        """Items that the latest refusal names."""

    def ask(self, group: Collection[int]) -> Generator[tuple[int, ...], Answer | None, Answer]:
        """Send a group and take note of its answer."""
        # In the order of the file, as the last one of two items may win.
        ordered = tuple(position for position in self._positions if position in group)
        answer = yield ordered
        if answer is None:
            raise TypeError("A request has to be answered before the next step.")
        self.note(ordered, answer)
        return answer

    def note(self, group: tuple[int, ...], answer: Answer) -> None:
        """Take note of a group's answer."""
        if answer.kind is AnswerKind.ACCEPTED:
            was_tainted = bool(self._tainted)
            self.unsettled.difference_update(group)
            self._tainted.difference_update(group)
            self._accepted += group
            if was_tainted and not self._tainted:
                # Refused together but not alone. Where that goes on, groups have to be smaller.
                self._most_items = max(1, self._most_items // 2)
        elif len(group) == 1:
            self._settle_refused(group[0])
        else:
            self._tainted = set(group)
            self._refusal = answer
            self._listen(group)

    def _settle_refused(self, position: int) -> None:
        self.unsettled.remove(position)
        self._refused.append(position)
        if position in self._tainted:
            # It explains the refusal, so nothing is known about the others.
            self._tainted.clear()

    def _listen(self, group: tuple[int, ...]) -> None:
        """Find what the latest refusal names."""
        self._wording, named = self._read(group, self._refusal)
        if not named and self._lessons.believes(self._wording):
            # It names something that was not in the request.
            self._lessons.note_naming(self._wording, is_right=False)
        self.named = named if self._lessons.listens_to(self._wording) else []

    def _read(self, group: tuple[int, ...], refusal: Answer) -> tuple[str, list[int]]:
        """Give the wording of a refusal and the items that it names."""
        ids = [_id(self._items[position]) for position in group]
        indexes = find_named(refusal.message, ids)
        wording = strip_particulars(refusal.message, [ids[index] for index in indexes])
        return wording, [group[index] for index in indexes]

    def try_named(self) -> Steps:
        """Send everything but the named items, then decide about these."""
        named, refusal, wording = self.named, self._refusal, self._wording
        self.named = []
        others = self.unsettled.difference(named)
        if others:
            yield from self.ask(others)
        for position in named:
            # Where it names several, not all of them need be to blame: "endpoint 'a' of user 'b'".
            if len(named) == 1 and self._lessons.believes(wording):
                self._settle_refused(position)
                yield Rejected(position, refusal)
                continue
            answer = yield from self.ask({position})
            if answer.kind is AnswerKind.ACCEPTED:
                self._lessons.note_naming(wording, is_right=False)
            elif self._read((position,), answer) == (wording, [position]):
                # Refused alone by other words, it may have been named by chance: by an index
                # that counts from 1, among items that are refused in a row.
                self._lessons.note_naming(wording, is_right=True)

    def choose(self) -> Sequence[int]:
        """Choose the group whose answer tells most."""
        if not self._chances:
            self._rate()
        among = self._tainted or self.unsettled
        rest = [position for position in self._chances if position in among]
        losses = self._losses(rest)
        total = sum(losses)
        if self._tainted:
            # All of them being accepted is out of the question: take half of the other chances.
            even = -math.log((1 + math.exp(-total)) / 2)
            return rest[: _count_up_to(even, losses[:-1])]
        # A remainder that is about as likely to be accepted as not is not worth a second request.
        even = total / max(1, round(total / EVEN_LOSS))
        return rest[: min(self._most_items, _count_up_to(even, losses))]

    def _losses(self, positions: Sequence[int]) -> list[float]:
        """Give minus the logarithm of each item's chance to be accepted."""
        # More or fewer refused than guessed so far: so it will go on.
        guessed = sum(map(self._chances.__getitem__, self._accepted + self._refused))
        factor = (1 + len(self._refused)) / (1 + guessed)
        return [-math.log1p(-min(MOST_CERTAIN, self._chances[p] * factor)) for p in positions]

    def _rate(self) -> None:
        items = list(self._items.values())
        features = find_features(items)
        blame = share_blame(items, features, self._refusal.message)
        chances = self._lessons.rate(features, blame)
        self._features = dict(zip(self._items, features, strict=True))
        rated = zip(self._items, chances, strict=True)
        self._chances = dict(sorted(rated, key=lambda pair: pair[1], reverse=True))

    def teach(self) -> None:
        """Leave to later batches what was learned."""
        if self._features:
            self._lessons.note_rows(
                [self._features[position] for position in self._refused],
                [self._features[position] for position in self._accepted],
            )


def _count_up_to(even: float, losses: Sequence[float]) -> int:
    """Count items, at least one (or none at all), whose losses come nearest to a sum."""
    total = 0.0
    for count, loss in enumerate(losses):
        if count and total + loss / 2 > even:
            return count
        total += loss
    return max(1, len(losses))


def _parse(item: bytes) -> object:
    try:
        return orjson.loads(item)
    except orjson.JSONDecodeError:
        return None


def _id(item: object) -> str:
    value = item.get("Id") if isinstance(item, dict) else None
    return value if isinstance(value, str) else ""

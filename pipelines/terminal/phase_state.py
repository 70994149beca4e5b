"""How far a phase is: rows, pace, what is left, and what was counted, in words."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WORDS = {
    "start": "starting",
    "stage": "reading",
    "prepare": "validating",
    "resolve": "comparing rows",
    "compare": "comparing with the last import",
    "deliver": "sending",
    "retire": "retiring",
    "record": "noting what was accepted",
    "report": "writing the results",
    "look": "reading the state",
    "verify": "reading back",
}
ENDPOINTS = frozenset({"compare", "deliver", "retire", "look", "verify"})
"""Phases that go through endpoints: a row may give several, or none that is to be sent."""
PACE_OVER_S = 30.0
"""Seconds over which the pace is measured: the service may be faster or slower by now."""
_ALWAYS_TOLD = {"prepare": ("invalid",), "deliver": ("accepted", "rejected")}
"""What is told of a phase even while it is 0, once something was counted there."""


@dataclass
class PhaseState:
    """How far one phase is."""

    name: str
    """The phase."""
    total: int | None
    """Rows, or endpoints, that it has to go through, if that is known."""
    clock: Callable[[], float]
    """Gives seconds since some moment."""
    done: int = 0
    """Those that went through it, in earlier attempts too."""
    moved: int = 0
    """Those that did now."""
    total_bytes: int = 0
    """Bytes to be read, where that is told instead."""
    taken_bytes: int = 0
    """Those that were read."""
    counts: Counter[str] = field(default_factory=Counter)
    """What was found so far, in earlier attempts too."""

    def __post_init__(self) -> None:
        """Begin."""
        self.began_s = self.clock()
        self._marks = deque([(self.began_s, 0)])

    @property
    def unit(self) -> str:
        """What goes through it."""
        return "endpoints" if self.name in ENDPOINTS else "rows"

    def advance(self, rows: int) -> None:
        """So many more went through."""
        self.done += rows
        self.moved += rows
        now_s = self.clock()
        self._marks.append((now_s, self.moved))
        while len(self._marks) > 2 and self._marks[1][0] <= now_s - PACE_OVER_S:
            self._marks.popleft()

    def skip(self, rows: int) -> None:
        """So many went through before."""
        self.done += rows

    def add(self, counts: Mapping[str, int]) -> None:
        """So many more of each were found."""
        self.counts.update(counts)

    @property
    def seconds(self) -> float:
        """How long it has gone on."""
        return max(self.clock() - self.began_s, 0.001)

    def pace(self) -> float:
        """Give what goes through in a second, lately."""
        since_s, moved = self._marks[0]
        return (self.moved - moved) / max(self.clock() - since_s, 0.001)

    def done_share(self) -> float | None:
        """Give how much of it is done, from 0 to 1, if that can be told."""
        if self.total:
            return min(self.done / self.total, 1.0)
        return min(self.taken_bytes / self.total_bytes, 1.0) if self.total_bytes else None

    def left_s(self) -> float | None:
        """Give the seconds that are left of it, if that can be told."""
        if self.total is not None:
            pace = self.pace()
            return max(self.total - self.done, 0) / pace if pace else None
        share = self.done_share()
        return self.seconds * (1 - share) / share if share else None

    def say_done(self) -> str:
        """Say how many went through, of how many."""
        of_total = f" of {self.total:,}" if self.total is not None else ""
        return f"{self.done:,}{of_total} {self.unit}"

    def say_counts(self) -> str:
        """Say what was found so far; nothing if that is nothing."""
        if not self.counts:
            return ""
        always = _ALWAYS_TOLD.get(self.name, ())
        names = dict.fromkeys((*always, *self.counts))
        told = [f"{self.counts[n]:,} {_noun(n, self.counts[n])}" for n in names
                if self.counts[n] or n in always]  # fmt: skip
        return ", ".join(told)


def _noun(name: str, count: int) -> str:
    singular = {"requests": "request", "retries": "retry"}
    return singular.get(name, name) if count == 1 else name


def say_left(seconds: float) -> str:
    """Say how much time is left, as a clock does.

    >>> say_left(7.2), say_left(75), say_left(5025), say_left(200_000)
    ('0:08', '1:15', '1:23:45', '2 d 7 h')
    """
    whole = int(-(-seconds // 1))
    minutes, rest_s = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"

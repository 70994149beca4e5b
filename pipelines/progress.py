"""Progress: what long work says of itself while it goes on, to whoever listens in this process."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol


class RowListener(Protocol):
    """Someone who follows how many rows went through the phases."""

    def begin(self, phase: str, total_rows: int | None) -> None:
        """A phase begins; `total_rows` is None where nobody knows yet."""
        ...

    def advance(self, phase: str, rows: int) -> None:
        """So many more rows went through the phase. Called from any thread."""
        ...

    def skip(self, phase: str, rows: int) -> None:
        """So many rows went through the phase before it, or this process, began."""
        ...


class ProgressListener(RowListener, Protocol):
    """Someone who shows progress, and what comes of it."""

    def measure(self, phase: str, total_bytes: int) -> None:
        """So many bytes are to be read in the phase: told where nobody knows the rows."""
        ...

    def take(self, phase: str, size_bytes: int) -> None:
        """So many more of them were read."""
        ...

    def count(self, phase: str, counts: Mapping[str, int]) -> None:
        """So many more of each were found in the phase, such as invalid rows."""
        ...

    def note(self, text: str) -> None:
        """Something was done that people may want to follow: one line, no addresses."""
        ...


class Silence:
    """Someone who takes no notice."""

    def begin(self, phase: str, total_rows: int | None) -> None:
        """Say nothing."""

    def advance(self, phase: str, rows: int) -> None:
        """Say nothing."""

    def skip(self, phase: str, rows: int) -> None:
        """Say nothing."""

    def measure(self, phase: str, total_bytes: int) -> None:
        """Say nothing."""

    def take(self, phase: str, size_bytes: int) -> None:
        """Say nothing."""

    def count(self, phase: str, counts: Mapping[str, int]) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


_lock = threading.Lock()
_listener: ProgressListener = Silence()
_followers: list[RowListener] = []
_phase: str | None = None
_early: Counter[str] = Counter()
"""Rows that went through phases which have not begun: work on the first partitions starts while
the last ones are read."""
_early_counts: dict[str, Counter[str]] = {}
"""What was counted in such phases."""


def listen(listener: ProgressListener | None) -> None:
    """Send progress to this listener from now on; None for nobody."""
    global _listener, _phase
    with _lock:
        _listener = listener or Silence()
        _phase = None
        _early.clear()
        _early_counts.clear()


@contextmanager
def followed_by(listener: RowListener) -> Iterator[None]:
    """Send progress in a `with` block to this listener, too."""
    with _lock:
        _followers.append(listener)
    try:
        yield
    finally:
        with _lock:
            _followers.remove(listener)


def begin(phase: str, total_rows: int | None = None) -> None:
    """Tell whoever listens that a phase begins."""
    global _phase
    with _lock:
        _phase = phase
        rows = _early.pop(phase, 0)
        for listener in (_listener, *_followers):
            listener.begin(phase, total_rows)
            if rows:
                listener.skip(phase, rows)
        if counts := _early_counts.pop(phase, None):
            _listener.count(phase, counts)


def advance(phase: str, rows: int) -> None:
    """Tell whoever listens that rows went through a phase."""
    with _lock:
        if phase == _phase:
            for listener in (_listener, *_followers):
                listener.advance(phase, rows)
        else:
            _early[phase] += rows


def skip(phase: str, rows: int) -> None:
    """Tell whoever listens that rows went through a phase in an earlier attempt at the run."""
    with _lock:
        if phase != _phase:
            _early[phase] += rows
        elif rows:
            for listener in (_listener, *_followers):
                listener.skip(phase, rows)


def measure(phase: str, total_bytes: int) -> None:
    """Tell the listener how many bytes are to be read in a phase."""
    with _lock:
        if phase == _phase:
            _listener.measure(phase, total_bytes)


def take(phase: str, size_bytes: int) -> None:
    """Tell the listener that bytes were read in a phase."""
    with _lock:
        if phase == _phase:
            _listener.take(phase, size_bytes)


def count(phase: str, **counts: int) -> None:
    """Tell the listener what was found in a phase, or what it took, since the call before."""
    with _lock:
        if phase == _phase:
            _listener.count(phase, counts)
        else:
            _early_counts.setdefault(phase, Counter()).update(counts)


def note(text: str) -> None:
    """Tell the listener what was done: one line, without addresses and credentials."""
    with _lock:
        _listener.note(text)

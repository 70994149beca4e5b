"""Progress: what long work says of itself while it goes on, to whoever listens in this process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class ProgressListener(Protocol):
    """Someone who shows progress."""

    def begin(self, phase: str, total_rows: int | None) -> None:
        """A phase begins; `total_rows` is None where nobody knows yet."""
        ...

    def advance(self, phase: str, rows: int) -> None:
        """So many more rows went through the phase. Called from any thread."""
        ...

    def skip(self, phase: str, rows: int) -> None:
        """So many rows went through the phase before it, or this process, began."""
        ...


class _Silence:
    def begin(self, phase: str, total_rows: int | None) -> None:
        """Say nothing."""

    def advance(self, phase: str, rows: int) -> None:
        """Say nothing."""

    def skip(self, phase: str, rows: int) -> None:
        """Say nothing."""


_lock = threading.Lock()
_listener: ProgressListener = _Silence()
_followers: list[ProgressListener] = []
_phase: str | None = None
_early: Counter[str] = Counter()
"""Rows that went through phases which have not begun: work on the first partitions starts while
the last ones are read."""


def listen(listener: ProgressListener | None) -> None:
    """Send progress to this listener from now on; None for nobody."""
    global _listener, _phase
    with _lock:
        _listener = listener or _Silence()
        _phase = None
        _early.clear()


@contextmanager
def followed_by(listener: ProgressListener) -> Iterator[None]:
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

"""Progress: what long work says of itself while it goes on, to whoever listens in this process."""

import threading
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
        """So many rows went through the phase before this process began."""
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


def listen(listener: ProgressListener | None) -> None:
    """Send progress to this listener from now on; None for nobody."""
    global _listener
    _listener = listener or _Silence()


def begin(phase: str, total_rows: int | None = None) -> None:
    """Tell the listener that a phase begins."""
    with _lock:
        _listener.begin(phase, total_rows)


def advance(phase: str, rows: int) -> None:
    """Tell the listener that rows went through a phase."""
    with _lock:
        _listener.advance(phase, rows)


def skip(phase: str, rows: int) -> None:
    """Tell the listener that rows went through a phase in an earlier attempt at the run."""
    if rows:
        with _lock:
            _listener.skip(phase, rows)

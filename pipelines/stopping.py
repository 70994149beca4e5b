"""Stopping: a signal asks a run to come to an orderly end, a second one ends it at once.

An orderly end finishes the requests in flight, writes the books, and leaves the rest `unprocessed`.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_requested = threading.Event()


def is_requested() -> bool:
    """Say whether the run is to come to an end."""
    return _requested.is_set()


@contextmanager
def on_signals() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM ask for an orderly end, and the second raise at once.

    Goes inside a flow, as Prefect sets handlers of its own around it. Outside the main thread
    signals stay as they are.
    """
    _requested.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request(_number: int, _frame: FrameType | None) -> None:
        if _requested.is_set():
            raise KeyboardInterrupt
        _requested.set()

    before = {number: signal.signal(number, request) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _requested.clear()

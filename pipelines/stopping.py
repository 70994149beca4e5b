"""Stopping: a signal asks a run to come to an orderly end, a second one ends it at once.

An orderly end finishes the requests in flight, writes the books, and leaves the rest
`unprocessed`. Prefect cancels a flow run of a worker by SIGTERM, and so in the same way.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_requested = threading.Event()


def _interrupt() -> None:
    raise KeyboardInterrupt


def _say_nothing() -> None:
    pass


_on_request: Callable[[], None] = _say_nothing
_on_second: Callable[[], None] = _interrupt


def listen(on_request: Callable[[], None], on_second: Callable[[], None]) -> None:
    """Call these at the first and at the second signal of runs that begin in this process.

    Without them the first is silent, and the second raises KeyboardInterrupt. They are called
    within a signal handler.
    """
    global _on_request, _on_second
    _on_request, _on_second = on_request, on_second


def is_requested() -> bool:
    """Say whether the run is to come to an end."""
    return _requested.is_set()


def request() -> None:
    """Ask the run to come to an orderly end, as a first signal does, but say nothing."""
    _requested.set()


@contextmanager
def on_signals() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM ask for an orderly end, and the second end it at once.

    Goes inside a flow, as Prefect sets handlers of its own around it. Outside the main thread
    signals stay as they are. The request lasts until the next run begins: threads of this one may
    still look at it.
    """
    _requested.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request(_number: int, _frame: FrameType | None) -> None:
        if _requested.is_set():
            _on_second()
            return
        _requested.set()
        _on_request()

    before = {number: signal.signal(number, request) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

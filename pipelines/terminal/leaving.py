"""Leaving at once: what a signal does while nothing was read or sent.

Imports next to nothing: it is there before anything that takes a while.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

STOPPED = 5
"""Exit code of a command that a signal stopped."""
STOPPED_EARLY = "Stopped by a signal before anything was read or sent."
_SHOW_CURSOR = "\x1b[?25h\n"


def leave_on_signals() -> None:
    """From now on let a signal end the process at once: there is nothing to bring to an end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave_early)


def leave(message: str) -> NoReturn:
    """End the process here and now, as a signal handler may; its children end with it."""
    shown = _SHOW_CURSOR if sys.stderr.isatty() else ""
    write(f"{shown}Error: {message}\n")
    os._exit(STOPPED)


def write(text: str) -> None:
    """Write on stderr straight away: a signal may come while the stream is written to."""
    with suppress(OSError):  # whoever reads it may be gone
        os.write(2, text.encode(sys.stderr.encoding or "utf-8", errors="replace"))


def _leave_early(*_: object) -> None:
    leave(STOPPED_EARLY)

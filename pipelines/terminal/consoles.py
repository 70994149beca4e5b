"""Where people's output goes: a console, in colour only where colour is wanted and can be shown.

NO_COLOR, CLICOLOR=0, TERM=dumb and output that is no terminal are without; FORCE_COLOR and
CLICOLOR_FORCE are with colour, wherever it goes, unless NO_COLOR says otherwise.
"""

import os
import sys

from rich.console import Console
from rich.text import Text

from pipelines.terminal.plain_text import write_plainly

_OFF = frozenset({"", "0", "false"})


def is_terminal(*, stderr: bool) -> bool:
    """Say whether people look at a stream as it is written to, and it can be written over."""
    stream = sys.stderr if stderr else sys.stdout
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def make_console(*, stderr: bool = False, at_least: int = 0) -> Console:
    """Make the console for a stream.

    Args:
        stderr: Whether it is stderr.
        at_least: Columns that may be used, however narrow the terminal is.
    """
    console = Console(
        stderr=stderr,
        force_terminal=_has_colour(stderr=stderr),
        # Without a colour system there are no links either, and nothing is bold or dim.
        color_system=None if _is_set("NO_COLOR") else "auto",
    )
    console.width = max(console.width, at_least)
    return console


def _has_colour(*, stderr: bool) -> bool:
    forced = _is_set("FORCE_COLOR") or _is_set("CLICOLOR_FORCE")
    if forced and not _is_set("NO_COLOR"):
        return True
    return is_terminal(stderr=stderr) and os.environ.get("CLICOLOR") != "0"


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() not in _OFF


def say_error(message: str) -> None:
    """Say on stderr, in one line, what went wrong."""
    line = Text.assemble(("Error:", "bold red"), f" {write_plainly(message)}")
    make_console(stderr=True).print(line, soft_wrap=True)

"""A real terminal for a command: what it writes there, and its exit code."""

import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}


class Shown(NamedTuple):
    """What a terminal got."""

    code: int
    text: str
    """Escape sequences included."""


def show(*arguments: str, cwd: Path, environment: Mapping[str, str], columns: int = 80) -> Shown:
    """Run a command to its end at a terminal of its own, of so many columns."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "pipelines", *arguments]
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.login_tty(writer)
        os.chdir(cwd)
        os.execve(command[0], command, {**TERMINAL, **environment})
    os.close(writer)
    written = b""
    while part := _read(reader):
        written += part
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return Shown(os.waitstatus_to_exitcode(status), written.decode(errors="replace"))


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # the terminal has no other end any more
        return b""

"""Commands to copy: quoted for the shell that people have at hand."""

import os
import shlex
import subprocess
from collections.abc import Sequence


def join_command(words: Sequence[str]) -> str:
    """Write a command as it is typed: for cmd and PowerShell on Windows, for a POSIX shell else.

    >>> join_command(["endpoint-import", "check", "an audience.csv"]).count("audience.csv")
    1
    """
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)

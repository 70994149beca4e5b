"""Child processes of the tests: commands, servers and workers, each ended by its own pid."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

CLI_S = 180
"""Most seconds that a command may take; 5 are usual."""


class CliResult(NamedTuple):
    """What a command gave."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class CommandLine:
    """Runs `endpoint-import` in a process of its own."""

    cwd: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str | Path, **variables: str) -> CliResult:
        """Run a command to its end; variables are added to its environment."""
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *map(str, arguments)],
            cwd=self.cwd,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLI_S,
            check=False,
        )
        return CliResult(done.returncode, done.stdout, done.stderr)


@contextmanager
def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    out: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for the time of a `with` block and stop it by its own pid.

    Both of its streams go into the log; stdout into a file of its own if that is given.
    """
    with log.open("wb") as errors, out.open("wb") if out else nullcontext(errors) as output:
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_until(is_done: Callable[[], bool], seconds: float, log: Path) -> None:
    """Poll until something is done; the log tells why it was not."""
    last = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > last:
            pytest.fail(f"not done within {seconds} s:\n{log.read_text()}")
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

"""Child processes of the tests: commands, servers and workers, each ended by its own pid."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

CLI_S = 180
"""Most seconds that a command may take; 5 are usual."""
END_S = 60
"""Most seconds that a command may take to end, once it has a reason to."""
MARK = "STARTED_BY_TEST"
"""Variable by which a command and whatever it starts are found again, by whomever adopted."""
T = TypeVar("T")


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
    within: tuple[str, ...] = ()
    """A command that runs the rest of its line, under other conditions."""

    def __call__(self, *arguments: str | Path, **variables: str) -> CliResult:
        """Run a command to its end; variables are added to its environment."""
        done = subprocess.run(
            self._command(*arguments),
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
    def started(self, *arguments: str | Path, **variables: str) -> Iterator["Started"]:
        """Start a command for a `with` block, in a process group of its own as a terminal does."""
        name = f"{arguments[0]}-{time.monotonic_ns()}"
        out, log = self.cwd / f"{name}.out", self.cwd / f"{name}.log"
        environment = {**self.environment, **variables, MARK: name}
        with running(self._command(*arguments), environment, self.cwd, log, out) as process:
            yield Started(process, name, out, log)

    def _command(self, *arguments: str | Path) -> list[str]:
        return [*self.within, sys.executable, "-m", "pipelines.cli", *map(str, arguments)]


@dataclass(frozen=True)
class Started:
    """A command that is under way."""

    process: subprocess.Popen[bytes]
    mark: str
    """Value of `MARK` in its environment and in those of its children."""
    out: Path
    log: Path

    def wait_until(self, is_done: Callable[[], bool], every_s: float = 0.02) -> None:
        """Poll until something is done or the command has ended."""
        wait_until(lambda: self.process.poll() is not None or is_done(), CLI_S, self.log, every_s)

    def signal_group(self, number: int) -> None:
        """Send a signal to all processes of its group, as a terminal does at Ctrl-C."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Let it die at once, and without its children."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> CliResult:
        """Wait for its end."""
        code = self.process.wait(END_S)
        return CliResult(code, self.out.read_text(), self.log.read_text())

    def left_behind(self) -> set[int]:
        """Give the processes of this command that live on, after a moment to end in; end them."""
        last = time.monotonic() + END_S
        while (found := find_marked(self.mark)) and time.monotonic() < last:
            time.sleep(0.05)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return found


def find_marked(mark: str) -> set[int]:
    """Find living processes by the value of `MARK` in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has just ended
            if wanted in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
    return found


@contextmanager
def side_by_side(
    stories: Mapping[str, Callable[[], T]], at_once: int = 2
) -> Iterator[Callable[[str], T]]:
    """Run functions in threads; give what returns the result of one, or raises its error.

    Nearly all of a command's time is imports, which use one core, or waits.
    """
    with ThreadPoolExecutor(at_once) as pool:
        futures = {name: pool.submit(story) for name, story in stories.items()}
        yield lambda name: futures[name].result()
        pool.shutdown(cancel_futures=True)


@contextmanager
def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    out: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for the time of a `with` block and stop it by its own pid.

    It leads a process group, so that no signal meant for it reaches the tests. Both of its streams
    go into the log; stdout into a file of its own if that is given.
    """
    with log.open("wb") as errors, out.open("wb") if out else nullcontext(errors) as output:
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            process_group=0,
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


def wait_until(
    is_done: Callable[[], bool], seconds: float, log: Path, every_s: float = 0.1
) -> None:
    """Poll until something is done; the log tells why it was not."""
    last = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > last:
            pytest.fail(f"not done within {seconds} s:\n{log.read_text()}")
        time.sleep(every_s)


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

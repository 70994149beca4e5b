"""Starts and stops the server: in this process (`serve`) or as a child (`LocalServer`)."""

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import IO, Self, cast

from pipelines.errors import ConfigurationError
from pipelines.local_server.options import ServerOptions
from pipelines.local_server.serving import serve

__all__ = ["LocalServer", "ServerOptions", "serve"]

_START_S = 30
"""How long a child may take to start; about 0.5 s is usual."""

_STOP_S = 5
"""How long a child may take to stop before it is killed; about 0.2 s is usual."""


class LocalServer:
    """A server in a child process, for the time of a `with` block.

    The child ends with the block, and also when this process dies without leaving it. Ctrl-C at
    the terminal does not reach the child: what is in flight can still be finished.
    """

    url: str
    """Endpoint URL, inside the block."""
    pid: int
    """Process id of the child, inside the block."""

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start the child and wait until it accepts connections.

        Raises:
            ConfigurationError: It does not start; the message is the child's own.
        """
        with ExitStack() as starting:
            # A file, not a pipe: nobody has to read it for the child to go on.
            messages = starting.enter_context(tempfile.TemporaryFile())
            starting.callback(_pass_on, messages)
            child = starting.enter_context(_child(self.options, messages))
            self.url = _wait_until_ready(child, messages)
            self.pid = child.pid
            self._running = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the child, by its own pid, and wait for its end."""
        self._running.close()


@contextmanager
def _child(options: ServerOptions, messages: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(  # noqa: S603 - our own module and options
        [sys.executable, "-P", "-m", "pipelines.local_server", *_arguments(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if options.verbose else messages,
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait_until_ready(child: subprocess.Popen[bytes], messages: IO[bytes]) -> str:
    """Return the URL that the child announces."""
    stdout = cast("IO[bytes]", child.stdout)
    readable, _, _ = select.select([stdout], [], [], _START_S)
    if not readable:
        raise ConfigurationError(f"The local server did not start within {_START_S} s.")
    line = stdout.readline()
    if line:
        return str(json.loads(line)["url"])
    exit_code = child.wait()
    raise ConfigurationError(
        _take(messages) or f"The local server ended at its start (exit code {exit_code})."
    )


def _take(messages: IO[bytes]) -> str:
    """Read and clear what the ended child has written to stderr."""
    messages.seek(0)
    text = messages.read().decode("utf-8", "replace").strip()
    messages.truncate(0)
    return text


def _pass_on(messages: IO[bytes]) -> None:
    # Warnings, and defects of the server: not to be lost with the file.
    text = _take(messages)
    if text:
        sys.stderr.write(f"{text}\n")


def _arguments(options: ServerOptions) -> Iterator[str]:
    yield from ("--host", options.host, "--port", str(options.port), "--db", str(options.db))
    for application_id in options.applications:
        yield from ("--app", application_id)
    if options.credentials is not None:
        yield from ("--credentials", str(options.credentials))
    if options.verbose:
        yield "--verbose"
    if options.faults:
        yield from ("--fault", ",".join(map(str, options.faults)))
    if options.latency is not None:
        yield from ("--latency", str(options.latency))
    if options.quota is not None:
        yield from ("--quota", f"{options.quota}/s")
    if options.seed is not None:
        yield from ("--seed", str(options.seed))
    yield "--exit-with-stdin"

"""Starts and stops the server: in this process (`serve`) or as a child (`LocalServer`)."""

import gc
import json
import logging
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import uvicorn

from pipelines.errors import ConfigurationError
from pipelines.local_server.app import create_app
from pipelines.local_server.one_write import OneWriteProtocol
from pipelines.local_server.signature import SignatureCheck, read_credentials
from pipelines.local_server.store import Store, utc_now

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_KEEP_ALIVE_S = 3600
"""Idle connections are kept: closing them sooner only races with a client that reuses one."""

_SHUTDOWN_S = 1
"""What a request in flight gets at shutdown; the longest one takes a few milliseconds."""

_START_S = 30
"""How long a child may take to start; about 0.5 s is usual."""

_STOP_S = 5
"""How long a child may take to stop before it is killed; about 0.2 s is usual."""


@dataclass(frozen=True)
class ServerOptions:
    """How to run the server."""

    host: str = "127.0.0.1"
    """Address to listen on; any other than loopback lets other machines in."""
    port: int = 8765
    """TCP port; 0 takes a free one."""
    db: Path = Path("local-server.sqlite3")
    """The database file, created if absent."""
    applications: tuple[str, ...] = ()
    """Application ids to create if absent."""
    credentials: Path | None = None
    """Keys that requests have to be signed with; None accepts everyone."""
    verbose: bool = False
    """Write a line per request to stderr."""


def serve(options: ServerOptions, on_ready: Callable[[str], None]) -> None:
    """Serve in this process until SIGINT or SIGTERM, then return. For the main thread.

    Args:
        options: How to run.
        on_ready: Called once with a line for people, when connections are accepted.

    Raises:
        ConfigurationError: The options cannot be used: port taken, file unreadable.
    """
    run_server(
        options,
        lambda url: on_ready(
            f"Serving the Pinpoint endpoint API at {url}, data in {options.db}; Ctrl-C stops."
        ),
    )


def run_server(
    options: ServerOptions, on_url: Callable[[str], None], *, stdin: IO[bytes] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, or until `stdin` ends if it is given; then return.

    Raises:
        ConfigurationError: The options cannot be used.
    """
    check = None
    if options.credentials is not None:
        check = SignatureCheck(read_credentials(options.credentials), utc_now)
    if options.host not in LOOPBACK_HOSTS:
        sys.stderr.write(
            f"Warning: listening on {options.host}: other machines can reach this server.\n"
        )
    if options.verbose:
        logging.getLogger("uvicorn").addHandler(logging.StreamHandler(sys.stderr))
    with _listen(options) as listener:
        store = Store(options.db)
        try:
            for application_id in options.applications:
                store.ensure_application(application_id)
            config = uvicorn.Config(
                create_app(store, check),
                http=OneWriteProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="info" if options.verbose else "error",
                access_log=options.verbose,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_SHUTDOWN_S,
            )
            server = _Server(config, lambda: on_url(_url(listener)))
            if stdin is not None:
                threading.Thread(target=_stop_at_end, args=(server, stdin), daemon=True).start()
            # What is imported lives as long as the process: a full collection that goes through
            # it all would hold up some requests by 30 ms.
            gc.freeze()
            with _quiet_signals():
                server.run(sockets=[listener])
        finally:
            store.close()


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
        self._options = options
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
            child = starting.enter_context(_child(self._options, messages))
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
        [sys.executable, "-m", "pipelines.local_server", *_arguments(options)],
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


class _Server(uvicorn.Server):
    """Tells when it accepts connections."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


def _listen(options: ServerOptions) -> socket.socket:
    """Bind before anything else starts, so that a taken port is an error of the options."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=128)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"Cannot listen on {options.host} port {options.port}: {reason}. Choose another port."
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _arguments(options: ServerOptions) -> Iterator[str]:
    yield from ("--host", options.host, "--port", str(options.port), "--db", str(options.db))
    for application_id in options.applications:
        yield from ("--app", application_id)
    if options.credentials is not None:
        yield from ("--credentials", str(options.credentials))
    if options.verbose:
        yield "--verbose"
    yield "--exit-with-stdin"


def _stop_at_end(server: uvicorn.Server, stdin: IO[bytes]) -> None:
    with suppress(OSError):
        while stdin.read(4096):
            pass
    server.should_exit = True


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Make a stop by signal a normal end: uvicorn raises the signal again after its shutdown."""
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

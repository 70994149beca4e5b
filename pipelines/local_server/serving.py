"""Runs the server in this process: socket, database, signals, uvicorn."""

import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

import uvicorn

from pipelines.errors import ConfigurationError
from pipelines.local_server.app import create_app
from pipelines.local_server.one_write import OneWriteProtocol
from pipelines.local_server.options import ServerOptions
from pipelines.local_server.rehearsal import BreakableProtocol, Rehearsal
from pipelines.local_server.signature import SignatureCheck, read_credentials
from pipelines.local_server.store import Store, utc_now

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_KEEP_ALIVE_S = 3600
"""Idle connections are kept: closing them sooner only races with a client that reuses one."""

_SHUTDOWN_S = 1
"""What a request in flight gets at shutdown; the longest one takes a few milliseconds."""


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
            app = create_app(store, check)
            rehearsal = Rehearsal(app, options) if options.is_rehearsal else None
            config = uvicorn.Config(
                rehearsal or app,
                http=BreakableProtocol if rehearsal else OneWriteProtocol,
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
            server = _Server(config, lambda: on_url(_url(listener)), rehearsal)
            if stdin is not None:
                threading.Thread(target=_stop_at_end, args=(server, stdin), daemon=True).start()
            # What is imported lives as long as the process: a full collection that goes through
            # it all would hold up some requests by 30 ms.
            gc.freeze()
            with _quiet_signals():
                server.run(sockets=[listener])
            if rehearsal:
                sys.stderr.write(f"{rehearsal.summary()}\n")
        finally:
            store.close()


class _Server(uvicorn.Server):
    """Tells when it accepts connections, and a rehearsal when it stops."""

    def __init__(
        self, config: uvicorn.Config, on_started: Callable[[], None], rehearsal: Rehearsal | None
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._rehearsal = rehearsal

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._rehearsal:
            self._rehearsal.stop()
        await super().shutdown(sockets)


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

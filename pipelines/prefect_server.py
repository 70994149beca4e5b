"""Prefect's own API as a child process: `python -m pipelines.prefect_server FD`.

It serves the listening socket that it inherits, and ends when its standard input does.
"""

import fcntl
import gc
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def main() -> None:
    """Serve until the parent ends; leave at once if Prefect's settings name another API."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    # Next to nothing that the start makes is garbage: to look for it would take a quarter of it.
    gc.disable()
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME

    if PREFECT_API_URL.value() is not None:
        return
    import uvicorn
    from prefect.server.api.server import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            with _one_at_a_time(PREFECT_HOME.value()):
                await super().startup(sockets)
            gc.freeze()
            gc.enable()

    config = uvicorn.Config(create_app(), log_level="error", lifespan="on")
    Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Let nobody else who starts make the same database: Prefect itself fails at that."""
    descriptor = None
    with suppress(OSError):  # without a home the start itself says what is wrong
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home / "endpoint-import.lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


if __name__ == "__main__":
    main()

"""The API that Prefect needs: one that is there already, or Prefect's own for the time of a run.

Prefect would start its own by itself, but only once it is imported, and only then wait for it:
nearly all the time of a small run. It would also be ended too early by signals to a group of
processes (Ctrl-C, `timeout`, systemd), before the run has come to its orderly end, and it would
stay behind when this process is killed.
"""

import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from pipelines import stopping
from pipelines.errors import ConfigurationError

_START_S = 120
"""Most seconds that Prefect may take to start; 3 are usual, and 7 more to make its database."""
_OK = 200
_own: set[str] = set()
_EPHEMERAL = {
    "PREFECT_UI_ENABLED": "0",
    # As Prefect tells the API that it starts by itself; but not PREFECT__SERVER_FINAL, a collection
    # of garbage for the sake of routes that the FastAPI of today does not copy.
    "PREFECT__SERVER_EPHEMERAL": "1",
    # No run uses a block type. Both, or the next `prefect server start` would believe that they
    # are in its database.
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
}


def is_own(url: str) -> bool:
    """Say whether this process has started the API at an address, so that both end together."""
    return url in _own


@dataclass(frozen=True)
class PrefectApi:
    """Prefect's own API, in a child process that ends with this one, however this one ends."""

    _child: subprocess.Popen[bytes]
    _port: int
    _messages: IO[bytes]

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let flows in a `with` block use it, unless Prefect's settings name another one.

        Waits until it answers.

        Raises:
            ConfigurationError: It does not start.
        """
        from prefect.context import refresh_global_settings_context
        from prefect.settings import (
            PREFECT_API_URL,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            temporary_settings,
        )

        if PREFECT_API_URL.value() is not None:
            yield
            return
        self._wait()
        url = f"http://127.0.0.1:{self._port}/api"
        # Prefect's own threads see only the global settings, which come from the environment.
        os.environ["PREFECT_API_URL"] = url
        _own.add(url)
        refresh_global_settings_context()
        # Nobody looks for heartbeats at an API that ends with the run, and the end of a flow waits
        # for the thread that sends them: up to a second.
        with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            yield

    def _wait(self) -> None:
        from http.client import HTTPConnection, HTTPException

        # The socket listens since before the child was there, so this request waits for the answer.
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_START_S)
        try:
            connection.request("GET", "/api/health")
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise ConfigurationError(
                f"The Prefect API did not start: {self._reason()} Check PREFECT_HOME and "
                "PREFECT_API_DATABASE_CONNECTION_URL, or name another API in PREFECT_API_URL."
            ) from error
        finally:
            connection.close()
        if status != _OK:
            raise ConfigurationError(
                f"The Prefect API does not work: it answers with status {status}. "
                "Name another API in PREFECT_API_URL."
            )

    def _reason(self) -> str:
        """Give the error that the child has ended with, as well as that can be told."""
        self._messages.seek(0)
        text = self._messages.read().decode("utf-8", "replace")
        pattern = r"^(?:\w+\.)*(\w*(?:Error|Exception): .*)|: (No module named .*)"
        errors = ["".join(found) for found in re.findall(pattern, text, re.MULTILINE)]
        return f"{errors[-1]}." if errors else f"it did not answer within {_START_S} s, or ended."


def start_prefect_api() -> PrefectApi | None:
    """Begin to start Prefect's own API, unless the environment names one; does not wait for it."""
    if os.environ.get("PREFECT_API_URL"):
        return None
    messages = tempfile.TemporaryFile()  # noqa: SIM115 (the child's, for the time of this process)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # A child inherits the signals that the thread which starts it has blocked.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, stopping.SIGNALS)
        try:
            child = subprocess.Popen(  # noqa: S603 (our own module)
                [sys.executable, "-P", "-m", "pipelines.prefect_server", str(listener.fileno())],
                env={**os.environ, **_EPHEMERAL},
                pass_fds=[listener.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                start_new_session=True,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        atexit.register(child.kill)
        return PrefectApi(child, listener.getsockname()[1], messages)

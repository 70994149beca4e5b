"""The process that a command runs in: quiet, private, and ended by SIGTERM as by Ctrl-C."""

import gc
import io
import logging
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.terminal.leaving import leave_on_signals

LOOPBACK = "127.0.0.1,localhost"
ENVIRONMENT = {
    # People see our own progress and messages; Prefect's log goes to its API all the same.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PYTHONWARNINGS": "ignore",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # polars' allocator gives memory back after a second, not after ten: phases do not add up.
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:1000,muzzy_decay_ms:1000",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    # Nor its SDK, which would say on the terminal of the first run that it collects usage data.
    "DO_NOT_TRACK": "1",
}


def prepare_process() -> None:
    """Set what holds for the process and its children: quiet, private, and ended by signals."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        # The embedded server and Prefect's own API are on this machine, whatever the proxy.
        known = os.environ.get(name)
        os.environ[name] = f"{known},{LOOPBACK}" if known else LOOPBACK
    if "PREFECT_HOME" not in os.environ and not os.access(Path("~").expanduser(), os.W_OK):
        os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="endpoint-import-")
    os.umask(0o077)
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    leave_on_signals()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started it: nobody listens
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # What a terminal has no characters for shows as ?, which is better than an end.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def interrupt_on_signals() -> None:
    """From now on there is something to bring to an end: let a signal raise KeyboardInterrupt."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


@contextmanager
def importing() -> Iterator[None]:
    """Import much in a `with` block: to look for garbage meanwhile finds none, and takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def finish_process() -> None:
    """Let no signal disturb the end: what there is to say is said, and children are ended."""
    gc.freeze()  # or the interpreter would go through all that lives, to free it one by one
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt

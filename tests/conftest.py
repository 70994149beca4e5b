"""Fixtures for all tests: a Prefect API, the local server, the command line, and no AWS account.

Everything listens on loopback, writes into temporary directories, and is stopped by its own pid.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import botocore.session
import hypothesis
import pytest
from botocore.loaders import create_loader
from processes import CommandLine, answers, free_port, running, wait_until

from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.report.drawing import SWITCH

START_S = 120
"""Most seconds that a Prefect server may take to answer; 8 are usual on two cores."""
FOREIGN = ("AWS_", "ENDPOINT_IMPORT_", "PREFECT_")
"""Prefixes of variables that would let the tests depend on who runs them."""
NO_AWS = {
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
QUIET_PREFECT = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
}
LEAN_SERVER = {
    # A quarter of the time that a new server takes to start, and nothing here looks at either.
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",  # not half a minute
}

NO_CHARTS = {SWITCH: "off"}
"""For all tests but those of the charts: drawing takes a second of processor time."""

_home = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep Prefect away from the home directory and the server of whoever runs the tests.

    Before any test module is imported, as Prefect reads its settings when it is.
    """
    home = Path(tempfile.mkdtemp(prefix="prefect-home-"))
    config.stash[_home] = home
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.update(QUIET_PREFECT, PREFECT_HOME=str(home))
    # No time limit on an example: what else the machine does is no fault of the code.
    hypothesis.settings.register_profile("any_machine", deadline=None)
    hypothesis.settings.load_profile("any_machine")


def pytest_unconfigure(config: pytest.Config) -> None:
    if (home := config.stash.get(_home, None)) is not None:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def clean_aws() -> Iterator[None]:
    """No credentials, region or options from outside, in this process and its children."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("AWS_", "ENDPOINT_IMPORT_"))]:
            patch.delenv(name)
        for name, value in {**NO_AWS, **NO_CHARTS}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def local_server(tmp_path: Path) -> Iterator[LocalServer]:
    """The local server with an empty database `local_server.sqlite3` and application `local`."""
    options = ServerOptions(port=0, db=tmp_path / "local_server.sqlite3", applications=("local",))
    with LocalServer(options) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """One loader of botocore's data files for all sessions, as all clients of a session share one.

    To read them anew takes each client 0.2 s, which is most of a small import.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        yield


@pytest.fixture(scope="session")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for child processes: nobody's settings, and a Prefect home for the session."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(FOREIGN)}
    home = tmp_path_factory.mktemp("home")
    return {**kept, **NO_AWS, **NO_CHARTS, "HOME": str(home), "PREFECT_HOME": str(home / "prefect")}


class PrefectServer(NamedTuple):
    """A Prefect server, and the variables for commands that are to use it."""

    api_url: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def prefect_server(
    clean_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrefectServer]:
    """One `prefect server start` for the session: each command saves the start of its own."""
    folder = tmp_path_factory.mktemp("prefect-server")
    port = free_port()
    environment = {**clean_environment, **QUIET_PREFECT, **LEAN_SERVER, "PREFECT_HOME": str(folder)}
    command = [sys.executable, "-m", "prefect", "server", "start", "--no-services"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    api_url = f"http://127.0.0.1:{port}/api"
    log = folder / "server.log"
    with running(command, environment, folder, log) as server:
        wait_until(lambda: server.poll() is not None or answers(f"{api_url}/health"), START_S, log)
        assert server.poll() is None, log.read_text()
        yield PrefectServer(api_url, {**clean_environment, "PREFECT_API_URL": api_url})


@pytest.fixture(scope="session")
def prefect_api(prefect_server: PrefectServer) -> Iterator[None]:
    """The session's Prefect server for flows that are called in this process.

    Quick for many small flows: with heartbeats the end of a flow waits up to a second for the one
    under way, and with logs for their upload.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    quick = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_TO_API_ENABLED: False}
    with pytest.MonkeyPatch.context() as patch:
        # Prefect's own threads see only the global settings, which come from the environment.
        patch.setenv("PREFECT_API_URL", prefect_server.api_url)
        refresh_global_settings_context()
        with temporary_settings({PREFECT_API_URL: prefect_server.api_url, **quick}):
            yield
    refresh_global_settings_context()


@pytest.fixture
def run_cli(prefect_server: PrefectServer, tmp_path: Path) -> CommandLine:
    """Run a command in `tmp_path`, with the session's Prefect server."""
    return CommandLine(tmp_path, prefect_server.environment)

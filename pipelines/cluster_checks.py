"""What a Dask cluster needs before it gets work: refused here, before anything is read or sent.

Workers need this package in the same versions, the run directory, the destination, and Prefect's
API.
"""

import os
import socket
from typing import Any, cast
from urllib.parse import urlsplit

import distributed
from prefect.events.clients import NullEventsClient
from prefect.events.worker import EventsWorker
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED

from pipelines.errors import ConfigurationError
from pipelines.prefect_api import is_own
from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import DECIDING_PACKAGES, read_versions
from pipelines.storage.run_dir import RunDirectory

SAME_VERSIONS = (*DECIDING_PACKAGES, "prefect")
"""Packages whose versions must be equal here and on the workers."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that mean another machine on each machine."""


def read_threads(client: distributed.Client) -> dict[str, int]:
    """Give the number of threads of each worker, by its address."""
    found: dict[str, int] = cast("Any", client).nthreads()
    return found


def require_workers(client: distributed.Client, address: str) -> None:
    """Refuse workers that could judge rows differently.

    Raises:
        ConfigurationError: Names the worker, and what to install.
    """
    found = client.run(read_versions, on_error="return")
    if not found:
        raise ConfigurationError(
            f"The Dask scheduler at {address} has no workers. Start some: dask worker {address}"
        )
    here = read_versions()
    for worker, versions in found.items():
        if not isinstance(versions, dict):
            raise ConfigurationError(
                f"The worker {worker} cannot run this package ({versions}). Install it there, with "
                "the same lock file, and start the worker again."
            )
        for name in SAME_VERSIONS:
            if versions[name] != here[name]:
                raise ConfigurationError(
                    f"The worker {worker} has {name} {versions[name]}, this is {here[name]}: rows "
                    "could be judged differently. Install the same versions in both places."
                )


def require_destination(client: distributed.Client, settings: ImportSettings) -> None:
    """Refuse workers that cannot address the destination: each finds credentials for itself.

    Raises:
        ConfigurationError: Names the worker, and what it lacks.
    """
    for worker, error in client.run(_try_destination, settings).items():
        if error is not None:
            raise ConfigurationError(f"The worker {worker}: {error}")


def require_run(client: distributed.Client, run: RunDirectory) -> None:
    """Refuse workers that do not see the run directory.

    Raises:
        ConfigurationError: Names the worker.
    """
    for worker, can_use in client.run(_can_write, run, on_error="return").items():
        if can_use is not True:
            reason = f" ({can_use})" if isinstance(can_use, Exception) else ""
            raise ConfigurationError(
                f"The worker {worker} cannot write {run.location}{reason}. Put --runs-dir on "
                "storage that all workers share, and run them as the same user."
            )


def _can_write(run: RunDirectory) -> bool:
    """Say on a worker whether it sees a run and can write into it."""
    return run.manifest.is_file() and os.access(run.path, os.W_OK)


def _try_destination(settings: ImportSettings) -> str | None:
    try:
        connect(settings).close()
    except ConfigurationError as error:
        return error.message
    return None


def share_api(client: distributed.Client) -> dict[Any, Any]:
    """Give the settings by which workers find Prefect's API."""
    api_url = PREFECT_API_URL.value()
    stays = api_url is not None and not is_own(api_url)
    # The API of this process ends with the run: workers would go on looking for it.
    client.run(_report_task_runs, stays)
    url: str = api_url or SubprocessASGIServer().api_url
    if urlsplit(url).hostname in LOOPBACK:
        remedy = "Start one (prefect server start --host 0.0.0.0) and set PREFECT_API_URL"
        require_near(client, f"Prefect's API ({url})", remedy)
    is_logged = PREFECT_LOGGING_TO_API_ENABLED.value() and stays
    return {PREFECT_API_URL: url, PREFECT_LOGGING_TO_API_ENABLED: is_logged}


def _report_task_runs(is_wanted: bool) -> None:
    EventsWorker.set_client_override(None if is_wanted else NullEventsClient)


def require_near(client: distributed.Client, what: str, remedy: str) -> None:
    """Refuse workers on other machines, as something is to be had on this one alone."""
    for worker in read_threads(client):
        if not _is_here(urlsplit(worker).hostname or ""):
            raise ConfigurationError(
                f"The worker {worker} is on another machine and cannot reach {what}. {remedy}."
            )


def _is_here(host: str) -> bool:
    """Say whether a name or address is this machine's: only then can it be listened on."""
    try:
        kind, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind) as listener:
            listener.bind(address)
    except OSError:
        return False
    return True

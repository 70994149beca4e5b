"""Runners: what is refused before a cluster gets any work."""

import sys
from typing import Any

import pytest

from pipelines import cluster_checks
from pipelines.errors import ConfigurationError
from pipelines.runners import chosen, current
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import read_versions

ADDRESS = "tcp://scheduler:8786"
WORKER = "tcp://10.0.0.7:4000"
ON_DASK = ImportSettings(sources=["x"], runner="dask", dask_address=ADDRESS)


class Client:
    """What is asked of a client before a run; answers for one worker."""

    def __init__(self, *answers: Any, host: str = "127.0.0.1") -> None:
        self.answers = answers
        self.host = host

    def run(self, *_: object, **__: object) -> dict[str, Any]:
        return dict.fromkeys([WORKER], *self.answers) if self.answers else {}

    def nthreads(self) -> dict[str, int]:
        return {f"tcp://{self.host}:4000": 2}


def test_threads_need_nothing():
    with chosen(ImportSettings(sources=["x"])):
        assert current() is None


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "pipelines.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(ConfigurationError, match=r"endpoint-import\[dask\]"), chosen(ON_DASK):
        pass


@pytest.mark.parametrize("address", [None, ""])
def test_dask_needs_an_address(address):
    with pytest.raises(ValueError, match="needs the address of a scheduler"):
        ImportSettings(sources=["x"], runner="dask", dask_address=address)


@pytest.mark.parametrize(
    ("client", "told"),
    [
        pytest.param(Client(), "has no workers", id="no worker"),
        pytest.param(
            Client({**read_versions(), "polars": "0.1"}),
            f"{WORKER} has polars 0.1, this is",
            id="another version",
        ),
        pytest.param(
            Client(ModuleNotFoundError("No module named 'pipelines'")),
            "cannot run this package .No module named 'pipelines'",
            id="not installed there",
        ),
    ],
)
def test_workers_that_could_judge_otherwise_are_refused(client, told):
    with pytest.raises(ConfigurationError, match=told):
        cluster_checks.require_workers(client, ADDRESS)


def test_workers_like_this_process_pass():
    cluster_checks.require_workers(Client(read_versions()), ADDRESS)


def test_workers_elsewhere_need_an_api_that_they_can_reach():
    cluster_checks.require_near(Client(), "it", "Remedy")
    with pytest.raises(
        ConfigurationError, match=r"192\.0\.2\.1:4000 is on another machine.*Remedy"
    ):
        cluster_checks.require_near(Client(host="192.0.2.1"), "it", "Remedy")


def test_a_worker_without_credentials_is_named():
    with pytest.raises(ConfigurationError, match=f"{WORKER}: No AWS credentials"):
        cluster_checks.require_destination(Client("No AWS credentials found."), ON_DASK)

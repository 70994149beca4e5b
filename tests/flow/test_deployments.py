"""prefect.yaml for real: a server, a work pool, a worker, and each deployment run to its end."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cli_support import KEYS, emails, read_summary, require_quiet
from fakes import HttpSink
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Cancelling
from processes import CommandLine, running, wait_until

from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.settings import ImportSettings

ROOT = Path(__file__).parents[2]
RUN_S = 180
"""Most seconds that the four runs may take together; 25 are usual on two cores."""
HEADER = "Id,ChannelType,Address\n"
ROWS = 1_000
CANCELLED = "cancelled-import"


@dataclass(frozen=True)
class Deployed:
    """Deployments of prefect.yaml, and the runs that a worker made of them."""

    folder: Path
    deployments: dict[str, DeploymentResponse]
    flow_runs: dict[str, FlowRun]
    sink: HttpSink
    """Where the cancelled import went."""
    cli: CommandLine
    log: str

    def summary(self, name: str) -> dict[str, Any]:
        return read_summary(self.folder / "runs", name)

    def stored_ids(self) -> list[str]:
        uri = f"{(self.folder / 'store.sqlite3').as_uri()}?mode=ro"
        with sqlite3.connect(uri, uri=True) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM endpoints ORDER BY id")]


@pytest.fixture(scope="module")
def deployed(prefect_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployments")
    checkout = folder / "checkout"
    checkout.mkdir()
    shutil.copy(ROOT / "prefect.yaml", checkout)
    for package in ("pipelines", "schemas"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, checkout / package, ignore=ignored)
    (folder / "a.csv").write_text(HEADER + "a,EMAIL,ana@example.com\nb,SMS,(206) 555-0100\n")
    (folder / "many.csv").write_text(emails(ROWS))
    (folder / "b.csv").write_text("Id,Address\nc,cy@example.com\nd,nobody\n")
    environment = {
        **prefect_server.environment,
        **KEYS,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }

    def prefect(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "prefect", *arguments]

    def run(*arguments: str) -> None:
        done = subprocess.run(
            prefect(*arguments),
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    with ExitStack() as stack:
        run("work-pool", "create", "--type", "process", "endpoint-import")
        log = folder / "worker.log"
        # The worker starts while the deployments are made: both are mostly imports.
        command = prefect("worker", "start", "--pool", "endpoint-import", "--type", "process")
        stack.enter_context(running(command, environment, checkout, log))
        options = ServerOptions(port=0, db=folder / "store.sqlite3", applications=("app",))
        server = stack.enter_context(LocalServer(options))
        run("deploy", "--all", "--no-prompt")
        client = stack.enter_context(SyncPrefectClient(prefect_server.api_url))
        sink = stack.enter_context(HttpSink())
        deployments = {deployment.name: deployment for deployment in client.read_deployments()}
        where = {"endpoint_url": server.url, "application_id": "app"}
        changes = {
            "nightly-import": {"sources": [str(folder / "a.csv")], **where},
            "crm-migration": {"sources": [str(folder / "b.csv")], "max_invalid": "50%", **where},
            "data-quality-report": {"sources": [str(folder / "?.csv")], "default_channel": "EMAIL"},
        }

        def start(deployment: str, run_id: str, **changed: Any) -> UUID:
            given = deployments[deployment].parameters
            kept = {"runs_dir": str(folder / "runs"), "run_id": run_id}
            return client.create_flow_run_from_deployment(
                deployments[deployment].id,
                parameters={**given, "settings": {**given["settings"], **changed, **kept}},
            ).id

        slowly = {**where, "endpoint_url": sink.url, "rate": 1, "max_in_flight": 1}
        cancelled = start("crm-migration", CANCELLED, sources=[str(folder / "many.csv")], **slowly)
        ids = {name: start(name, name, **changed) for name, changed in changes.items()}
        ids[CANCELLED] = cancelled
        wait_until(lambda: bool(sink.requests), RUN_S, log)
        client.set_flow_run_state(cancelled, Cancelling())

        def read() -> dict[str, FlowRun]:
            return {name: client.read_flow_run(one) for name, one in ids.items()}

        wait_until(lambda: all(run.state.is_final() for run in read().values()), RUN_S, log)
        flow_runs = read()
        yield Deployed(
            folder, deployments, flow_runs, sink, CommandLine(folder, environment), log.read_text()
        )


@pytest.mark.parametrize("name", ["nightly-import", "crm-migration", "data-quality-report"])
def test_deployment_runs_to_its_end(deployed: Deployed, name: str) -> None:
    assert deployed.flow_runs[name].state.is_completed(), deployed.log


def test_nightly_import_stores_all_rows(deployed: Deployed) -> None:
    summary = deployed.summary("nightly-import")
    assert (summary["status"], summary["accepted"], summary["rows"]) == ("completed", 2, 2)
    assert {"a", "b"} <= set(deployed.stored_ids())


def test_migration_accounts_for_every_row(deployed: Deployed) -> None:
    summary = deployed.summary("crm-migration")
    assert (summary["accepted"], summary["invalid"], summary["balanced"]) == (1, 1, True)
    assert "c" in deployed.stored_ids()
    assert "d" not in deployed.stored_ids()


def test_quality_report_sends_nothing(deployed: Deployed) -> None:
    summary = deployed.summary("data-quality-report")
    assert (summary["rows"], summary["unprocessed"], summary["invalid"]) == (4, 3, 1)
    assert summary["requests"] == 0
    assert deployed.stored_ids() == ["a", "b", "c"]


def test_nightly_import_is_scheduled_for_two_in_the_morning(deployed: Deployed) -> None:
    nightly = deployed.deployments["nightly-import"]
    (found,) = nightly.schedules
    assert (found.schedule.cron, found.active) == ("0 2 * * *", True)
    assert nightly.global_concurrency_limit.limit == 1
    assert deployed.deployments["crm-migration"].schedules == []


def test_deployed_settings_are_valid(deployed: Deployed) -> None:
    """As they stand in prefect.yaml, and with the flow's own types for whoever runs them."""
    for deployment in deployed.deployments.values():
        ImportSettings.model_validate(deployment.parameters["settings"])
        assert deployment.enforce_parameter_schema is True
        assert "ImportSettings" in deployment.parameter_openapi_schema["definitions"]


def test_nothing_of_this_machine_is_in_the_file() -> None:
    assert str(ROOT) not in (ROOT / "prefect.yaml").read_text()


def test_cancelled_run_ends_in_good_order_and_is_resumed(deployed: Deployed) -> None:
    assert deployed.flow_runs[CANCELLED].state.is_cancelled(), deployed.log
    books = deployed.summary(CANCELLED)
    assert (books["status"], books["balanced"], books["rows"]) == ("stopped", True, ROWS)
    assert 0 < books["accepted"] < ROWS
    assert books["accepted"] + books["unprocessed"] == ROWS
    done = deployed.cli("resume", CANCELLED, "--rate", "1000")
    require_quiet(done)
    assert done.code == 0
    assert deployed.summary(CANCELLED)["accepted"] == ROWS
    taken = [item["Id"] for item in deployed.sink.accepted]
    assert sorted(taken) == sorted(str(n) for n in range(ROWS))

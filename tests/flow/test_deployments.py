"""prefect.yaml for real: a server, a work pool, a worker, and each deployment run to its end.

The nightly import is run for two nights; a migration is cancelled in its middle, and another one
is stopped by its threshold. Meanwhile others try to run at the same time, or into the same
application. What the server knows of the runs is read back through its API.
"""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from cli_support import KEYS, emails, read_summary, require_quiet, the_error
from fakes import HttpSink
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import AutomationCore
from prefect.states import Cancelling
from processes import CliResult, CommandLine, running, wait_until

from pipelines.publishing import BY_THRESHOLD, WITH_ERRORS
from pipelines.settings import ImportSettings

ROOT = Path(__file__).parents[2]
RUN_S = 180
"""Most seconds that the runs of one step may take together; 10 are usual on two cores."""
HEADER = "Id,ChannelType,Address\n"
ROWS = 1_000
NIGHTLY_ROWS = 200
CANCELLED, OVERTAKING = "cancelled-import", "overtaking-import"
FIRST, SECOND = "first-night", "second-night"
ENDS = ("Completed", "Failed", "Cancelled", "Crashed")
"""Names of the other states that a run may end in."""
MIGRATION, REPORT = "crm-migration", "data-quality-report"


@dataclass(frozen=True)
class Deployed:
    """Deployments of prefect.yaml, and the runs that a worker made of them."""

    folder: Path
    deployments: dict[str, DeploymentResponse]
    flow_runs: dict[str, FlowRun]
    artifacts: dict[str, dict[str, Artifact]]
    """Of each run, by their keys."""
    nights: HttpSink
    """Where the nightly imports went."""
    sink: HttpSink
    """Where the cancelled import went."""
    cli: CommandLine
    refused: CliResult
    """A command into the application of the cancelled import, while that ran."""
    log: str

    def summary(self, name: str) -> dict[str, Any]:
        return read_summary(self.folder / "runs", name)


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
    nightly = folder / "nightly.csv"
    nightly.write_text(emails(NIGHTLY_ROWS))
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
        run("deploy", "--all", "--no-prompt")
        client = stack.enter_context(SyncPrefectClient(prefect_server.api_url))
        sink = stack.enter_context(HttpSink())
        may_answer = threading.Event()
        nights = stack.enter_context(HttpSink(refuses=lambda _: not may_answer.wait(RUN_S) or None))
        deployments = {deployment.name: deployment for deployment in client.read_deployments()}
        ids: dict[str, UUID] = {}

        def start(deployment: str, run_id: str, *sources: str, **changed: Any) -> None:
            given = deployments[deployment].parameters
            kept = {"runs_dir": str(folder / "runs"), "run_id": run_id}
            changed["sources"] = [str(folder / source) for source in sources]
            ids[run_id] = client.create_flow_run_from_deployment(
                deployments[deployment].id,
                parameters={**given, "settings": {**given["settings"], **changed, **kept}},
            ).id

        def read(*run_ids: str) -> dict[str, FlowRun]:
            return {run_id: client.read_flow_run(ids[run_id]) for run_id in run_ids}

        def finish(*run_ids: str) -> None:
            is_over = lambda: all(run.state.is_final() for run in read(*run_ids).values())  # noqa: E731
            wait_until(is_over, RUN_S, log)

        def artifacts_of(run_id: str) -> dict[str, Artifact]:
            of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[ids[run_id]]))
            return {str(a.key): a for a in client.read_artifacts(artifact_filter=of_run)}

        elsewhere = {"endpoint_url": sink.url, "application_id": "app"}
        nightly_to = {"endpoint_url": nights.url, "application_id": "app"}
        slowly = {"rate": 0.02, "max_in_flight": 1}  # it goes on until it is cancelled
        start("crm-migration", CANCELLED, "many.csv", **elsewhere, **slowly)
        start("nightly-import", FIRST, "nightly.csv", **nightly_to)
        start("data-quality-report", REPORT, "?.csv", default_channel="EMAIL")
        wait_until(lambda: bool(nights.requests), RUN_S, log)
        start("nightly-import", OVERTAKING, "nightly.csv", **nightly_to)
        wait_until(lambda: bool(sink.requests), RUN_S, log)
        cli = CommandLine(folder, environment)
        options = ["--application-id", "app", "--endpoint-url", sink.url]
        refused = cli("run", "many.csv", *options, "--region", "us-east-1")
        client.set_flow_run_state(ids[CANCELLED], Cancelling())
        start("crm-migration", MIGRATION, "b.csv", **{**elsewhere, "application_id": "other"})
        finish(OVERTAKING)
        may_answer.set()  # not before, so that the first night is still under way
        finish(FIRST)
        nightly.write_text(nightly.read_text().replace("p17@", "q17@").replace("p170@", "q170@"))
        start("nightly-import", SECOND, "nightly.csv", **nightly_to)
        finish(*ids)
        published = {run_id: artifacts_of(run_id) for run_id in ids}
        yield Deployed(
            *(folder, deployments, read(*ids), published),
            *(nights, sink, cli, refused, log.read_text()),
        )


@pytest.mark.parametrize(
    ("run_id", "kind", "name", "message"),
    [
        (FIRST, "COMPLETED", "Completed", "All 200 rows were imported."),
        (
            *(SECOND, "COMPLETED", "Completed"),
            "All 200 rows are up to date: 2 were sent, 198 had not changed.",
        ),
        (REPORT, "COMPLETED", WITH_ERRORS, "3 of 4 rows can be imported, 1 cannot."),
        (MIGRATION, "FAILED", BY_THRESHOLD, "1 of 2 rows are invalid (50.0%), more than"),
    ],
    ids=[FIRST, SECOND, REPORT, MIGRATION],
)
def test_state_says_how_a_run_ended(
    deployed: Deployed, run_id: str, kind: str, name: str, message: str
) -> None:
    state = deployed.flow_runs[run_id].state
    assert (state.type.value, state.name) == (kind, name), deployed.log
    assert state.message is not None
    assert state.message.startswith(message)


@pytest.mark.parametrize(
    ("run_id", "prefix", "source"),
    [
        (FIRST, "import", "nightly"),
        (MIGRATION, "import", "b"),
        (REPORT, "check", "csv"),  # ?.csv
    ],
)
def test_artifacts_are_read_back(deployed: Deployed, run_id: str, prefix: str, source: str) -> None:
    found = deployed.artifacts[run_id]
    kinds = ("summary", "issues", "progress", "report")
    summary, issues, progress, report = (
        next(a for key, a in found.items() if key.startswith(f"{prefix}-{kind}-")) for kind in kinds
    )
    assert len(found) == len(kinds)
    assert source in str(summary.key)
    assert "| --: |" in summary.data
    codes = [line["code"] for line in json.loads(issues.data)]
    assert ("address.email_invalid" in codes) is (run_id != FIRST)
    assert (progress.data == 100) is (run_id != MIGRATION)
    page = deployed.folder / "runs" / run_id / "report.html"
    assert page.as_uri() in report.data
    assert page.is_file()


def test_runs_are_named_and_tagged(deployed: Deployed) -> None:
    flow_run = deployed.flow_runs[FIRST]
    assert flow_run.name == f"nightly.csv · {FIRST}"
    told = {"endpoint-import", "command:import", "feed:main", "source:nightly.csv"}
    assert set(flow_run.tags) == {"import", "application:app", *told}


def test_first_night_sends_all_rows(deployed: Deployed) -> None:
    summary = deployed.summary(FIRST)
    assert (summary["accepted"], summary["unchanged"]) == (NIGHTLY_ROWS, 0)
    taken = {item["Id"] for item in deployed.nights.accepted}
    assert taken == set(map(str, range(NIGHTLY_ROWS)))


def test_second_night_sends_what_changed(deployed: Deployed) -> None:
    summary = deployed.summary(SECOND)
    assert (summary["accepted"], summary["requests"]) == (2, 1)
    assert summary["accepted"] + summary["unchanged"] == summary["rows"] == NIGHTLY_ROWS


def test_second_run_of_a_deployment_is_cancelled(deployed: Deployed) -> None:
    """By the deployment's limit: no process is started for it.

    The first one is under way all the time: the service does not answer it before.
    """
    state = deployed.flow_runs[OVERTAKING].state
    assert (state.name, state.message) == ("Cancelled", "Deployment concurrency limit reached.")
    assert not (deployed.folder / "runs" / OVERTAKING).exists()


def test_command_into_the_same_application_is_refused(deployed: Deployed) -> None:
    """By the lock of the state, which says who holds it."""
    assert f"in use by run {CANCELLED}" in the_error(deployed.refused)
    assert deployed.refused.code == 2


def test_migration_stops_at_the_threshold_of_its_deployment(deployed: Deployed) -> None:
    summary = deployed.summary(MIGRATION)
    assert (summary["unprocessed"], summary["invalid"], summary["balanced"]) == (1, 1, True)
    assert summary["requests"] == 0
    assert "c" not in {item["Id"] for item in deployed.sink.accepted}


def test_quality_report_sends_nothing(deployed: Deployed) -> None:
    summary = deployed.summary(REPORT)
    assert (summary["rows"], summary["unprocessed"], summary["invalid"]) == (4, 3, 1)
    assert summary["requests"] == 0


def test_nightly_import_is_scheduled_for_two_in_the_morning(deployed: Deployed) -> None:
    nightly = deployed.deployments["nightly-import"]
    (found,) = nightly.schedules
    assert (found.schedule.cron, found.active) == ("0 2 * * *", True)
    assert nightly.global_concurrency_limit.limit == 1
    assert nightly.parameters["settings"]["sync_mode"] == "changed"
    assert deployed.deployments["crm-migration"].schedules == []


def test_deployed_settings_are_valid(deployed: Deployed) -> None:
    """As they stand in prefect.yaml, and with the flow's own types for whoever runs them."""
    for deployment in deployed.deployments.values():
        ImportSettings.model_validate(deployment.parameters["settings"])
        assert deployment.enforce_parameter_schema is True
        assert "ImportSettings" in deployment.parameter_openapi_schema["definitions"]


def test_alerts_of_the_guide_are_taken(deployed: Deployed, prefect_server: Any) -> None:
    guide = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
    (alerts,) = re.findall(r"```yaml\n(automations:.*?)```", guide, re.DOTALL)
    given = yaml.safe_load(alerts.replace("BLOCK", str(UUID(int=1))))["automations"]
    with SyncPrefectClient(prefect_server.api_url) as client:
        made = [client.create_automation(AutomationCore.model_validate(one)) for one in given]
    assert len(set(made)) == 5
    tags = {one["trigger"]["match_related"]["prefect.resource.id"] for one in given[:4]}
    names = {one["trigger"]["match_related"]["prefect.resource.name"] for one in given[4:]}
    assert tags == {f"prefect.tag.{tag}" for tag in deployed.deployments["crm-migration"].tags}
    assert names == {"nightly-import"}
    # A state is told under its name: one that is called otherwise would not be heard of.
    waited_for = {f"prefect.flow-run.{name}" for name in (*ENDS, BY_THRESHOLD, WITH_ERRORS)}
    told, left_behind, _, died, none = (set(one["trigger"]["expect"]) for one in given)
    assert told | left_behind | {"prefect.flow-run.Completed"} == waited_for
    assert died - {"prefect.flow-run.heartbeat"} == waited_for
    assert none == {"prefect.flow-run.Completed", *left_behind}


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

"""What Prefect's API knows of a run: its end, artifacts, name, tags and log, read back from it."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fakes import HttpSink, Reply
from import_support import FailingSink, make_settings, people, write_rows
from prefect import tags
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterTags,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from pipelines import publishing
from pipelines.errors import DestinationError, EndpointImportError, GuardError
from pipelines.flows import check_quality, import_endpoints, resume_run
from pipelines.tracking import SENDING

HEADER = ("Id", "ChannelType", "Address")
ROWS = [
    *people(300),
    ("bad", "EMAIL", "nobody.at.all"),
    ("id-7", "EMAIL", "again.seven@example.com"),
    ("refused", "EMAIL", "unwanted@example.com"),
    ("short", "SMS", "+447900"),
]
SECRETS = ("p7@", "p299@", "nobody.at.all", "447900", "again.seven", "unwanted@")
"""What of the rows must not be in a log or an artifact."""


@dataclass(frozen=True)
class Published:
    """A flow run as the API knows it."""

    flow_run: FlowRun
    artifacts: dict[str, Artifact]
    """By what they are."""
    log: list[str]

    @property
    def state(self) -> tuple[str, str, str | None]:
        state = self.flow_run.state
        return state.type.value, state.name, state.message


class Api:
    """Reads flow runs back that were made in a `with` block."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client

    def read(self, mark: str) -> Published:
        """Read the flow run that has a mark among its tags."""
        marked = FlowRunFilter(tags=FlowRunFilterTags(all_=[mark]))
        (flow_run,) = self._client.read_flow_runs(flow_run_filter=marked)
        of_run = ArtifactFilterFlowRunId(any_=[flow_run.id])
        found = self._client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_run))
        logs = self._client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run.id])))
        return Published(
            flow_run,
            {(artifact.key or "").split("-")[1]: artifact for artifact in found},
            [entry.message for entry in logs],
        )


@pytest.fixture(scope="module")
def api(prefect_server: Any, prefect_api: None) -> Iterator[Api]:
    with SyncPrefectClient(prefect_server.api_url) as client:
        yield Api(client)


def refuse(item: dict[str, Any]) -> str | None:
    return "Not wanted." if item["Id"] == "refused" else None


@pytest.fixture(scope="module")
def dirty(api: Api, tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Path]:
    """An import that left rows behind, with its log sent to the API as anywhere else."""
    folder = tmp_path_factory.mktemp("dirty")
    source = write_rows(folder / "crm-2026-11-22.csv", HEADER, ROWS)
    mark = f"mark:{uuid4()}"
    with HttpSink(refuses=refuse) as sink:
        settings = make_settings(folder, sink.url, source, run_id="one", partition_rows=100)
        with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: True}), tags(mark, "mine"):
            summary = import_endpoints(settings)
            APILogWorker.drain_all(timeout=60)
    assert summary["status"] == "completed_with_errors"
    return api.read(mark), folder / "runs" / "one"


def test_run_that_left_rows_behind_is_completed_with_errors(dirty: tuple[Published, Path]) -> None:
    verdict = "300 of 304 rows were imported, 4 were not."
    assert dirty[0].state == ("COMPLETED", "Completed with errors", verdict)


def test_name_and_tags_say_what_was_run(dirty: tuple[Published, Path]) -> None:
    flow_run = dirty[0].flow_run
    assert flow_run.name == "crm-2026-11-22.csv · one"
    mark, *others = sorted(flow_run.tags, key=lambda tag: not tag.startswith("mark:"))
    assert mark.startswith("mark:")
    assert sorted(others) == [
        "application:local",
        "command:import",
        "endpoint-import",
        "feed:main",
        "mine",
        "source:crm-2026-11-22.csv",
    ]


def test_artifacts_have_a_history_over_exports_of_many_days(dirty: tuple[Published, Path]) -> None:
    assert {a.key for a in dirty[0].artifacts.values()} == {
        "import-summary-crm-csv",
        "import-issues-crm-csv",
        "import-report-crm-csv",
        "import-progress-crm-csv",
    }


def test_summary_says_how_it_went_and_what_to_do(dirty: tuple[Published, Path]) -> None:
    published, run = dirty
    text = published.artifacts["summary"].data
    assert text.startswith("**300 of 304 rows were imported, 4 were not.**")
    assert "| accepted | 300 | 98.7% |" in text
    assert "| invalid | 2 | 0.7% |" in text
    assert "`address.email_invalid`" in text
    assert f"Correct `{run / 'errors.csv'}`" in text


def test_table_has_every_issue(dirty: tuple[Published, Path]) -> None:
    table = json.loads(dirty[0].artifacts["issues"].data)
    assert {line["code"]: line["rows"] for line in table} == {
        "address.email_invalid": 1,
        "address.phone_invalid": 1,
        "service.refused": 1,
    }
    assert all(line["what to do"] for line in table)


def test_progress_of_a_finished_run_is_complete(dirty: tuple[Published, Path]) -> None:
    assert dirty[0].artifacts["progress"].data == 100


def test_report_is_linked(dirty: tuple[Published, Path]) -> None:
    published, run = dirty
    artifact = published.artifacts["report"]
    assert artifact.data == f"[report.html]({(run / 'report.html').as_uri()})"
    assert f"`{run / 'report.html'}`" in artifact.description


def test_log_tells_the_story(dirty: tuple[Published, Path]) -> None:
    lines = [re.sub(r"[\d.]+ s$", "N s", line) for line in dirty[0].log]
    told = [line for line in lines if line.split(":")[0] in (*SENDING, "run one")]
    assert told == [
        "stage: 304 records of 1 source in N s",
        "prepare: 302 valid endpoints in N s",
        "resolve: 304 rows, 2 invalid, 1 duplicate endpoints, in N s",
        "compare: 301 due, 0 unchanged, 0 held, 0 gone, in N s",
        "deliver: 6 requests, 0 retries, 0 throttled, 1 splits, in N s",
        "run one: completed_with_errors. 300 of 304 rows were imported, 4 were not.",
    ]


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_of_a_row_is_told(dirty: tuple[Published, Path], secret: str) -> None:
    published = dirty[0]
    shown = [f"{a.data} {a.description}" for a in published.artifacts.values()]
    told = [*shown, *published.log, published.flow_run.model_dump_json()]
    assert len(published.log) > 10
    assert [text for text in told if secret in text] == []


def run_marked(work: Callable[[], Any]) -> str:
    """Do something in flow runs that have a tag of their own; give that."""
    mark = f"mark:{uuid4()}"
    with tags(mark), suppress(EndpointImportError):
        work()
    return mark


def test_run_of_a_clean_file_is_completed(api: Api, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "clean.csv", HEADER, people(3))
    settings = make_settings(tmp_path, "http://127.0.0.1:9", source, run_id="one")
    published = api.read(run_marked(lambda: check_quality(settings)))
    assert published.state == ("COMPLETED", "Completed", "All 3 rows can be imported.")
    assert "command:check" in published.flow_run.tags
    assert "Nothing to do." in published.artifacts["summary"].data
    assert published.artifacts["issues"].data == "[]"


def test_run_that_a_guard_stops_is_failed_by_threshold(api: Api, tmp_path: Path) -> None:
    """Whoever calls the flow gets the error, and people see what it says."""
    source = write_rows(tmp_path / "dirty.csv", HEADER, ROWS)
    settings = make_settings(tmp_path, "http://127.0.0.1:9", source, max_invalid="1")
    mark = f"mark:{uuid4()}"
    with tags(mark), pytest.raises(GuardError) as caught:
        check_quality(settings)
    published = api.read(mark)
    assert published.state == ("FAILED", "Failed by threshold", caught.value.message)
    assert "--max-invalid 1" in published.artifacts["summary"].data.replace("\\", "")
    assert published.artifacts["progress"].data == 70


def test_run_that_stopped_is_failed_and_then_resumed(api: Api, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "a.csv", HEADER, people(300))
    denied = Reply.failure(403, "ForbiddenException", "Not today")
    with FailingSink(denied, after=1) as sink:
        settings = make_settings(tmp_path, sink.url, source, run_id="one", max_in_flight=1)
        mark = f"mark:{uuid4()}"
        with tags(mark), pytest.raises(DestinationError) as caught:
            import_endpoints(settings)
        stopped = api.read(mark)
        sink.failure = None
        resumed = api.read(run_marked(lambda: resume_run("one", tmp_path / "runs")))
    error = caught.value
    assert stopped.state == ("FAILED", "Failed", f"{type(error).__name__}: {error.message}")
    assert stopped.artifacts["progress"].data == 50  # 30, and a third of what is left up to 90
    assert "endpoint-import resume one" in stopped.artifacts["summary"].data
    assert resumed.state == ("COMPLETED", "Completed", "All 300 rows were imported.")
    assert resumed.flow_run.name == stopped.flow_run.name == "a.csv · one"
    assert "command:resume" in resumed.flow_run.tags
    assert {a.key for a in resumed.artifacts.values()} == {
        a.key for a in stopped.artifacts.values()
    }


def test_run_that_cannot_begin_says_why(api: Api, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, "http://127.0.0.1:9", tmp_path / "none.csv", run_id="one")
    published = api.read(run_marked(lambda: check_quality(settings)))
    kind, name, message = published.state
    assert (kind, name) == ("FAILED", "Failed")
    assert message is not None
    assert message.startswith("SourceError: ")
    assert published.flow_run.name == "none.csv · one"
    assert published.artifacts == {}


def test_run_goes_on_where_prefect_takes_no_artifact(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "make_key", lambda *_: "Not a key")
    source = write_rows(tmp_path / "clean.csv", HEADER, people(3))
    settings = make_settings(tmp_path, "http://127.0.0.1:9", source, run_id="one")
    published = api.read(run_marked(lambda: check_quality(settings)))
    assert published.state == ("COMPLETED", "Completed", "All 3 rows can be imported.")
    assert published.artifacts == {}


def test_run_does_not_wait_for_an_api_that_does_not_answer(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = threading.Event()
    monkeypatch.setattr(publishing, "WAIT_S", 0.1)
    monkeypatch.setattr(SyncPrefectClient, "create_artifact", lambda *_: stalled.wait(60))
    source = write_rows(tmp_path / "clean.csv", HEADER, people(3))
    settings = make_settings(tmp_path, "http://127.0.0.1:9", source, run_id="one")
    begun_s = time.monotonic()
    published = api.read(run_marked(lambda: check_quality(settings)))
    assert time.monotonic() - begun_s < 30
    stalled.set()
    assert published.state == ("COMPLETED", "Completed", "All 3 rows can be imported.")
    assert published.artifacts == {}

"""Publishing: what Prefect's UI shows of a run: its name, tags, progress, artifacts and end.

All of it is for people to look at. Where Prefect's API does not take something, the run goes on,
and its log says so.
"""

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, cast
from uuid import UUID

import orjson
from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed

from pipelines import progress
from pipelines.errors import EndpointImportError, GuardError
from pipelines.report.artifacts import (
    list_issues,
    make_key,
    name_run,
    tag_run,
    write_summary,
)
from pipelines.report.page_data import PageData
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.places import SCHEME
from pipelines.storage.run_dir import RunDirectory
from pipelines.tracking import DONE, Tracker

WITH_ERRORS = "Completed with errors"
"""Name of the state of a run that left rows to be corrected or looked at."""
BY_THRESHOLD = "Failed by threshold"
"""Name of the state of a run that a guard stopped before anything was sent."""
UPDATE_EVERY_S = 2.0
"""Seconds between two updates of the progress, and before the first: a small run is over by then,
and costs one request less."""
WAIT_S = 15.0
"""Most seconds that a run waits for Prefect's API to take something. Its client waits for many
minutes, and tries again."""
P = ParamSpec("P")


# -- the end -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run came to."""

    summary: dict[str, Any]
    verdict: str


def ending_in_a_state(work: Callable[P, Ending]) -> Callable[P, dict[str, Any]]:
    """Let the flow of a run end in a state that says how it went.

    Whoever calls the flow gets the summary, or the error, out of that state.
    """

    @wraps(work)
    def conclude(*args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        try:
            ending = work(*args, **kwargs)
        except GuardError as error:
            state: State[Any] = Failed(name=BY_THRESHOLD, message=error.message, data=error)
        except EndpointImportError as error:
            state = Failed(message=f"{type(error).__name__}: {error.message}", data=error)
        else:
            is_clean = ending.summary["status"] != RunStatus.COMPLETED_WITH_ERRORS.value
            name = None if is_clean else WITH_ERRORS
            state = Completed(name=name, message=ending.verdict, data=ending.summary)
        return cast("dict[str, Any]", state)

    return conclude


# -- the name, and what is to be found under it --------------------------------------------


def introduce(settings: ImportSettings, run_id: str, command: str) -> None:
    """Give the flow run its name and, besides those of its deployment, its tags."""

    def tell() -> None:
        client, flow_run = _this_flow_run()
        tags = list(dict.fromkeys([*flow_run.tags, *tag_run(settings, command)]))
        client.update_flow_run(flow_run.id, name=name_run(settings, run_id), tags=tags)

    _await(_start("name and tags", tell), "name and tags")


def publish_results(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings, page: PageData
) -> None:
    """Publish the summary of a run, the table of its issues, and a link to its report."""
    places = {"errors": run.show(run.errors), "held": run.show(run.held)}
    name = name_run(settings, run.run_id)
    issues = orjson.dumps(list_issues(page.issues)).decode()
    link, where = _link_report(run, name)
    texts = {  # the last one is shown first
        "issues": ("table", issues, f"What is wrong: {name}"),
        "report": ("markdown", link, where),
        "summary": ("markdown", write_summary(page, places), f"What became of it: {name}"),
    }

    def tell() -> None:
        client, flow_run = _this_flow_run()
        for kind, (form, data, description) in texts.items():
            client.create_artifact(
                ArtifactCreate(
                    key=make_key(settings, manifest.command, kind),
                    type=form,
                    data=data,
                    description=description,
                    flow_run_id=flow_run.id,
                )
            )

    _await(_start("artifacts", tell), "artifacts")


def _link_report(run: RunDirectory, name: str) -> tuple[str, str]:
    """Give a link to the report in Markdown, and how to get at it where links of pages end."""
    place = run.show(run.report)
    if place.startswith(SCHEME):
        return f"[{place}]({place})", f"Report: {name}; `aws s3 cp {place} .`"
    path = Path(place).absolute()
    return f"[report.html]({path.as_uri()})", f"Report: {name}; `{path}` on {platform.node()}"


# -- progress ------------------------------------------------------------------------------


@contextmanager
def showing_progress(manifest: Manifest, settings: ImportSettings) -> Iterator[None]:
    """Show how far a run is while a `with` block goes on, and where it stopped if it does."""
    tracker = Tracker(sends=manifest.command == "run")
    key = make_key(settings, manifest.command, "progress")
    artifact = _ProgressArtifact(*_this_flow_run(), key)
    over = threading.Event()
    percent, words = None, None

    def follow() -> None:
        try:
            while not over.wait(UPDATE_EVERY_S):
                artifact.update(tracker.percent, tracker.words)
        finally:  # the end is told even where an update was not taken
            over.wait()
            artifact.update(percent or tracker.percent, words or tracker.words)

    follower = _start("progress", follow)
    try:
        with progress.followed_by(tracker):
            yield
        percent, words = DONE, "Done"
    except EndpointImportError:
        words = f"Stopped here. {tracker.words}"
        raise
    finally:
        over.set()
        _await(follower, "progress")


class _ProgressArtifact:
    def __init__(self, client: SyncPrefectClient, flow_run: FlowRun, key: str) -> None:
        self._client, self._flow_run, self._key = client, flow_run, key
        self._id: UUID | None = None
        self._shown: tuple[float, str] | None = None

    def update(self, percent: float, words: str) -> None:
        if (percent, words) == self._shown:
            return
        if self._id is None:
            given = ArtifactCreate(
                key=self._key,
                type="progress",
                data=percent,
                description=words,
                flow_run_id=self._flow_run.id,
            )
            self._id = self._client.create_artifact(given).id
        else:
            self._client.update_artifact(self._id, ArtifactUpdate(data=percent, description=words))
        self._shown = percent, words


def _this_flow_run() -> tuple[SyncPrefectClient, FlowRun]:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("there is no flow run")
    return cast("SyncPrefectClient", context.client), context.flow_run


def _start(what: str, tell: Callable[[], None]) -> threading.Thread:
    """Start to tell Prefect's API something; the log says so if it does not take it."""

    def try_to_tell() -> None:
        try:
            tell()
        except Exception as error:  # noqa: BLE001 (whatever is wrong with the API)
            get_run_logger().warning("Prefect did not take the %s of this run: %s", what, error)

    teller = threading.Thread(target=copy_context().run, args=(try_to_tell,), daemon=True)
    teller.start()
    return teller


def _await(teller: threading.Thread, what: str) -> None:
    """Wait until it is told, but not for long: the run is not about that."""
    teller.join(WAIT_S)
    if teller.is_alive():
        get_run_logger().warning("Prefect has not taken the %s of this run yet", what)

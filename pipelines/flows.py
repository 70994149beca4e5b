"""Flows: the phases of a run in order. Start reading here.

    stage -> prepare -> resolve -> (guards) -> compare -> deliver -> record -> report

`import_endpoints` does all of it, `check_quality` leaves out delivery, and `resume_run` goes on
with either where it stopped. All run without a Prefect server, and under one as deployments
(`prefect.yaml`).
"""

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import orjson
from prefect import flow, get_run_logger
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pipelines import progress, runners, stopping
from pipelines.delivering import deliver
from pipelines.errors import (
    ClusterError,
    EndpointImportError,
    RunStateError,
    StateError,
    StoppedError,
    StorageError,
)
from pipelines.intake import take_in
from pipelines.mapping_files import load_mapping
from pipelines.phases import phase
from pipelines.publishing import Ending, ending_in_a_state, introduce, showing_progress
from pipelines.report.drawing import start_drawing
from pipelines.report.results import (
    count_invalid,
    count_left_out,
)
from pipelines.reporting import report
from pipelines.resuming import is_finished, require_resumable
from pipelines.sending import (
    application_born,
    close_sender,
    renew_sender,
)
from pipelines.settings import ImportSettings, RunsDir
from pipelines.sources.finding import find_sources
from pipelines.sources.stamps import stamp_source
from pipelines.state.base import StateWriter
from pipelines.storage.manifest import (
    Attempt,
    Manifest,
    RunStatus,
    load_manifest,
    read_versions,
    save_manifest,
)
from pipelines.storage.run_dir import (
    RunDirectory,
    create_run_directory,
    new_run_id,
    open_run_directory,
)
from pipelines.storage.run_lock import locked
from pipelines.syncing.comparing import is_compared
from pipelines.syncing.holding import (
    find_unfinished,
    holding_state,
    read_state,
    require_still_ours,
)
from pipelines.syncing.synchronize import plan_sync, synchronize
from pipelines.tasks import resolve_run
from pipelines.thresholds import judge_thresholds, stop_by

WORKERS = 2
"""Partitions prepared or shipments delivered at once, and so held in memory. polars uses all cores
for each by itself; a second one fills the gaps in which Python works, or is loaded while one is
sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run sends to; nothing of it for one that sends nothing."""

    destination: str | None = None
    born: str | None = None
    """When the service made the application, if it says so."""
    state: StateWriter | None = None
    """What the service last accepted, held for the run; None if none is kept."""
    superseded: str | None = None
    """The run that was not finished and whose place this one takes."""


ALREADY_OVER = "The run had come to its end before: it was left as it is."
_THREADS = cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(WORKERS))


@flow(name="import-endpoints", task_runner=_THREADS)
@ending_in_a_state
def import_endpoints(settings: ImportSettings) -> Ending:
    """Import an audience export; give the summary.

    Raises:
        ConfigurationError: The settings cannot work; nothing was read.
        SourceError: A source cannot be read; nothing was sent.
        GuardError: A threshold was exceeded; nothing was sent, the results are written.
        DestinationError: Sending stopped part-way; the results are written.
        StoppedError: A signal stopped the run; the results are written.
        StorageError: The run directory cannot be written any more.
    """
    run_id = settings.run_id or new_run_id(datetime.now(UTC))
    introduce(settings, run_id, "import")
    if settings.unfinished == "resume":
        resume_unfinished(settings)
    destination = renew_sender(settings).destination
    try:
        born = application_born(destination)
        with holding_state(settings, run_id, born, is_new=True) as state:
            other = find_unfinished(state) if state is not None else None
            target = Target(destination.name, born, state, other)
            return begin_run(settings, run_id, "run", target)
    finally:
        close_sender(settings)


def resume_unfinished(settings: ImportSettings) -> None:
    """Bring a run into this application to its end that was not finished.

    Raises:
        StateError: It is not where this one is kept.
        EndpointImportError: It stopped again.
    """
    other = None if settings.no_state else find_unfinished(read_state(settings))
    if other is None:
        return
    try:
        open_run_directory(settings.runs_dir, other)
    except RunStateError as error:
        raise StateError(
            f"Run {other} into this application was not finished, and is not in "
            f"{settings.runs_dir}. Let this run take its place: --unfinished supersede."
        ) from error
    get_run_logger().info("run %s was not finished, and is resumed first", other)
    embedded_url = settings.endpoint_url if settings.embedded else None
    resume_run(other, settings.runs_dir, embedded_url=embedded_url)


@flow(name="check-quality", task_runner=_THREADS)
@ending_in_a_state
def check_quality(
    settings: ImportSettings, command: Literal["check", "plan"] = "check", *, diff: bool = False
) -> Ending:
    """Find out what is wrong with an export, sending nothing; give the summary.

    Rows that could be imported are `unprocessed` in the summary. Raises what `import_endpoints`
    does, except what is about a destination.

    Args:
        settings: What to read, and how to judge it.
        command: Whether an import is planned.
        diff: Whether to write down, too, what differs from what the service last accepted.
    """
    run_id = settings.run_id or new_run_id(datetime.now(UTC))
    introduce(settings, run_id, command)
    return begin_run(settings, run_id, command, Target(), diff=diff)


@flow(name="resume-run", task_runner=_THREADS)
@ending_in_a_state
def resume_run(
    run_id: str,
    runs_dir: RunsDir = Path("runs"),
    rate: float | None = None,
    max_in_flight: int | None = None,
    keep_staged: bool | None = None,
    runner: Literal["threads", "dask"] | None = None,
    dask_address: str | None = None,
    embedded_url: str | None = None,
) -> Ending:
    """Go on with a run that stopped; give the summary. A finished one is left as it is.

    Args:
        run_id: The run.
        runs_dir: Where it is kept.
        rate: Requests per second from now on, if not as before.
        max_in_flight: Requests under way at once from now on, if not as before.
        keep_staged: Whether to keep the working files after a clean finish, if not as before.
        runner: What works on partitions from now on, if not as before.
        dask_address: Scheduler of the cluster, if not as before.
        embedded_url: Where the embedded server of the run is now.

    Raises:
        RunStateError: It cannot be resumed as things are, or another process works on it.
        EndpointImportError: See `import_endpoints`.
    """
    run = open_run_directory(runs_dir, run_id)
    with ExitStack() as stack:
        stack.enter_context(locked(run))
        manifest = load_manifest(run)
        changes = {
            "runs_dir": runs_dir,
            "rate": rate,
            "max_in_flight": max_in_flight,
            "keep_staged": keep_staged,
            "runner": runner,
            "dask_address": dask_address,
            "endpoint_url": embedded_url,
        }
        settings = require_resumable(run, manifest, changes)
        introduce(settings, run_id, "resume")
        if is_finished(manifest):
            if not settings.keep_staged:
                run.remove_working_files()
            return Ending(orjson.loads(run.summary.read_bytes()), ALREADY_OVER)
        stack.enter_context(runners.chosen(settings))
        state = None
        if manifest.command == "run":
            destination = renew_sender(settings).destination
            stack.callback(close_sender, settings)
            manifest.destination = destination.name
            born = application_born(destination)
            state = stack.enter_context(holding_state(settings, run_id, born, is_new=False))
        if state is not None:
            require_still_ours(state, run_id, manifest.generation)
        run.remove_leftovers()
        run.make_folders()
        if manifest.attempts[-1].finished_at is None:  # killed: its last sign of life
            manifest.attempts[-1].finished_at = run.last_written_at()
        manifest.attempts.append(Attempt(started_at=datetime.now(UTC)))
        manifest.status, manifest.message, manifest.finished_at = RunStatus.RUNNING, None, None
        manifest.superseded_by = None
        save_manifest(manifest, run)
        get_run_logger().info("run %s goes on, in %s", run.run_id, run.location)
        progress.note(f"run {run.run_id} goes on, in {run.location}")
        return go_through(run, manifest, settings, state)


def begin_run(
    settings: ImportSettings,
    run_id: str,
    command: str,
    target: Target,
    *,
    diff: bool = False,
) -> Ending:
    """Make the run directory, write its first manifest, and go through the phases."""
    mapping = load_mapping(settings.mapping)
    sources = find_sources(settings.sources)
    now = datetime.now(UTC)
    with ExitStack() as stack:
        stack.enter_context(runners.chosen(settings))
        run = create_run_directory(settings.runs_dir, run_id)
        stack.enter_context(locked(run))
        manifest = Manifest(
            run_id=run.run_id,
            command=command,
            settings=settings.model_dump(mode="json"),
            mapping=mapping.as_written() if mapping is not None else None,
            diff=diff,
            destination=target.destination,
            superseded=target.superseded,
            born=target.born,
            generation=target.state.generation if target.state is not None else 0,
            versions=read_versions(),
            folder=str(Path.cwd()),
            sources=[stamp_source(source) for source in sources],
            started_at=now,
            attempts=[Attempt(started_at=now)],
        )
        save_manifest(manifest, run)
        get_run_logger().info("run %s begins, in %s", run.run_id, run.location)
        to = f", to {target.destination}" if target.destination else ""
        progress.note(f"run {run.run_id} begins, in {run.location}{to}")
        return go_through(run, manifest, settings, target.state)


def go_through(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    state: StateWriter | None = None,
) -> Ending:
    """Do what is left to do of the phases, then report."""
    try:
        with (
            showing_progress(manifest, settings),
            start_drawing() as drawing,  # it takes a while to warm up
            stopping.on_signals(),
            runners.shared(run) as known,
        ):
            stopped_by = process(known, manifest, settings, state)
            return report(known, manifest, settings, stopped_by, drawing)
    except BaseException as error:
        note_failure(run, manifest, error)
        raise


def process(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings, state: StateWriter | None
) -> EndpointImportError | None:
    """Stage, prepare, resolve and, for an import, deliver; give what stopped the run, if it did."""
    valid = take_in(run, manifest, settings)
    if valid is None:
        return StoppedError("A signal stopped the run before anything was sent.")
    with phase(manifest, "resolve"):
        resolved = resolve_run(run, manifest)
    rows = manifest.rows - count_left_out(run, manifest)
    invalid = sum(count_invalid(run, manifest).values())
    get_run_logger().info(
        "resolve: %s rows, %s invalid, %s duplicate endpoints, in %s s",
        *(f"{count:,}" for count in (rows, invalid, resolved.others)),
        manifest.phase_seconds["resolve"],
    )
    breaches = judge_thresholds(run, manifest, settings, rows, invalid)
    for breach in breaches:
        if not breach.is_stop:
            get_run_logger().warning(breach.message)
    if (stop := stop_by(breaches, run.run_id)) is not None:
        return stop
    sendable = valid - resolved.invalid - resolved.others
    if manifest.command == "run":
        if state is not None:
            return synchronize(run, manifest, settings, state, sendable)
        with phase(manifest, "deliver", sendable):
            return deliver(run, manifest, settings)
    if is_compared(manifest, settings):
        return plan_sync(run, manifest, settings, sendable)
    return None


def note_failure(run: RunDirectory, manifest: Manifest, error: BaseException) -> None:
    """Write into the manifest why a run could not be finished, unless that is written already."""
    if manifest.finished_at is None:
        is_curable = isinstance(error, StorageError | ClusterError | StateError)
        manifest.status = RunStatus.STOPPED if is_curable else RunStatus.FAILED
        manifest.message = str(error) or type(error).__name__
        manifest.attempts[-1].finished_at = datetime.now(UTC)
        with suppress(StorageError):  # the error that is on its way says more
            save_manifest(manifest, run)

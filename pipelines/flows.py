"""Flows: the phases of a run in order. Start reading here.

    stage -> prepare -> resolve -> (guards) -> deliver -> report

`import_endpoints` does all of it, `check_quality` leaves out delivery. Both run without a Prefect
server, and under one as deployments (`prefect.yaml`).
"""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Literal, cast
from uuid import uuid4

from prefect import flow, get_run_logger
from prefect.futures import PrefectFuture, wait
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pipelines import progress, stopping
from pipelines.errors import DestinationError, EndpointImportError, GuardError
from pipelines.report.page import render_page
from pipelines.report.results import count_rows, write_issues, write_row_files
from pipelines.report.summary import Summary, balance, require_balance
from pipelines.report.verdict import say_verdict
from pipelines.settings import ImportSettings
from pipelines.steps.guards import check_invalid_share
from pipelines.storage.atomic import write_json, write_text
from pipelines.storage.manifest import Manifest, RunStatus, read_versions, save_manifest
from pipelines.storage.run_dir import RunDirectory, create_run_directory
from pipelines.storage.sources import SourceFile, find_sources
from pipelines.tasks import (
    close_sender,
    deliver_partition,
    find_excess_columns,
    prepare_partition,
    read_counts,
    renew_sender,
    resolve_run,
    settle_rows,
    stage_source,
)
from schemas.outcomes import IMPORTED, Outcome

PREPARE_WORKERS = 2
"""Partitions prepared at once, and so held in memory. polars uses all cores for each by itself;
a second one fills the gaps in which Python works."""


def _task_runner() -> TaskRunner[PrefectFuture[Any]]:
    return cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(PREPARE_WORKERS))


@flow(name="import-endpoints", task_runner=_task_runner())
def import_endpoints(settings: ImportSettings) -> dict[str, Any]:
    """Import an audience export; give the summary.

    Raises:
        ConfigurationError: The settings cannot work; nothing was read.
        SourceError: A source cannot be read; nothing was sent.
        GuardError: A threshold was exceeded; nothing was sent, the results are written.
        DestinationError: Sending stopped part-way; the results are written.
    """
    destination = renew_sender(settings).destination.name
    sources = find_sources(settings.sources)
    run, manifest = begin_run(settings, "run", destination)
    try:
        with stopping.on_signals():
            invalid = prepare(run, manifest, sources, settings)
            stopped_by: EndpointImportError | None = guard(manifest, invalid, settings)
            if stopped_by is None:
                stopped_by = deliver(run, manifest, settings)
            return report(run, manifest, settings, stopped_by)
    except BaseException as error:
        note_failure(run, manifest, error)
        raise
    finally:
        close_sender(settings)


@flow(name="check-quality", task_runner=_task_runner())
def check_quality(
    settings: ImportSettings, command: Literal["check", "plan"] = "check"
) -> dict[str, Any]:
    """Find out what is wrong with an export, sending nothing; give the summary.

    Rows that could be imported are `unprocessed` in the summary.

    Raises:
        ConfigurationError: The settings cannot work; nothing was read.
        SourceError: A source cannot be read.
        GuardError: A threshold was exceeded; the results are written.
    """
    sources = find_sources(settings.sources)
    run, manifest = begin_run(settings, command, None)
    try:
        invalid = prepare(run, manifest, sources, settings)
        return report(run, manifest, settings, guard(manifest, invalid, settings))
    except BaseException as error:
        note_failure(run, manifest, error)
        raise


def start_prefect_api() -> None:
    """Start the API that Prefect needs, unless there is one, out of reach of Ctrl-C.

    Prefect would start it by itself, but a Ctrl-C at the terminal goes to all processes there: the
    API would be gone before the run has come to its orderly end. A child inherits the signals that
    the thread which starts it has blocked.

    Raises:
        RuntimeError: It does not start.
    """
    if PREFECT_API_URL.value() is not None:
        return

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        SubprocessASGIServer().start()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(start).result()


def new_run_id(now: datetime) -> str:
    """Make a run id that sorts by time and does not clash."""
    return f"{now:%Y%m%dT%H%M%SZ}-{uuid4().hex[:4]}"


@contextmanager
def phase(manifest: Manifest, name: str, total_rows: int | None = None) -> Iterator[None]:
    """Tell the listener that a phase begins, and note in the manifest how long it took."""
    progress.begin(name, total_rows)
    began_s = monotonic()
    try:
        yield
    finally:
        manifest.phase_seconds[name] = round(monotonic() - began_s, 3)


def begin_run(
    settings: ImportSettings, command: str, destination: str | None
) -> tuple[RunDirectory, Manifest]:
    """Make the run directory and write its first manifest."""
    now = datetime.now(UTC)
    run = create_run_directory(settings.runs_dir, settings.run_id or new_run_id(now))
    manifest = Manifest(
        run_id=run.run_id,
        command=command,
        settings=settings.model_dump(mode="json"),
        destination=destination,
        versions=read_versions(),
        started_at=now,
    )
    save_manifest(manifest, run)
    get_run_logger().info("run %s begins, in %s", run.run_id, run.path)
    return run, manifest


def prepare(
    run: RunDirectory, manifest: Manifest, sources: list[SourceFile], settings: ImportSettings
) -> int:
    """Stage, prepare and resolve; give the number of invalid rows."""
    with phase(manifest, "stage"):
        stage(run, manifest, sources, settings)
    rows = sum(part.rows for part in manifest.partitions)
    with phase(manifest, "prepare", rows):
        valid = prepare_partitions(run, manifest, settings)
    with phase(manifest, "resolve"):
        refused = resolve_run(run, manifest)
    get_run_logger().info("%d rows, %d invalid", rows, rows - valid + refused)
    return rows - valid + refused


def stage(
    run: RunDirectory, manifest: Manifest, sources: list[SourceFile], settings: ImportSettings
) -> None:
    """Read the sources into partitions, one source after the other."""
    left = settings.limit
    for index, source in enumerate(sources):
        if left is not None and left <= 0:
            break
        staged = stage_source(run, source, index, len(manifest.partitions), settings, left)
        manifest.inputs.append(staged.input)
        manifest.partitions.extend(staged.partitions)
        left = None if left is None else left - staged.input.rows
    save_manifest(manifest, run)


def prepare_partitions(run: RunDirectory, manifest: Manifest, settings: ImportSettings) -> int:
    """Prepare all partitions, a few at once; give the number of valid rows."""
    excess = find_excess_columns(run, manifest.inputs, manifest.partitions)
    futures = [
        prepare_partition.submit(run, part, manifest.inputs[part.input], excess, settings)
        for part in manifest.partitions
    ]
    wait(list(futures))
    return sum(future.result().valid for future in futures)


def guard(manifest: Manifest, invalid: int, settings: ImportSettings) -> GuardError | None:
    """Say whether a threshold stops the run here."""
    rows = sum(part.rows for part in manifest.partitions)
    breach = settings.max_invalid and check_invalid_share(invalid, rows, settings.max_invalid)
    return GuardError(breach, run_id=manifest.run_id) if breach else None


def deliver(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings
) -> DestinationError | None:
    """Send partition after partition; give the error that stopped sending, if one did."""
    with phase(manifest, "deliver", sum(part.rows for part in manifest.partitions)):
        for part in manifest.partitions:
            error = deliver_partition(run, part, settings)
            if error is not None:
                return error
    return None


def report(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    stopped_by: EndpointImportError | None,
) -> dict[str, Any]:
    """Balance the books and write the results; then raise what stopped the run, if anything did."""
    with phase(manifest, "report"):
        settle_partitions(run, manifest)
        counts = count_rows(run, manifest)
        is_import = manifest.command == "run"
        issues_by_code = write_issues(run, manifest)
        has_unprocessed = counts[Outcome.UNPROCESSED] > 0
        write_row_files(run, manifest, with_unprocessed=is_import and has_unprocessed)
    rows = sum(part.rows for part in manifest.partitions)
    manifest.status = _status(counts, manifest, stopped_by)
    if not balance(rows, counts):
        manifest.status = RunStatus.FAILED
    manifest.message = stopped_by.message if stopped_by else None
    manifest.finished_at = datetime.now(UTC)
    summary = _summarize(run, manifest, settings, counts, issues_by_code)
    write_json(summary.model_dump(mode="json"), run.summary)
    write_text(render_page(run, manifest, summary, say_verdict(summary, manifest)), run.report)
    save_manifest(manifest, run)
    require_balance(summary)
    get_run_logger().info("run %s: %s", run.run_id, manifest.status.value)
    if stopped_by is not None:
        raise stopped_by
    if not settings.keep_staged:
        run.remove_working_files()
    return summary.model_dump(mode="json")


def settle_partitions(run: RunDirectory, manifest: Manifest) -> None:
    """Give every row its outcome."""
    futures = [
        settle_rows.submit(run, part, manifest.source_of(part.number).path)
        for part in manifest.partitions
    ]
    wait(list(futures))
    for future in futures:
        future.result()


def _status(
    counts: dict[Outcome, int], manifest: Manifest, stopped_by: EndpointImportError | None
) -> RunStatus:
    if isinstance(stopped_by, GuardError):
        return RunStatus.GUARDED
    if stopped_by is not None:
        return RunStatus.STOPPED
    fine = IMPORTED if manifest.command == "run" else {Outcome.UNPROCESSED}
    if all(rows == 0 for outcome, rows in counts.items() if outcome not in fine):
        return RunStatus.COMPLETED
    return RunStatus.COMPLETED_WITH_ERRORS


def _summarize(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    counts: dict[Outcome, int],
    issues_by_code: dict[str, int],
) -> Summary:
    sending = read_counts(run, manifest.partitions)
    rows = sum(part.rows for part in manifest.partitions)
    finished_at = manifest.finished_at or datetime.now(UTC)
    seconds = (finished_at - manifest.started_at).total_seconds()
    is_import = manifest.command == "run"
    dealt_with = rows - counts[Outcome.UNPROCESSED] if is_import else rows
    return Summary(
        run_id=manifest.run_id,
        status=manifest.status.value,
        application_id=settings.application if is_import else None,
        destination=manifest.destination,
        rows=rows,
        **{outcome.value: count for outcome, count in counts.items()},
        balanced=balance(rows, counts),
        requests=sending.requests,
        retries=sending.retries,
        throttled=sending.throttled,
        splits=sending.splits,
        bytes_sent=sending.bytes_sent,
        seconds=round(seconds, 3),
        rows_per_second=round(dealt_with / seconds, 1) if seconds else 0.0,
        issues_by_code=issues_by_code,
        started_at=manifest.started_at,
        finished_at=finished_at,
    )


def note_failure(run: RunDirectory, manifest: Manifest, error: BaseException) -> None:
    """Write into the manifest why a run could not be finished, unless that is written already."""
    if manifest.status is RunStatus.RUNNING:
        manifest.status = RunStatus.FAILED
        manifest.message = str(error) or type(error).__name__
        manifest.finished_at = datetime.now(UTC)
        save_manifest(manifest, run)

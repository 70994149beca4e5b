"""The books: what a run's partitions add up to, and the summary of it."""

from datetime import datetime

from pipelines.destinations.delivery import SendCounts
from pipelines.errors import EndpointImportError, GuardError
from pipelines.report.summary import Summary, balance
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Manifest, RunStatus
from schemas.outcomes import IMPORTED, Outcome


def judge(
    counts: dict[Outcome, int], manifest: Manifest, stopped_by: EndpointImportError | None
) -> RunStatus:
    """Say how the run ended."""
    if not balance(manifest.rows, counts):
        return RunStatus.FAILED
    if isinstance(stopped_by, GuardError):
        return RunStatus.GUARDED
    is_import = manifest.command == "run"
    if stopped_by is not None or (is_import and counts[Outcome.UNPROCESSED]):
        return RunStatus.STOPPED
    fine = IMPORTED if is_import else {Outcome.UNPROCESSED}
    if all(rows == 0 for outcome, rows in counts.items() if outcome not in fine):
        return RunStatus.COMPLETED
    return RunStatus.COMPLETED_WITH_ERRORS


def summarize(
    manifest: Manifest,
    settings: ImportSettings,
    counts: dict[Outcome, int],
    issues_by_code: dict[str, int],
    sending: SendCounts,
    finished_at: datetime,
) -> Summary:
    """Sum a run up.

    Args:
        manifest: Its manifest; the status is final.
        settings: Its settings.
        counts: Rows by outcome.
        issues_by_code: Issues by code.
        sending: What sending took, over all attempts.
        finished_at: Now.
    """
    seconds = sum(
        ((attempt.finished_at or attempt.started_at) - attempt.started_at).total_seconds()
        for attempt in manifest.attempts
    )
    is_import = manifest.command == "run"
    dealt_with = manifest.rows - counts[Outcome.UNPROCESSED] if is_import else manifest.rows
    return Summary(
        run_id=manifest.run_id,
        status=manifest.status.value,
        application_id=settings.application if is_import else None,
        destination=manifest.destination,
        rows=manifest.rows,
        **{outcome.value: count for outcome, count in counts.items()},
        balanced=balance(manifest.rows, counts),
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

"""The books: what a run's partitions add up to, and the summary of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pipelines.destinations.delivery import SendCounts
from pipelines.errors import EndpointImportError, GuardError
from pipelines.report.corrections import Correction
from pipelines.report.summary import Breach, RunCounts, Summary
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.syncing.removals import RemovalCounts
from schemas.outcomes import IMPORTED, Outcome


def judge(
    counts: RunCounts,
    manifest: Manifest,
    removals: RemovalCounts,
    stopped_by: EndpointImportError | None,
) -> RunStatus:
    """Say how the run ended; well only if what is gone could be retired, too."""
    if not counts.are_balanced:
        return RunStatus.FAILED
    if isinstance(stopped_by, GuardError):
        return RunStatus.GUARDED
    is_import = manifest.command == "run"
    if stopped_by is not None or (is_import and counts.endpoints[Outcome.UNPROCESSED]):
        return RunStatus.STOPPED
    fine = IMPORTED if is_import else {Outcome.UNPROCESSED, Outcome.UNCHANGED}
    is_fine = all(rows == 0 for outcome, rows in counts.rows.items() if outcome not in fine)
    if is_fine and not removals.refused:
        return RunStatus.COMPLETED
    return RunStatus.COMPLETED_WITH_ERRORS


@dataclass(frozen=True, slots=True)
class Books:
    """What a run comes to."""

    counts: RunCounts
    """What became of its records."""
    issues_by_code: dict[str, int]
    sending: SendCounts
    """What sending took, over all attempts."""
    removals: RemovalCounts
    """What became of endpoints that are gone from the source."""
    opt_ins: int
    """Endpoints to be sent that are opted in again."""
    breaches: list[Breach]
    """Thresholds that were exceeded."""
    corrections: Sequence[Correction] = ()
    """What was corrected of the runs whose rows were fed back in, most rows first."""


def summarize(
    manifest: Manifest, settings: ImportSettings, books: Books, finished_at: datetime
) -> Summary:
    """Sum a run up.

    Args:
        manifest: Its manifest; the status is final.
        settings: Its settings.
        books: What it comes to.
        finished_at: Now.
    """
    counts, sending, removals = books.counts, books.sending, books.removals
    seconds = sum(
        ((attempt.finished_at or attempt.started_at) - attempt.started_at).total_seconds()
        for attempt in manifest.attempts
    )
    is_import = manifest.command == "run"
    rows = sum(counts.rows.values())
    first = next(iter(books.corrections), None)
    dealt_with = rows - counts.rows[Outcome.UNPROCESSED] if is_import else counts.records
    return Summary(
        run_id=manifest.run_id,
        status=manifest.status.value,
        application_id=settings.application if is_import else None,
        destination=manifest.destination,
        rows=rows,
        **cast("dict[str, Any]", {o.value: count for o, count in counts.rows.items()}),
        balanced=counts.are_balanced,
        sync_mode=settings.sync_mode.value,
        opt_ins=books.opt_ins,
        breaches=books.breaches,
        to_retire=removals.to_retire,
        retired=removals.retired,
        refused_removals=removals.refused,
        requests=sending.requests,
        retries=sending.retries,
        throttled=sending.throttled,
        splits=sending.splits,
        bytes_sent=sending.bytes_sent,
        seconds=round(seconds, 3),
        rows_per_second=round(dealt_with / seconds, 1) if seconds else 0.0,
        issues_by_code=books.issues_by_code,
        started_at=manifest.started_at,
        finished_at=finished_at,
        records=counts.records,
        left_out=counts.left_out,
        endpoints=sum(counts.endpoints.values()),
        endpoints_by_outcome={o.value: count for o, count in counts.endpoints.items()},
        in_part=counts.in_part,
        corrects=first.run_id if first else None,
        to_correct=first.to_correct if first else 0,
        corrected=first.corrected if first else 0,
        not_fed_back=first.not_fed_back if first else 0,
    )

"""Synchronize: the phases of a run that hold the state, in order.

compare -> (guards) -> intent -> deliver -> retire -> record
"""

import math

from prefect import get_run_logger
from prefect.futures import wait

from pipelines.delivering import deliver
from pipelines.errors import EndpointImportError, GuardError
from pipelines.phases import phase
from pipelines.report.diff import DiffTally, Unseen
from pipelines.report.durations import say_duration
from pipelines.report.results import count_invalid
from pipelines.report.retirement import count_requests
from pipelines.sending import open_sender
from pipelines.settings import ImportSettings
from pipelines.state.base import StateReader, StateWriter
from pipelines.steps.guard_removals import RemovalLimits, Removals, check_removals
from pipelines.steps.guards import check_opt_ins
from pipelines.storage.atomic import write_json
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from pipelines.syncing.comparing import (
    Comparison,
    Observer,
    compare_run,
    load_comparison,
    send_unchanged,
)
from pipelines.syncing.holding import read_state
from pipelines.syncing.recording import record_accepted, record_intent
from pipelines.syncing.retiring import retire_gone, retire_rate
from pipelines.tasks import key_partition
from schemas.sync import RetirePolicy, SyncMode


def synchronize(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    state: StateWriter,
    sendable: int,
) -> EndpointImportError | None:
    """Send what is due, retire what is gone, and note what the service took."""
    feed = state.number_feed(settings.feed)
    comparison = load_comparison(run)
    if comparison is None:
        with phase(manifest, "compare", sendable):
            comparison = compare_with(run, manifest, settings, state, feed)
        get_run_logger().info(
            "compare: %s due, %s unchanged, %s held, %s gone, in %s s",
            *(
                f"{count:,}"
                for count in (
                    *(comparison.due, comparison.unchanged),
                    *(comparison.held, comparison.gone),
                )
            ),
            manifest.phase_seconds["compare"],
        )
    breach = guard(run, settings, state, comparison)
    if breach is not None:
        return breach
    _warn_of_lateness(settings, comparison)
    record_intent(run, manifest, state, comparison)
    with phase(manifest, "deliver", comparison.due):
        error = deliver(run, manifest, settings)
    if error is None and comparison.gone:
        with phase(manifest, "retire", comparison.gone):
            error = retire_gone(run, settings)
    with phase(manifest, "record"):
        record_accepted(run, manifest, settings, state, comparison, is_final=error is None)
    return error


def _warn_of_lateness(settings: ImportSettings, comparison: Comparison) -> None:
    """Say it in the log if sending takes longer than there is time between two runs."""
    if settings.every_s is None:
        return
    rate = open_sender(settings).requests_per_second
    took_s = count_requests(comparison.due, RetirePolicy.OPTOUT) / (rate or math.inf)
    if comparison.gone:
        requests = count_requests(comparison.gone, settings.retire)
        took_s += requests / (retire_rate(settings) or math.inf)
    if took_s > settings.every_s:
        get_run_logger().warning(
            "sending takes %s at this pace, longer than the time between two runs (--every %s): "
            "the next one would find this one at work",
            say_duration(took_s),
            settings.every,
        )


def compare_with(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    state: StateReader,
    feed: int,
    observe: Observer | None = None,
) -> Comparison:
    """Find out how the rows that could be sent stand to the state."""
    is_mirror = settings.sync_mode is SyncMode.MIRROR
    futures = [
        key_partition.submit(run, part, with_present=is_mirror) for part in manifest.partitions
    ]
    wait(list(futures))
    for future in futures:
        future.result()
    return compare_run(run, manifest, settings, state, feed, observe)


def plan_sync(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings, sendable: int
) -> EndpointImportError | None:
    """Find out what a run in this mode would send and retire, and whether a guard would stop it.

    A plan for sending everything may show what differs all the same: only what would be held
    follows from it.
    """
    state = read_state(settings)
    names = list(state.feeds)
    feed = names.index(settings.feed) if settings.feed in names else len(names)
    tally = DiffTally()
    sends_all = settings.sync_mode is SyncMode.UPSERT
    mode = SyncMode.CHANGED if sends_all else settings.sync_mode
    asked = settings.model_copy(update={"sync_mode": mode})
    with phase(manifest, "compare", sendable):
        comparison = compare_with(
            run, manifest, asked, state, feed, tally.add if manifest.diff else None
        )
    if manifest.diff:
        unseen = Unseen(
            invalid=sum(count_invalid(run, manifest).values()),
            unidentified=comparison.unidentified,
            is_limited=settings.limit is not None and manifest.rows >= settings.limit,
        )
        files = {part.number: manifest.source_of(part.number).path for part in manifest.partitions}
        diff = tally.finish(settings.sync_mode.value, state, unseen, files)
        write_json(diff.model_dump(mode="json"), run.diff)
    if sends_all:
        send_unchanged(run, manifest)
    return guard(run, settings, state, comparison)


def guard(
    run: RunDirectory, settings: ImportSettings, state: StateReader, comparison: Comparison
) -> GuardError | None:
    """Say whether what comparing found is too much to be believed."""
    breach = check_opt_ins(comparison.opt_ins, comparison.tracked, settings.max_opt_ins)
    if breach is not None and not settings.allow_opt_in:
        return GuardError(breach, run_id=run.run_id)
    return guard_removals(run, settings, state, comparison)


def guard_removals(
    run: RunDirectory, settings: ImportSettings, state: StateReader, comparison: Comparison
) -> GuardError | None:
    """Say whether what is gone from the source is too much to be believed."""
    if settings.sync_mode is not SyncMode.MIRROR:
        return None
    ours = (note for note in state.notes if note.feed == settings.feed)
    before = [note.rows for note in ours if note.rows is not None]
    found = Removals(
        identified=comparison.identified,
        identified_before=before[-1] if before else None,
        unidentified=comparison.unidentified,
        gone=comparison.gone,
        known=comparison.tracked,
    )
    limits = RemovalLimits(settings.max_removals, settings.max_shrink, settings.max_unidentified)
    breach = check_removals(found, limits)
    return GuardError(breach, run_id=run.run_id) if breach is not None else None

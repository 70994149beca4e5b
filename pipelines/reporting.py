"""Reporting: balance the books of a run, and write its results."""

from datetime import UTC, datetime

import orjson
import polars as pl
from prefect import get_run_logger
from prefect.futures import wait

from pipelines.books import Books, judge, summarize
from pipelines.errors import EndpointImportError, GuardError
from pipelines.phases import phase
from pipelines.previewing import make_preview
from pipelines.profiling import profile_run
from pipelines.publishing import Ending, publish_results
from pipelines.report.corrections import note_corrections
from pipelines.report.drawing import Drawing
from pipelines.report.gathering import gather_page
from pipelines.report.page import render_page
from pipelines.report.page_data import PageData
from pipelines.report.results import count_run, write_issues, write_row_files
from pipelines.report.summary import Summary, require_balance
from pipelines.report.verdict import say_verdict
from pipelines.sending import read_shipments, read_ticks, sum_counts
from pipelines.settings import ImportSettings
from pipelines.steps.audience import add_up_audience
from pipelines.storage.atomic import write_json, write_text
from pipelines.storage.manifest import Manifest, save_manifest
from pipelines.storage.run_dir import RunDirectory
from pipelines.syncing.comparing import load_comparison
from pipelines.syncing.removals import RemovalCounts, write_removals
from pipelines.tasks import settle_rows
from pipelines.thresholds import load_judgement, read_past
from pipelines.timeline import list_moments
from schemas.outcomes import Outcome
from schemas.sync import SyncMode


def report(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    stopped_by: EndpointImportError | None,
    drawing: Drawing,
) -> Ending:
    """Balance the books and write the results; then raise what stopped the run, if anything did."""
    with phase(manifest, "report"):
        audience = settle_partitions(run, manifest)
        counts = count_run(run, manifest)
        issues_by_code = write_issues(run, manifest)
        there = {outcome for outcome, rows in counts.rows.items() if rows}
        write_row_files(
            run, manifest, there if manifest.command == "run" else there - {Outcome.UNPROCESSED}
        )
        corrections = note_corrections(run, manifest)
        removals = RemovalCounts()
        if settings.sync_mode is SyncMode.MIRROR and run.comparison.is_file():
            is_to_come = manifest.command == "plan" or isinstance(stopped_by, GuardError)
            removals = write_removals(run, settings.retire, is_stopped=is_to_come)
        if manifest.command == "plan" and run.decisions.is_file():
            preview = make_preview(run, manifest, settings)
            write_json(preview.model_dump(mode="json"), run.preview)
        ticks = read_ticks(run)
        profile = profile_run(run, manifest, audience)
        profile.moments = list_moments(ticks, manifest.attempts)
        profile.past = [*read_past(run, manifest, settings)]
        write_json(profile.model_dump(mode="json"), run.profile)
    manifest.status = judge(counts, manifest, removals, stopped_by)
    manifest.message = stopped_by.message if stopped_by else None
    finished_at = manifest.attempts[-1].finished_at = datetime.now(UTC)
    compared = load_comparison(run)
    opt_ins, judged = compared.opt_ins if compared else 0, load_judgement(run)
    breaches = judged.breaches if judged else []
    books = Books(
        counts, issues_by_code, sum_counts(ticks), removals, opt_ins, breaches, corrections
    )
    summary = summarize(manifest, settings, books, finished_at)
    write_json(summary.model_dump(mode="json"), run.summary)
    page = write_page(run, manifest, settings, summary, drawing)
    manifest.finished_at = finished_at
    save_manifest(manifest, run)
    require_balance(summary)
    verdict = say_verdict(summary, manifest)
    if page is not None:
        publish_results(run, manifest, settings, page)
    _log_end(manifest, summary, verdict)
    if stopped_by is not None:
        raise stopped_by
    if not settings.keep_staged:
        run.remove_working_files()
    return Ending(summary.model_dump(mode="json"), verdict)


def write_page(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    summary: Summary,
    drawing: Drawing,
) -> PageData | None:
    """Write report.html; give what it shows.

    A run whose books are written does not fail by its page: without one this gives None.
    """
    try:
        page = gather_page(run, manifest, summary)
        html = render_page(page, show_addresses=settings.show_addresses, drawing=drawing)
    except EndpointImportError:
        raise
    except Exception as error:  # noqa: BLE001 (a defect, and nothing that was done is undone by it)
        run.remove(run.report)  # there may be one of an attempt that stopped
        told = "report.html could not be made (%s); the other results are complete"
        get_run_logger().warning(told, type(error).__name__)
        return None
    write_text(html, run.report)
    return page


def _log_end(manifest: Manifest, summary: Summary, verdict: str) -> None:
    logger = get_run_logger()
    if summary.requests:
        logger.info(
            "deliver: %s requests, %s retries, %s throttled, %s splits, in %s s",
            *(
                f"{count:,}"
                for count in (
                    *(summary.requests, summary.retries),
                    *(summary.throttled, summary.splits),
                )
            ),
            manifest.phase_seconds.get("deliver", 0),
        )
    logger.info("run %s: %s. %s", manifest.run_id, manifest.status.value, verdict)


def settle_partitions(run: RunDirectory, manifest: Manifest) -> pl.DataFrame:
    """Give every row its outcome; count endpoints (`steps.audience.AUDIENCE_SCHEMA`)."""
    files = {part.number: manifest.source_of(part.number).path for part in manifest.partitions}
    packed = orjson.dumps(files, option=orjson.OPT_NON_STR_KEYS)
    names = manifest.endpoint_names
    sends = manifest.command == "run"
    places = dict(place for shipment in read_shipments(run) for place in shipment.slices())
    futures = [
        settle_rows.submit(run, part, places.get(part.number), packed, names, sends=sends)
        for part in manifest.partitions
    ]
    wait(list(futures))
    return add_up_audience([future.result() for future in futures])

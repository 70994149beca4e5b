"""Thresholds: what a run is judged by before anything is sent, and what it is compared with.

What came of it is kept as resolved/thresholds.json, with the history: a run that is resumed is
compared with the same runs again, whatever has run meanwhile.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict

from pipelines.errors import GuardError
from pipelines.history import PastRecord, has_history, list_past, read_history
from pipelines.profiling import profile_sources
from pipelines.report.profile import PastRun, SourceProfile
from pipelines.report.summary import NOTHING_SENT, Breach
from pipelines.series import join_series, name_series
from pipelines.settings import ImportSettings
from pipelines.source_thresholds import choose_limits, general_limits
from pipelines.steps.map_columns import plan_columns
from pipelines.steps.source_columns import show_names
from pipelines.steps.thresholds import (
    Exceeded,
    PastCounts,
    SourceCounts,
    check_invalid,
    compare_source,
)
from pipelines.storage.atomic import write_json
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory


class Judgement(BaseModel):
    """resolved/thresholds.json."""

    model_config = ConfigDict(extra="forbid")

    history: list[PastRecord] = []
    """Earlier runs over the sources, oldest first."""
    breaches: list[Breach] = []
    """Thresholds that are exceeded, those that stop first."""


def judge_thresholds(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings, rows: int, invalid: int
) -> list[Breach]:
    """Judge a run by its thresholds, and write down what came of it.

    Args:
        run: The run; `resolve` is done.
        manifest: Its manifest.
        settings: Its settings.
        rows: Its rows.
        invalid: Those of them that are invalid.
    """
    before = load_judgement(run)
    history = read_history(manifest, settings) if before is None else before.history
    named = profile_sources(run, manifest)
    sources = join_series(named, manifest.folder, settings.thresholds)
    unmapped = _name_unmapped(manifest, settings)
    names: dict[str, str] = {}  # a pattern fits what the user named, not what several are told as
    for source in named:
        series = name_series(source.name, manifest.folder, settings.thresholds)
        names.setdefault(series, source.name)
    limits = {series: choose_limits(settings, name) for series, name in names.items()}
    alone = {series for series in sources if limits[series].judges_invalid_alone}
    others = (
        rows - sum(sources[series].rows for series in alone),
        invalid - sum(sources[series].invalid for series in alone),
    )
    breaches = _name(None, check_invalid(*others, general_limits(settings)))
    for series, source in sources.items():
        if series in alone:
            exceeded = check_invalid(source.rows, source.invalid, limits[series], source.name)
            breaches += _name(source, exceeded)
        if has_history(settings):
            past = [_past_counts(past, series) for past in history if series in past.sources]
            breaches += _name(
                source,
                *compare_source(
                    source.name, _counts(source, unmapped.get(series, "")), past, limits[series]
                ),
            )
    breaches.sort(key=lambda breach: not breach.is_stop)
    judgement = Judgement(history=history, breaches=breaches)
    write_json(judgement.model_dump(mode="json"), run.thresholds)
    return breaches


def load_judgement(run: RunDirectory) -> Judgement | None:
    """Give what came of judging a run; None if it was not judged yet."""
    path = run.thresholds
    return Judgement.model_validate_json(path.read_bytes()) if path.is_file() else None


def stop_by(breaches: Sequence[Breach], run_id: str) -> GuardError | None:
    """Say whether thresholds stop the run; all that do are told at once."""
    reasons = " ".join(breach.message for breach in breaches if breach.is_stop)
    if not reasons:
        return None
    told = "" if NOTHING_SENT in reasons else f" {NOTHING_SENT}"
    return GuardError(reasons + told, run_id=run_id)


def read_past(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings
) -> tuple[PastRun, ...]:
    """Give the last runs over the same sources, oldest first: those that it was compared with."""
    judgement = load_judgement(run)
    history = read_history(manifest, settings) if judgement is None else judgement.history
    return list_past(history, manifest, settings)


def _name(source: SourceProfile | None, *found: Exceeded | None) -> list[Breach]:
    name = None if source is None else source.name
    return [Breach(source=name, **asdict(exceeded)) for exceeded in found if exceeded is not None]


def _name_unmapped(manifest: Manifest, settings: ImportSettings) -> dict[str, str]:
    """Name the columns that become nothing, by series."""
    mapping, found = manifest.read_mapping(), defaultdict[str, list[str]](list)
    for stamp, record in zip(manifest.sources, manifest.inputs, strict=False):
        series = name_series(stamp.named or stamp.path, manifest.folder, settings.thresholds)
        found[series] += plan_columns(record.header, mapping).unmapped
    return {
        series: show_names([*dict.fromkeys(names)], end=".")
        for series, names in found.items()
        if names
    }


def _counts(source: SourceProfile, unmapped: str) -> SourceCounts:
    return SourceCounts(source.rows, source.invalid, source.filled, source.channels, unmapped)


def _past_counts(past: PastRecord, series: str) -> PastCounts:
    source = past.sources[series]
    warned = {breach.threshold for breach in past.breaches if breach.source == series}
    return PastCounts(
        source.rows,
        source.invalid,
        source.filled,
        source.channels,
        warned=frozenset(warned),
        is_mapped_alike=past.is_mapped_alike,
    )

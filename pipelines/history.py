"""History: what the last runs over the same sources came to, read from the folder of the runs.

What thresholds compare with, and the trend of the page. Each SOURCE is a *series*: its place, with
digits taken as equal, so that exports/crm-2026-11-22.csv follows exports/crm-2026-11-21.csv.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.defaults import LOCAL_APPLICATION
from pipelines.errors import StorageError
from pipelines.report.profile import PastRun, SourceProfile
from pipelines.report.summary import Breach, Summary
from pipelines.settings import ImportSettings
from pipelines.steps.thresholds import LAST_RUNS
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.places import Place, S3Folder
from pipelines.storage.run_dir import RUN_ID

MOST_PAST = 30
"""Runs that history goes back."""
MOST_LOOKED_AT = 1000
"""Runs whose manifests are looked at for that, the latest ones first: those written last, and on S3
those that come last by name."""
LOOKED_AT_AT_ONCE = 200
"""Manifests that are read before it is asked whether that is enough."""
AT_ONCE = 8
"""Requests to S3 under way."""
FED_BACK = frozenset({"errors.csv", "held.csv", "unprocessed.csv"})
"""Files of a run that are fed back in: a part of its rows, of no use as history."""
_FINISHED = frozenset({RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_ERRORS})
_NUMBER = re.compile(r"(?!3://)[0-9]+(?:[-_.:T]?[0-9]+)*")
_Record = TypeVar("_Record", bound=BaseModel)


class PastRecord(BaseModel):
    """An earlier run over one of the sources or more."""

    model_config = ConfigDict(extra="forbid")

    run_id: str
    started_at: datetime
    status: str
    rows: int
    invalid: int
    accepted: int
    seconds: float
    series: list[str]
    """Of all of its sources."""
    sources: dict[str, SourceProfile]
    """What those came to, by series, that it is to be compared by: none of a run that did not come
    to its end, as that does not tell what is usual."""
    breaches: list[Breach]
    """Thresholds that it exceeded; `source` is a series."""


class _Sources(BaseModel):
    """What there is to know of a profile."""

    sources: list[SourceProfile]


class _Noted(BaseModel):
    """What there is to know of a manifest; of other versions, too."""

    run_id: str
    command: str
    status: RunStatus
    settings: dict[str, Any]
    folder: str
    started_at: datetime
    finished_at: datetime | None

    @property
    def is_finished(self) -> bool:
        return self.status in _FINISHED

    def series(self, kept: Collection[str]) -> set[str]:
        sources = self.settings.get("sources", [])
        return {name_series(str(source), self.folder, kept) for source in sources}

    @property
    def application(self) -> object:
        local = LOCAL_APPLICATION if self.settings.get("local") else None
        return self.settings.get("application_id") or local


def name_series(source: str, folder: str, kept: Collection[str] = ()) -> str:
    """Give the series of a SOURCE: its place, and # for each number or date in it.

    >>> name_series("exports/crm-2026-11-22.csv", "/srv")
    '/srv/exports/crm-#.csv'
    >>> name_series("s3://bucket/part-00012.parquet", "/srv")
    's3://bucket/part-#.parquet'

    Args:
        source: As the user named it.
        folder: Where relative paths begin.
        kept: Names that are taken as they are.
    """
    if source != "-" and "://" not in source:
        place = os.path.normpath(Path(folder) / source)
    else:
        place = source
    return place if source in kept else _NUMBER.sub("#", place)


def join_series(
    sources: Iterable[SourceProfile], folder: str, kept: Collection[str] = ()
) -> dict[str, SourceProfile]:
    """Join the sources of a run that are of one series, such as the parts of an export.

    Args:
        sources: What each SOURCE came to.
        folder: Where relative paths begin.
        kept: Names of sources that stay alone.
    """
    joined: dict[str, SourceProfile] = {}
    for source in sources:
        series = name_series(source.name, folder, kept)
        before = joined.get(series)
        joined[series] = source if before is None else _add(before, source)
    return joined


def _add(one: SourceProfile, other: SourceProfile) -> SourceProfile:
    def add(counts: dict[str, int], more: dict[str, int]) -> dict[str, int]:
        return {name: counts.get(name, 0) + more.get(name, 0) for name in counts | more}

    return SourceProfile(
        name=_NUMBER.sub("#", one.name),
        rows=one.rows + other.rows,
        invalid=one.invalid + other.invalid,
        filled=add(one.filled, other.filled),
        channels=add(one.channels, other.channels),
    )


def has_history(settings: ImportSettings) -> bool:
    """Say whether a run is one of many like it: not of the first records, nor of rows fed back."""
    names = {re.split(r"[/\\]", source)[-1] for source in settings.sources}
    return settings.limit is None and not names & FED_BACK


def read_history(manifest: Manifest, settings: ImportSettings) -> list[PastRecord]:
    """Read the last runs before this one over one of its sources or more, oldest first.

    An import is compared with imports of the same feed into the same application; a check, and a
    plan for no application, with all runs of the same feed. A folder that is no run, or is damaged,
    is passed over.
    """
    if not has_history(settings):
        return []
    runs_dir, kept = settings.runs_dir, frozenset(settings.thresholds)
    this = _Noted.model_validate(manifest.model_dump())
    found = _find_past(this, settings, kept)
    finished = [noted for noted in found if noted.is_finished][-MOST_PAST:]
    wanted = {noted.run_id for noted in finished + found[-MOST_PAST:]}
    latest = [noted for noted in found if noted.run_id in wanted]
    summaries = _read_all(Summary, runs_dir, [noted.run_id for noted in latest], "summary.json")
    names = [noted.run_id for noted in finished]
    profiles = dict(zip(names, _read_all(_Sources, runs_dir, names, "profile.json"), strict=True))
    records = [
        _record(noted, summary, profiles.get(noted.run_id), kept)
        for noted, summary in zip(latest, summaries, strict=True)
        if summary is not None and summary.corrects is None
    ]
    _keep_last(records, this.series(kept))
    return records


def _find_past(this: _Noted, settings: ImportSettings, kept: Collection[str]) -> list[_Noted]:
    """Find the earlier runs like this one, the latest ones at least, oldest first."""
    names, found = _list_latest(settings.runs_dir), list[_Noted]()
    for first in range(0, len(names), LOOKED_AT_AT_ONCE):
        read = _read_all(_Noted, settings.runs_dir, names[first : first + LOOKED_AT_AT_ONCE])
        found += [n for n in read if n is not None and _is_past(n, this, settings, kept)]
        if sum(noted.is_finished for noted in found) >= MOST_PAST:
            break
    return sorted(found, key=lambda noted: noted.started_at)


def _is_past(past: _Noted, this: _Noted, settings: ImportSettings, kept: Collection[str]) -> bool:
    is_earlier = past.started_at <= this.started_at and past.run_id != this.run_id
    if not is_earlier or past.finished_at is None or past.settings.get("limit") is not None:
        return False
    is_like = past.settings.get("feed", "main") == settings.feed
    if this.command != "check" and this.application:
        is_like &= past.command == "run" and past.application == this.application
    return is_like and not past.series(kept).isdisjoint(this.series(kept))


def _record(
    noted: _Noted, summary: Summary, profile: _Sources | None, kept: Collection[str]
) -> PastRecord:
    def rename(breach: Breach) -> Breach:
        source = breach.source and name_series(breach.source, noted.folder, kept)
        return breach.model_copy(update={"source": source})

    return PastRecord(
        run_id=noted.run_id,
        started_at=noted.started_at,
        status=noted.status.value,
        rows=summary.rows,
        invalid=summary.invalid,
        accepted=summary.accepted,
        seconds=summary.seconds,
        series=sorted(noted.series(kept)),
        sources={} if profile is None else join_series(profile.sources, noted.folder, kept),
        breaches=[rename(breach) for breach in summary.breaches],
    )


def _keep_last(records: Sequence[PastRecord], series: Collection[str]) -> None:
    """Keep of each series what the last runs say that one is compared with."""
    told: Counter[str] = Counter()
    for record in reversed(records):
        wanted = {name for name in series if told[name] < LAST_RUNS}
        record.sources = {name: found for name, found in record.sources.items() if name in wanted}
        told.update(record.sources.keys())


def _list_latest(runs_dir: Place) -> list[str]:
    """List the names of the runs that were probably the last ones, the latest first."""
    if isinstance(runs_dir, S3Folder):
        from pipelines.storage.s3_store import S3Store  # boto3 takes a while

        names = filter(RUN_ID.fullmatch, S3Store(runs_dir).list_folders())
        return sorted(names, key=_by_number, reverse=True)[:MOST_LOOKED_AT]
    written: list[tuple[float, str]] = []
    for manifest in runs_dir.glob("*/manifest.json"):
        with suppress(OSError):  # it is gone, or somebody else's
            written.append((manifest.stat().st_mtime, manifest.parent.name))
    return [name for _, name in sorted(written, reverse=True)[:MOST_LOOKED_AT]]


def _by_number(name: str) -> list[tuple[int, str]]:
    """Sort night-10 behind night-9."""
    return [
        (int(part), "") if part.isdecimal() else (0, part) for part in re.split("([0-9]+)", name)
    ]


def _read_all(
    kind: type[_Record], runs_dir: Place, names: Sequence[str], file: str = "manifest.json"
) -> list[_Record | None]:
    """Read a file of each run; None where there is none that can be read."""
    if not isinstance(runs_dir, S3Folder):
        return [_parse(kind, _read_local(runs_dir / name / file)) for name in names]
    from pipelines.storage.s3_store import S3Store

    store = S3Store(runs_dir)

    def read(name: str) -> bytes | None:
        with suppress(StorageError):  # somebody else's
            found = store.read(f"{name}/{file}")
            return None if found is None else found.content
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [_parse(kind, content) for content in pool.map(read, names)]


def _read_local(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _parse(kind: type[_Record], content: bytes | None) -> _Record | None:
    try:
        return None if content is None else kind.model_validate(orjson.loads(content))
    except (orjson.JSONDecodeError, ValidationError):
        return None


def list_past(
    history: Iterable[PastRecord], manifest: Manifest, settings: ImportSettings
) -> tuple[PastRun, ...]:
    """Give those of the last runs that were over the same sources as this one, oldest first."""
    kept = frozenset(settings.thresholds)
    series = sorted({name_series(name, manifest.folder, kept) for name in settings.sources})
    names = [field.name for field in fields(PastRun)]
    same = [past for past in history if past.series == series]
    return tuple(
        PastRun(**{name: getattr(past, name) for name in names}) for past in same[-MOST_PAST:]
    )

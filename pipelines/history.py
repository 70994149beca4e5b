"""History: what the last runs over the same sources came to, read from the folder of the runs.

What thresholds compare with, and the trend of the page. Each SOURCE is a *series*: its place, with
digits taken as equal, so that exports/crm-2026-11-22.csv follows exports/crm-2026-11-21.csv.
"""

import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.defaults import LOCAL_APPLICATION
from pipelines.report.profile import PastRun, Profile, SourceProfile
from pipelines.report.summary import Breach, Summary
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.places import Place, S3Folder
from pipelines.storage.run_dir import RUN_ID

MOST_PAST = 30
"""Runs that history goes back."""
MOST_LOOKED_AT = 1000
"""Runs whose manifests are looked at: those written last. 0.1 ms each."""
MOST_LOOKED_AT_ON_S3 = 200
"""The same on S3, where each is a request: those that come last by name."""
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
    is_counted: bool
    """Whether it came to its end, and so tells what its sources usually are like."""
    sources: dict[str, SourceProfile]
    """What its sources came to, by series; empty where that is not known."""
    breaches: list[Breach]


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
    def series(self) -> set[str]:
        return {name_series(str(name), self.folder) for name in self.settings.get("sources", [])}

    @property
    def application(self) -> object:
        local = LOCAL_APPLICATION if self.settings.get("local") else None
        return self.settings.get("application_id") or local


def name_series(source: str, folder: str) -> str:
    """Give the series of a SOURCE: its place, and # for each number or date in it.

    >>> name_series("exports/crm-2026-11-22.csv", "/srv")
    '/srv/exports/crm-#.csv'
    >>> name_series("s3://bucket/part-00012.parquet", "/srv")
    's3://bucket/part-#.parquet'

    Args:
        source: As the user named it.
        folder: Where relative paths begin.
    """
    if source != "-" and "://" not in source:
        source = os.path.normpath(Path(folder) / source)
    return _NUMBER.sub("#", source)


def join_series(sources: Iterable[SourceProfile], folder: str) -> dict[str, SourceProfile]:
    """Join the sources of a run that are of one series: such as the parts of an export."""
    joined: dict[str, SourceProfile] = {}
    for source in sources:
        series = name_series(source.name, folder)
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
    this = _Noted.model_validate(manifest.model_dump())
    found = [
        noted
        for noted in _read_all(_Noted, settings.runs_dir, _list_latest(settings.runs_dir))
        if noted is not None and _is_before(noted, this, settings)
    ]
    latest = sorted(found, key=lambda noted: noted.started_at)[-MOST_PAST:]
    names = [noted.run_id for noted in latest]
    summaries = _read_all(Summary, settings.runs_dir, names, "summary.json")
    profiles = _read_all(Profile, settings.runs_dir, names, "profile.json")
    return [
        _record(noted, summary, profile)
        for noted, summary, profile in zip(latest, summaries, profiles, strict=True)
        if summary is not None and summary.corrects is None
    ]


def _is_before(past: _Noted, this: _Noted, settings: ImportSettings) -> bool:
    is_earlier = past.started_at <= this.started_at and past.run_id != this.run_id
    if not is_earlier or past.finished_at is None or past.settings.get("limit") is not None:
        return False
    if this.command != "check" and this.application:
        is_import = past.command == "run" and past.application == this.application
    else:
        is_import = True
    is_same_feed = past.settings.get("feed", "main") == settings.feed
    return is_import and is_same_feed and not past.series.isdisjoint(this.series)


def _record(noted: _Noted, summary: Summary, profile: Profile | None) -> PastRecord:
    sources = profile.sources if profile is not None else []
    return PastRecord(
        run_id=noted.run_id,
        started_at=noted.started_at,
        status=noted.status.value,
        rows=summary.rows,
        invalid=summary.invalid,
        accepted=summary.accepted,
        seconds=summary.seconds,
        series=sorted(noted.series),
        is_counted=noted.status in _FINISHED,
        sources=join_series(sources, noted.folder),
        breaches=[
            breach.model_copy(update={"source": name_series(breach.source, noted.folder)})
            if breach.source is not None
            else breach
            for breach in summary.breaches
        ],
    )


def _list_latest(runs_dir: Place) -> list[str]:
    """List the names of the runs that were probably the last ones."""
    if isinstance(runs_dir, S3Folder):
        from pipelines.storage.s3_store import S3Store  # boto3 takes a while

        names = filter(RUN_ID.fullmatch, S3Store(runs_dir).list_folders())
        return sorted(names, key=_by_number)[-MOST_LOOKED_AT_ON_S3:]
    written: list[tuple[float, str]] = []
    for manifest in runs_dir.glob("*/manifest.json"):
        try:
            written.append((manifest.stat().st_mtime, manifest.parent.name))
        except OSError:  # it is gone, or somebody else's
            continue
    return [name for _, name in sorted(written)[-MOST_LOOKED_AT:]]


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
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(store.read, [f"{name}/{file}" for name in names]))
    return [_parse(kind, None if object_ is None else object_.content) for object_ in found]


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


def list_past(history: Iterable[PastRecord], manifest: Manifest) -> tuple[PastRun, ...]:
    """Give those of the last runs that were over the same sources as this one, oldest first."""
    sources = manifest.settings["sources"]
    series = sorted({name_series(source, manifest.folder) for source in sources})
    return tuple(
        PastRun(
            run_id=past.run_id,
            started_at=past.started_at,
            status=past.status,
            rows=past.rows,
            invalid=past.invalid,
            accepted=past.accepted,
            seconds=past.seconds,
        )
        for past in history
        if past.series == series
    )

"""History: what the last runs over the same sources came to, read from the folder of the runs.

It is what thresholds compare with, and the trend of the page.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import AwareDatetime, BaseModel, ValidationError

from pipelines.defaults import LOCAL_APPLICATION
from pipelines.report.profile import PastRun, SourceProfile
from pipelines.report.summary import Breach, Summary
from pipelines.series import join_series, name_series
from pipelines.settings import ImportSettings
from pipelines.steps.thresholds import LAST_RUNS
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.past_runs import list_latest, read_files
from pipelines.storage.places import Place

MOST_PAST = 30
"""Runs that history goes back."""
MOST_LOOKED_AT = 1000
"""Runs whose manifests are looked at for that, the latest ones first: those written last, and on S3
those that come last by name."""
LOOKED_AT_AT_ONCE = 200
"""Manifests that are read before it is asked whether that is enough."""
FED_BACK = frozenset({"errors.csv", "held.csv", "unprocessed.csv"})
"""Files of a run that are fed back in: a part of its rows, of no use as history."""
_FINISHED = frozenset({RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_ERRORS})
_Record = TypeVar("_Record", bound=BaseModel)


class PastRecord(PastRun):
    """An earlier run over one of the sources or more."""

    series: list[str]
    """Of all of its sources."""
    sources: dict[str, SourceProfile]
    """What those came to, by series, that it is to be compared by: none of a run that did not come
    to its end, as that does not tell what is usual."""
    breaches: list[Breach]
    """Thresholds that it exceeded; `source` is a series."""
    is_mapped_alike: bool = True
    """Whether its mapping was that of the run that is compared with it."""


class _Sources(BaseModel):
    """What there is to know of a profile."""

    sources: list[SourceProfile]


class _Chosen(BaseModel):
    """What there is to know of settings; of other versions, too."""

    sources: list[str]
    feed: str = "main"
    limit: int | None = None
    application_id: str | None = None
    local: bool = False


class _Noted(BaseModel):
    """What there is to know of a manifest; of other versions, too."""

    run_id: str
    command: str
    status: RunStatus
    mapping: dict[str, Any] | None = None
    settings: _Chosen
    folder: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None

    @property
    def is_finished(self) -> bool:
        return self.status in _FINISHED

    @property
    def application(self) -> str | None:
        local = LOCAL_APPLICATION if self.settings.local else None
        return self.settings.application_id or local

    def series(self, kept: Collection[str]) -> set[str]:
        return {name_series(source, self.folder, kept) for source in self.settings.sources}


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
    this = _Noted.model_validate(manifest.model_dump(mode="json"))
    found = _find_past(this, runs_dir, kept)
    finished = [noted for noted in found if noted.is_finished][-MOST_PAST:]
    wanted = {noted.run_id for noted in finished + found[-MOST_PAST:]}
    latest = [noted for noted in found if noted.run_id in wanted]
    summaries = _read_all(Summary, runs_dir, [noted.run_id for noted in latest], "summary.json")
    names = [noted.run_id for noted in finished]
    profiles = dict(zip(names, _read_all(_Sources, runs_dir, names, "profile.json"), strict=True))
    records = [
        _record(noted, summary, profiles.get(noted.run_id), kept).model_copy(
            update={"is_mapped_alike": noted.mapping == this.mapping}
        )
        for noted, summary in zip(latest, summaries, strict=True)
        if summary is not None and summary.corrects is None
    ]
    _keep_last(records, this.series(kept))
    return records


def _find_past(this: _Noted, runs_dir: Place, kept: Collection[str]) -> list[_Noted]:
    """Find the earlier runs like this one, the latest ones at least, oldest first."""
    latest, found = list_latest(runs_dir, MOST_LOOKED_AT), list[_Noted]()
    for first in range(0, len(latest), LOOKED_AT_AT_ONCE):
        names = latest[first : first + LOOKED_AT_AT_ONCE]
        for name, noted in zip(
            names, _read_all(_Noted, runs_dir, names, "manifest.json"), strict=True
        ):
            # A copy of a run, under another name, is none.
            if noted is not None and noted.run_id == name and _is_past(noted, this, kept):
                found.append(noted)
        if sum(noted.is_finished for noted in found) >= MOST_PAST:
            break
    return sorted(found, key=lambda noted: noted.started_at)


def _is_past(past: _Noted, this: _Noted, kept: Collection[str]) -> bool:
    is_earlier = past.started_at <= this.started_at and past.run_id != this.run_id
    if not is_earlier or past.finished_at is None or past.settings.limit is not None:
        return False
    is_like = past.settings.feed == this.settings.feed
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


def _read_all(
    kind: type[_Record], runs_dir: Place, names: Sequence[str], file: str
) -> list[_Record | None]:
    return [_parse(kind, content) for content in read_files(runs_dir, names, file)]


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
    same = [past for past in history if past.series == series]
    known = set(PastRun.model_fields)
    return tuple(PastRun(**past.model_dump(include=known)) for past in same[-MOST_PAST:])

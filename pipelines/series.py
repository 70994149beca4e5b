"""Series: a SOURCE over time. Digits of its name are taken as equal: exports are often dated."""

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from pipelines.report.profile import SourceProfile

_NUMBER = re.compile(r"(?!3://)[0-9]+(?:[-_.:T]?[0-9]+)*")
"""A number, a date or a time; not that of s3://."""


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

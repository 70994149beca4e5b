"""Suggesting: from header names and a sample of values to a mapping, with how sure each line is."""

from collections import Counter
from collections.abc import Mapping as MappingType
from dataclasses import replace

import polars as pl

from pipelines.suggesting.assembling import Verdict, assemble, extend
from pipelines.suggesting.consent import read_consent, speaks_of_consent
from pipelines.suggesting.judging import judge_column
from pipelines.suggesting.preset_consent import find_unknown_words
from pipelines.suggesting.recognizing import (
    is_canonical,
    is_ignored,
    mentioned_columns,
    recognize,
)
from pipelines.suggesting.suggestion import SuggestedColumn, Suggestion
from pipelines.suggesting.values import Profile, profile_column
from pipelines.suggesting.words import Role, find_meaning, is_turned_round
from schemas.columns import READ_ONLY_COLUMNS, RESULT_COLUMNS, canonical_name
from schemas.mapping import Mapping

JUDGED_VALUES = 200_000
MOST_VALUES = 1000
FEWEST_VALUES = 20
"""Different values that are judged: of all columns together, of one at most and at least."""
MOST_COLUMNS = 2000
"""Columns that are looked at: a look takes some milliseconds."""


def suggest(
    header: list[str],
    sample: pl.DataFrame,
    presets: MappingType[str, Mapping],
    *,
    preset: str | None = None,
    default_country: str | None = None,
) -> Suggestion:
    """Suggest a mapping.

    Args:
        header: Column names as they stand in the source; they may repeat.
        sample: Its first records: as many columns of texts, in the order of the header.
        presets: All presets by name.
        preset: Name of the one to begin with; found out if None, and none if empty.
        default_country: Country of phone numbers in national form.

    Returns:
        A mapping that the model accepts, and what it makes of every column.
    """
    name = recognize(header, presets) if preset is None else preset or None
    base = presets[name] if name else None
    canonical = is_canonical(header)
    mentioned = mentioned_columns(base) if base is not None else {}
    looked_at = min(MOST_VALUES, max(FEWEST_VALUES, JUDGED_VALUES // max(len(header), 1)))
    counts = Counter(header)
    verdicts: list[Verdict] = []
    for position, text in enumerate(header):
        verdict: Verdict | None = _settle(text, base, mentioned, is_canonical=canonical)
        if verdict is None and counts[text] > 1:
            verdict = _open(text, "several columns have this name: rename them")
        if verdict is None and position >= MOST_COLUMNS:
            verdict = _open(text, f"is not looked at: it is behind the first {MOST_COLUMNS:,}")
        if verdict is None:
            profile = profile_column(sample.to_series(position), looked_at, default_country)
            verdict = _judge(text, profile)
        verdicts.append(verdict)
    if base is not None or canonical:
        extended = extend(base or Mapping.model_validate({}), name, verdicts)
        unknown = find_unknown_words(extended.mapping, header, sample)
        return replace(extended, warnings=(*extended.warnings, *unknown))
    return assemble(verdicts)


def _judge(header: str, profile: Profile) -> Verdict:
    meaning = find_meaning(header)
    role = meaning.role if meaning else None
    if role not in (Role.OPT_OUT, Role.OPT_IN):
        if not speaks_of_consent(profile):
            return judge_column(header, meaning, profile)
        role = Role.OPT_IN
    if is_turned_round(header):
        return _open(
            header, "looks like consent, but may be meant the other way round: see yourself"
        )
    read = read_consent(header, role, profile)
    return _open(header, read) if isinstance(read, str) else read


def _open(header: str, why: str) -> SuggestedColumn:
    return SuggestedColumn(header, None, None, why)


def _settle(
    header: str, base: Mapping | None, mentioned: dict[str, str], *, is_canonical: bool
) -> SuggestedColumn | None:
    """Decide on a column without a look at its values, where that can be."""
    plain = header.strip()
    if plain in READ_ONLY_COLUMNS or plain in RESULT_COLUMNS:
        return SuggestedColumn(header, None, "high", "is never imported")
    if is_canonical and (canonical := canonical_name(header)):
        return SuggestedColumn(header, canonical, "high", "Pinpoint's own name")
    if not plain:
        return _open(header, "has no name")
    if plain.casefold() in mentioned:
        return SuggestedColumn(header, mentioned[plain.casefold()], "high", "by the preset")
    if base is not None and is_ignored(header, base):
        return SuggestedColumn(header, None, "high", "the preset leaves it out")
    return None

"""Suggesting: from header names and a sample of values to a mapping, with how sure each line is."""

from collections import Counter
from collections.abc import Mapping as MappingType

import polars as pl

from pipelines.suggesting.assembling import assemble, extend
from pipelines.suggesting.consent import Consent, read_consent
from pipelines.suggesting.judging import judge_column
from pipelines.suggesting.recognizing import (
    is_canonical,
    is_ignored,
    mentioned_columns,
    recognize,
)
from pipelines.suggesting.suggestion import Candidate, SuggestedColumn, Suggestion
from pipelines.suggesting.values import profile_column
from pipelines.suggesting.words import Role, find_meaning
from schemas.columns import READ_ONLY_COLUMNS, RESULT_COLUMNS, canonical_name
from schemas.mapping import Mapping

JUDGED_VALUES = 200_000
MOST_VALUES = 1000
FEWEST_VALUES = 20
"""Different values that are judged: of all columns together, of one at most and at least."""

Verdict = Candidate | Consent | SuggestedColumn
"""What one column gives by itself: a rule, a word about consent, or what is already decided."""


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
    looked_at = min(MOST_VALUES, max(FEWEST_VALUES, JUDGED_VALUES // max(len(header), 1)))
    repeated = {text for text, count in Counter(header).items() if count > 1}
    verdicts: list[Verdict] = []
    for position, text in enumerate(header):
        settled = _settle(text, base, is_canonical=is_canonical(header), repeated=repeated)
        if settled is not None:
            verdicts.append(settled)
            continue
        profile = profile_column(sample.to_series(position), looked_at, default_country)
        meaning = find_meaning(text)
        if meaning is not None and meaning.role in (Role.OPT_OUT, Role.OPT_IN):
            read = read_consent(text, meaning.role, profile)
            verdicts.append(
                SuggestedColumn(text, None, None, read) if isinstance(read, str) else read
            )
        else:
            verdicts.append(judge_column(text, meaning, profile))
    if base is not None or is_canonical(header):
        return extend(base or Mapping(), name, verdicts)
    return assemble(verdicts)


def _settle(
    header: str, base: Mapping | None, *, is_canonical: bool, repeated: set[str]
) -> SuggestedColumn | None:
    """Decide on a column without a look at its values, where that can be."""
    plain = header.strip()
    if plain in READ_ONLY_COLUMNS or plain in RESULT_COLUMNS:
        return SuggestedColumn(header, None, "high", "is never imported")
    if is_canonical and (canonical := canonical_name(header)):
        return SuggestedColumn(header, canonical, "high", "Pinpoint's own name")
    if not plain:
        return SuggestedColumn(header, None, None, "has no name")
    if base is not None:
        becomes = mentioned_columns(base).get(plain.casefold())
        if becomes is not None:
            return SuggestedColumn(header, becomes, "high", "by the preset")
        if is_ignored(header, base):
            return SuggestedColumn(header, None, "high", "the preset leaves it out")
    if header in repeated:
        return SuggestedColumn(header, None, None, "several columns have this name: rename them")
    return None

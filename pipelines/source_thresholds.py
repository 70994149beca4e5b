"""Thresholds of single sources, as a settings file or a parameter of a deployment gives them."""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, field_validator

from pipelines.steps.guards import parse_threshold
from pipelines.steps.thresholds import Action, Limits, parse_change

if TYPE_CHECKING:
    from pipelines.settings import ImportSettings


class SourceThresholds(BaseModel):
    """Thresholds of one SOURCE; what is not set is as for all of them."""

    # A number of rows may be given as a number.
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, coerce_numbers_to_str=True
    )

    max_invalid: str | None = None
    """Share (5%) or number of its invalid rows above which nothing is sent."""
    warn_invalid: str | None = None
    """Share or number of its invalid rows above which the run warns."""
    max_row_change: str | None = None
    """How many rows more or fewer than the median of its last runs it may have."""
    on_row_change: Action | None = None
    """What happens if it has more or fewer."""
    on_empty_column: Action | None = None
    """What happens if a column that was full is empty."""
    on_lost_channel: Action | None = None
    """What happens if no endpoints of a channel are left."""

    @field_validator("max_invalid", "warn_invalid")
    @classmethod
    def _check_threshold(cls, value: str | None) -> str | None:
        if value is not None:
            parse_threshold(value)
        return value

    @field_validator("max_row_change")
    @classmethod
    def _check_change(cls, value: str | None) -> str | None:
        if value is not None:
            parse_change(value)
        return value


NAMES = tuple(SourceThresholds.model_fields)
"""Settings that a source may have of its own."""


def general_limits(settings: "ImportSettings") -> Limits:
    """Give the limits of all sources that have none of their own."""
    return Limits(**{name: getattr(settings, name) for name in NAMES})


def choose_limits(settings: "ImportSettings", source: str) -> Limits:
    """Give the limits of a source.

    Its own are those of the table of its very name, else of the first pattern that fits it.
    """
    tables = settings.thresholds
    fitting = [key for key in tables if fnmatchcase(source, key)]
    key = source if source in tables else next(iter(fitting), None)
    if key is None:
        return general_limits(settings)
    own = {name: value for name in NAMES if (value := getattr(tables[key], name)) is not None}
    return replace(general_limits(settings), **own, table=key, own=frozenset(own))


def drop_names(
    tables: Mapping[str, SourceThresholds], names: frozenset[str]
) -> dict[str, SourceThresholds]:
    """Leave names out of all tables: what was said on the command line holds for every source."""
    none = dict.fromkeys(names.intersection(NAMES))
    return {key: table.model_copy(update=none) for key, table in tables.items()}

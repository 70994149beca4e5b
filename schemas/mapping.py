"""Mapping: what the columns of somebody else's export mean, as a file that people write.

A closed set of rules, each of which becomes polars expressions (`pipelines.steps.map_columns`);
nothing in a mapping is ever evaluated as a program. `docs/mapping.md` explains every rule.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.columns import LIST_PREFIXES, METRICS, canonical_name
from schemas.row_keys import MOST_ENDPOINTS


class _Rule(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True
    )


Columns = Annotated[tuple[str, ...], Field(min_length=1)]


class Condition(_Rule):
    """Something that holds of a row, or does not; exactly one comparison."""

    column: str
    """Source column that is looked at."""
    equals: str | None = None
    """Its value is this text (case matters, surrounding spaces do not)."""
    not_equals: str | None = None
    """Its value is another text, or blank."""
    one_of: Columns | None = None
    """Its value is one of these texts."""
    none_of: Columns | None = None
    """Its value is none of these texts, or blank."""
    blank: bool | None = None
    """Whether it is blank."""
    contains: str | None = None
    """Its value holds this text."""
    starts_with: str | None = None
    """Its value begins with this text."""
    matches: str | None = None
    """Its value holds a match of this regular expression (Rust's syntax: no look-around)."""
    at_least: float | str | None = None
    """Its value is this number or more; of a text such as 2026-01-31, this date or a later one."""
    at_most: float | str | None = None
    """Its value is this number or less; of a text, this date or an earlier one."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        given = [name for name in type(self).model_fields if name != "column"]
        given = [name for name in given if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("a condition compares in exactly one way, such as `equals`")
        return self


class AnyOf(_Rule):
    """Holds if one of several conditions does."""

    any_of: Annotated[tuple[Condition, ...], Field(min_length=1)]
    """The conditions."""


Conditions = tuple[Condition | AnyOf, ...]
"""All of them have to hold."""


class ColumnRule(_Rule):
    """Where the value of one endpoint column comes from, and what is done to it, in this order."""

    source: Annotated[Columns | None, Field(alias="from")] = None
    """Source columns; the first one that is not blank is taken (see `collect`)."""
    template: str | None = None
    """Text with source columns in braces, such as "{First Name} {Last Name}"; blank if all of
    them are blank."""
    constant: str | None = None
    """The same value in every row."""
    collect: bool = False
    """Take the values of all source columns, not the first; for columns of several values."""
    split: str | None = None
    """Text between the values of a cell; for columns of several values."""
    trim: bool = True
    """Remove spaces around the value."""
    values: dict[str, str | None] | None = None
    """What becomes of known values, such as {"true": ALL}; null leaves the value out. Case and
    surrounding spaces do not matter."""
    otherwise: Literal["keep", "blank", "error"] = "keep"
    """What becomes of values that `values` does not name."""
    case: Literal["upper", "lower", "title"] | None = None
    """Letters of the value."""
    date_format: Columns | None = None
    """How the date is written (strftime, such as %d/%m/%Y %H:%M); the first form that fits counts.
    A value in none of them is an error."""
    timezone: str | None = None
    """Time zone of dates that name none (tz database); UTC if not given."""
    phone_region: str | None = None
    """Country for phone numbers in national form: a two-letter code, or {column} for a column that
    holds one. Only for Address."""
    default: str | None = None
    """Value where there is none after all that."""
    blank: Literal["leave", "clear"] = "leave"
    """What a blank cell means: leave what the service has, or clear it there."""

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, given: Any) -> Any:
        """Take `Column: Name` for `Column: {from: Name}`, and one name for a list of one."""
        if isinstance(given, str):
            return {"from": (given,)}
        if isinstance(given, list):
            return {"from": tuple(given)}
        if isinstance(given, dict):
            lists = {"from", "source", "date_format"}
            return {
                key: (value,) if key in lists and isinstance(value, str) else value
                for key, value in given.items()
            }
        return given

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        origins = [self.source, self.template, self.constant]
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("give exactly one of `from`, `template` and `constant`")
        return self


class EndpointRule(_Rule):
    """One endpoint that a row may give; it gives none where the Address is blank."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
    """What reports call it, such as email or mobile."""
    columns: dict[str, ColumnRule]
    """Endpoint columns that only this endpoint has, or has otherwise than the others."""
    where: Conditions = ()
    """Rows that give this endpoint."""


class Mapping(_Rule):
    """What the columns of an export mean."""

    description: str | None = None
    """For people."""
    header: Columns | None = None
    """Names of the columns of a file without a header (--no-header)."""
    columns: dict[str, ColumnRule] = {}
    """Endpoint columns, by Pinpoint's names (`Address`, `Attributes.<name>`, ...), that all
    endpoints of a row have."""
    endpoints: Annotated[tuple[EndpointRule, ...], Field(max_length=MOST_ENDPOINTS)] = ()
    """Endpoints of a row, if they are several or have conditions; none for just one."""
    where: Conditions = ()
    """Rows to take; the others are left out and counted."""
    ignore: tuple[str, ...] = ()
    """Source columns that are left out on purpose; * stands for any text."""
    keep_canonical: bool = True
    """Take source columns that have Pinpoint's own names and no rule here as what they are."""

    @field_validator("columns", "endpoints")
    @classmethod
    def _check_targets(cls, value: Any) -> Any:
        tables = [value] if isinstance(value, dict) else [rule.columns for rule in value]
        for table in tables:
            for target, rule in table.items():
                _check_target(target, rule)
        return value

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [rule.name for rule in self.endpoints]
        if len(set(names)) != len(names):
            raise ValueError("two endpoints have one name")
        return self


def _check_target(target: str, rule: ColumnRule) -> None:
    if canonical_name(target) != target:
        meant = canonical_name(target)
        hint = f"write {meant}" if meant else "use a Pinpoint column such as Attributes.<name>"
        raise ValueError(f"{target!r} is no column of an endpoint: {hint}")
    takes_several = target.startswith(LIST_PREFIXES)
    if (rule.split is not None or rule.collect) and not takes_several:
        raise ValueError(f"{target} holds one value: `split` and `collect` do not apply")
    if rule.phone_region is not None and target != "Address":
        raise ValueError(f"`phone_region` is for Address, not for {target}")
    uncleared = {"Id", "ChannelType", "Address", "EndpointStatus", "OptOut", "EffectiveDate"}
    if rule.blank == "clear" and (target in uncleared or target.startswith(METRICS)):
        raise ValueError(f"{target} cannot be cleared")

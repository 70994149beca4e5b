"""Mapping conditions: what may be asked of a row."""

from math import isfinite
from typing import Annotated, Any, Self

from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.mapping_parts import Bound, MappingPart, RuleError, Text, Texts
from schemas.mapping_text import NUMBER, check_pattern, is_iso_date

_BLANK_IN_LIST = {
    "one_of": "is blank, and no text is: take it out, and ask for it with `any_of`, in which a "
    "condition `blank: true` stands beside this one",
    "none_of": "is blank, and no text is: take it out, and ask for it with a condition of its own, "
    "`blank: false`",
}


class Condition(MappingPart):
    """Something that holds of a row, or does not; exactly one comparison."""

    column: Text
    """Source column that is looked at."""
    equals: Text | None = None
    """Its value is this text (case matters, surrounding spaces do not)."""
    not_equals: Text | None = None
    """Its value is another text, or blank."""
    one_of: Texts | None = None
    """Its value is one of these texts."""
    none_of: Texts | None = None
    """Its value is none of these texts, or blank."""
    blank: bool | None = None
    """Whether it is blank."""
    contains: Text | None = None
    """Its value holds this text."""
    starts_with: Text | None = None
    """Its value begins with this text."""
    matches: Text | None = None
    """Its value holds a match of this regular expression (Rust's syntax: no look-around)."""
    at_least: Bound | None = None
    """Its value is this number or more; or, for a bound such as 2026-01-31, this date or a later
    one. A value that is no number, or no date in ISO 8601, does not hold."""
    at_most: Bound | None = None
    """Its value is this number or less, or this date or an earlier one."""
    optional: bool = False
    """Take the value for blank where a file has no such column, which is an error otherwise."""

    @field_validator("equals", "not_equals", "contains", "starts_with")
    @classmethod
    def _check_text(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is blank; ask with `blank: true` or `blank: false`")
        return value

    @field_validator("one_of", "none_of")
    @classmethod
    def _check_texts(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> Any:
        for place, text in enumerate(value or ()):
            if not text.strip():
                raise RuleError(_BLANK_IN_LIST[info.field_name or ""], place)
        return value

    @field_validator("matches")
    @classmethod
    def _check_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            check_pattern(value)
        return value

    @field_validator("at_least", "at_most", mode="before")
    @classmethod
    def _read_bound(cls, value: Any) -> Any:
        if isinstance(value, str):
            if NUMBER.fullmatch(value.strip()):
                if not isfinite(number := float(value)):
                    raise ValueError("is too large a number")
                return number
            if not is_iso_date(value.strip()):
                raise ValueError("is neither a number nor a date such as 2026-01-31")
            return value.strip()
        return value

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        given = [name for name in type(self).model_fields if name not in ("column", "optional")]
        given = [name for name in given if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("compare in exactly one way, such as `equals`")
        return self


class AnyOf(MappingPart):
    """Holds if one of several conditions does."""

    any_of: Annotated[tuple[Condition, ...], Field(min_length=1)]
    """The conditions."""


def _kind_of_condition(given: Any) -> str:
    has_several = "any_of" in given if isinstance(given, dict) else isinstance(given, AnyOf)
    return "any_of" if has_several else "condition"


Conditions = tuple[
    Annotated[
        Annotated[Condition, Tag("condition")] | Annotated[AnyOf, Tag("any_of")],
        Discriminator(_kind_of_condition),
    ],
    ...,
]
"""All of them have to hold."""

"""Mapping: what the columns of somebody else's export mean, as a file that people write.

A closed set of rules, each of which becomes polars expressions (`pipelines.steps.map_columns`);
nothing in a mapping is ever evaluated as a program. `docs/mapping.md` explains every rule.
"""

from collections.abc import Mapping as Table
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.codes import country_codes, timezones
from schemas.columns import (
    LIST_PREFIXES,
    METRICS,
    SCALAR_COLUMNS,
    attribute_name,
    canonical_name,
)
from schemas.limits import ATTRIBUTE_NAME_CHARACTERS
from schemas.mapping_text import (
    NUMBER,
    check_date_format,
    check_pattern,
    is_iso_date,
    parse_template,
)
from schemas.row_keys import MOST_ENDPOINTS

NEVER_CLEARED = frozenset(
    {
        *("Id", "ChannelType", "Address", "EndpointStatus", "OptOut", "EffectiveDate"),
        *("RequestId", "Location.Latitude", "Location.Longitude"),
    }
)
"""Columns of which the service cannot be told that they are to be empty; nor can metrics."""


class RuleError(ValueError):
    """A rule that cannot work."""

    def __init__(self, message: str, *path: str | int) -> None:
        """Keep where it stands, from the value on that is being checked."""
        super().__init__(message)
        self.path = path


class _Rule(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True
    )


def _as_list(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


_SCALAR = {"type": ["string", "number", "boolean"]}
_SCALARS = {"type": "array", "items": _SCALAR}
Text = Annotated[str, WithJsonSchema(_SCALAR)]
"""A text; in a file it may look like a number or a yes."""
Texts = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_SCALAR, {**_SCALARS, "minItems": 1}]}),
]
"""Texts; one of them may stand without a list around it."""
Bound = Annotated[float | str, WithJsonSchema(_SCALAR)]


class Condition(_Rule):
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

    @field_validator("equals", "not_equals", "contains", "starts_with")
    @classmethod
    def _check_text(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is blank; ask with `blank: true` or `blank: false`")
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
                return float(value)
            if not is_iso_date(value.strip()):
                raise ValueError("is neither a number nor a date such as 2026-01-31")
            return value.strip()
        return value

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        given = [name for name in type(self).model_fields if name != "column"]
        given = [name for name in given if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("compare in exactly one way, such as `equals`")
        return self


class AnyOf(_Rule):
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


class ColumnRule(_Rule):
    """Where the value of one endpoint column comes from, and what is done to it, in this order."""

    source: Annotated[Texts | None, Field(alias="from")] = None
    """Source columns; the first one that is not blank is taken (see `collect`)."""
    template: Text | None = None
    """Text with source columns in braces, such as "{First Name} {Last Name}"; blank if all of
    them are blank."""
    constant: Text | None = None
    """The same value in every row."""
    optional: bool = False
    """Whether a file may lack these source columns; they then count as blank."""
    collect: bool = False
    """Take the values of all source columns, not the first; for columns of several values."""
    split: Annotated[Text | None, Field(min_length=1)] = None
    """Text between the values of a cell; for columns of several values."""
    trim: bool = True
    """Remove the spaces around the values of source columns, and all but one between the parts of
    a template."""
    values: dict[str, Text | None] | None = None
    """What becomes of known values, such as {"true": ALL}; null makes the value blank. Case and
    surrounding spaces do not matter."""
    otherwise: Literal["keep", "blank", "error"] = "keep"
    """What becomes of values that `values` does not name."""
    case: Literal["upper", "lower", "title"] | None = None
    """Letters of the value."""
    date_format: Texts | None = None
    """How the date is written (strftime, such as %d/%m/%Y %H:%M); the first form that fits counts.
    A value in none of them is an error."""
    timezone: Text | None = None
    """Time zone of dates that name none (tz database); UTC if not given."""
    phone_region: Text | None = None
    """Country for phone numbers in national form: a two-letter code, or {column} for a column that
    holds one. Only for Address."""
    default: Text | None = None
    """Value where there is none after all that."""
    blank: Literal["leave", "clear"] = "leave"
    """What no value means: leave what the service has, or clear it there."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Source columns that the value is made of, in the order in which they stand here."""
        if self.template is not None:
            return tuple(part.text for part in parse_template(self.template) if part.is_column)
        return self.source or ()

    @property
    def region_column(self) -> str | None:
        """Source column that holds the country of a phone number."""
        if self.phone_region is None or not self.phone_region.startswith("{"):
            return None
        return self.phone_region[1:-1]

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, given: Any) -> Any:
        """Take `Column: Name` for `Column: {from: Name}`."""
        return {"from": given} if isinstance(given, str | list | tuple) else given

    @field_validator("template")
    @classmethod
    def _check_template(cls, value: str | None) -> str | None:
        if value is not None:
            parse_template(value)
        return value

    @field_validator("date_format")
    @classmethod
    def _check_date_format(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for date_format in value or ():
            check_date_format(date_format)
        return value

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str | None) -> str | None:
        if value is not None and value not in timezones():
            raise ValueError("is no name of the tz database, such as Europe/Berlin")
        return value

    @field_validator("phone_region")
    @classmethod
    def _check_region(cls, value: str | None) -> str | None:
        if value is None or (value.startswith("{") and value.endswith("}") and len(value) > 2):
            return value
        if value.upper() not in country_codes():
            raise ValueError("is neither a two-letter code such as US nor a {column}")
        return value.upper()

    @field_validator("values")
    @classmethod
    def _check_values(cls, value: dict[str, str | None] | None) -> dict[str, str | None] | None:
        seen: set[str] = set()
        for known in value or ():
            folded = known.strip().lower()
            if not folded:
                raise RuleError("a blank value is for `default` to fill", known)
            if folded in seen:
                raise RuleError("is named twice, as case does not matter", known)
            seen.add(folded)
        return value

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        origins = [self.source, self.template, self.constant]
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("give exactly one of `from`, `template` and `constant`")
        if self.otherwise != "keep" and self.values is None:
            raise RuleError("is about values that `values` does not name: give those", "otherwise")
        if self.blank == "clear" and self.default is not None:
            raise RuleError("there is always a value, by `default`: leave one of the two", "blank")
        return self


class _ShortForms:
    """Tells editors of the short forms of a column rule."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [_SCALAR, _SCALARS, handler(core)]}


ColumnRules = dict[str, Annotated[ColumnRule, _ShortForms()]]


class EndpointRule(_Rule):
    """One endpoint that a row may give; it gives none where the Address is blank."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
    """What reports call it, such as email or mobile."""
    columns: ColumnRules
    """Endpoint columns that only this endpoint has, or has otherwise than the others."""
    where: Conditions = ()
    """Rows that give this endpoint."""

    @field_validator("columns")
    @classmethod
    def _check_targets(cls, value: dict[str, ColumnRule]) -> dict[str, ColumnRule]:
        return _check_targets(value)


class Mapping(_Rule):
    """What the columns of an export mean."""

    description: Text | None = None
    """For people."""
    header: Texts | None = None
    """Names of the columns of a file without a header (--no-header)."""
    columns: ColumnRules = {}
    """Endpoint columns, by Pinpoint's names (`Address`, `Attributes.<name>`, ...), that all
    endpoints of a row have."""
    endpoints: Annotated[tuple[EndpointRule, ...], Field(max_length=MOST_ENDPOINTS)] = ()
    """Endpoints of a row, if they are several or have conditions; none for just one."""
    where: Conditions = ()
    """Rows to take; the others are left out and counted."""
    ignore: Annotated[
        tuple[str, ...],
        BeforeValidator(_as_list),
        WithJsonSchema({"anyOf": [_SCALAR, _SCALARS]}),
    ] = ()
    """Source columns that are left out on purpose; * stands for any text."""
    keep_canonical: bool = True
    """Take source columns that have Pinpoint's own names and no rule here as what they are."""

    @field_validator("columns")
    @classmethod
    def _check_targets(cls, value: dict[str, ColumnRule]) -> dict[str, ColumnRule]:
        return _check_targets(value)

    @model_validator(mode="after")
    def _check_endpoints(self) -> Self:
        names: set[str] = set()
        ids: list[ColumnRule] = []
        for place, endpoint in enumerate(self.endpoints):
            if endpoint.name in names:
                raise RuleError("two endpoints have this name", "endpoints", place, "name")
            names.add(endpoint.name)
            own_id = endpoint.columns.get("Id")
            if own_id is not None and own_id in ids:
                raise RuleError(_SAME_ID, "endpoints", place, "columns", "Id")
            ids += [own_id] if own_id is not None else []
        if len(self.endpoints) > 1 and "Id" in self.columns:
            raise RuleError(_SAME_ID, "columns", "Id")
        return self

    @property
    def all_rules(self) -> tuple[tuple[str, ColumnRule], ...]:
        """Every rule with its endpoint column, those of all endpoints first."""
        tables = [self.columns, *(endpoint.columns for endpoint in self.endpoints)]
        return tuple(rule for table in tables for rule in table.items())

    @property
    def all_conditions(self) -> tuple[Condition, ...]:
        """Every condition."""
        given = [*self.where, *(c for endpoint in self.endpoints for c in endpoint.where)]
        parts = [c.any_of if isinstance(c, AnyOf) else (c,) for c in given]
        return tuple(condition for part in parts for condition in part)


_SAME_ID = (
    "several endpoints of a row would have one Id, and be one endpoint: leave Id out to get one "
    'made from channel and address, or give each its own, such as {template: "{Contact ID}-sms"}'
)


def _check_targets(rules: dict[str, ColumnRule]) -> dict[str, ColumnRule]:
    for target, rule in rules.items():
        _check_name(target)
        _check_target(target, rule)
    return rules


def _check_name(target: str) -> None:
    meant = canonical_name(target)
    if meant != target:
        known = f"write {meant}" if meant else "use a Pinpoint column such as Attributes.<name>"
        raise RuleError(f"is no column of an endpoint: {known}", target)
    longest = ATTRIBUTE_NAME_CHARACTERS.value
    if target not in SCALAR_COLUMNS and len(attribute_name(target) or "") > longest:
        raise RuleError(f"a name has {longest} characters at the most: shorten it", target)


def _check_target(target: str, rule: ColumnRule) -> None:
    faults: Table[str, bool] = {
        "split": rule.split is not None and not target.startswith(LIST_PREFIXES),
        "collect": rule.collect and not target.startswith(LIST_PREFIXES),
        "phone_region": rule.phone_region is not None and target != "Address",
        "blank": rule.blank == "clear" and (target in NEVER_CLEARED or target.startswith(METRICS)),
    }
    reasons = {
        "split": f"{target} holds one value; only attributes hold several",
        "collect": f"{target} holds one value; only attributes hold several",
        "phone_region": f"is for Address, not for {target}",
        "blank": f"{target} cannot be cleared: the service keeps a value once it has one",
    }
    for name, is_fault in faults.items():
        if is_fault:
            raise RuleError(reasons[name], target, name)

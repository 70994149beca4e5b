"""Mapping rules: where the value of one endpoint column comes from."""

from typing import Annotated, Any, Literal, Self
from unicodedata import normalize

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.codes import country_codes, timezones
from schemas.mapping_parts import SCALAR, SCALARS, MappingPart, RuleError, Text, Texts
from schemas.mapping_text import check_date_format, parse_template


class ColumnRule(MappingPart):
    """Where the value of one endpoint column comes from, and what is done to it, in this order."""

    source: Annotated[Texts | None, Field(alias="from")] = None
    """Source columns; the first one that is not blank is taken (see `collect`). Of OptOut all of
    them are judged, and ALL wins."""
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
            folded = normalize("NFC", known).strip().lower()
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
        return {"anyOf": [SCALAR, SCALARS, handler(core)]}


ColumnRules = dict[str, Annotated[ColumnRule, _ShortForms()]]

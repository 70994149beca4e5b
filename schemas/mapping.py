"""Mapping: what the columns of somebody else's export mean, as a file that people write.

A closed set of rules, each of which becomes polars expressions (`pipelines.steps.map_columns`);
nothing in a mapping is ever evaluated as a program. `docs/mapping.md` explains every rule.
"""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from schemas.columns import (
    LIST_PREFIXES,
    METRICS,
    SCALAR_COLUMNS,
    attribute_name,
    canonical_name,
    near_name,
)
from schemas.limits import ATTRIBUTE_NAME_CHARACTERS
from schemas.mapping_conditions import AnyOf, Condition, Conditions
from schemas.mapping_parts import SCALAR, SCALARS, MappingPart, RuleError, Text, Texts, as_list
from schemas.mapping_rules import ColumnRule, ColumnRules
from schemas.row_keys import MOST_ENDPOINTS

__all__ = ["AnyOf", "ColumnRule", "Condition", "EndpointRule", "Mapping", "RuleError"]

NEVER_CLEARED = frozenset(
    {
        *("Id", "ChannelType", "Address", "EndpointStatus", "OptOut", "EffectiveDate"),
        *("RequestId", "Location.Latitude", "Location.Longitude"),
    }
)
"""Columns of which the service cannot be told that they are to be empty; nor can metrics."""


class EndpointRule(MappingPart):
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


class Mapping(MappingPart):
    """What the columns of an export mean."""

    description: Text | None = None
    """For people."""
    header: Texts | None = None
    """Names of the columns of a file without a header (--no-header)."""
    columns: Annotated[ColumnRules, Field(default_factory=dict)]
    """Endpoint columns, by Pinpoint's names (`Address`, `Attributes.<name>`, ...), that all
    endpoints of a row have."""
    endpoints: Annotated[tuple[EndpointRule, ...], Field(max_length=MOST_ENDPOINTS)] = ()
    """Endpoints of a row, if they are several or have conditions; none for just one."""
    where: Conditions = ()
    """Rows to take; the others are left out and counted."""
    ignore: Annotated[
        tuple[str, ...],
        BeforeValidator(as_list),
        WithJsonSchema({"anyOf": [SCALAR, SCALARS]}),
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

    def as_written(self) -> dict[str, Any]:
        """Give it as a file would hold it."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @property
    def all_rules(self) -> tuple[tuple[str, ColumnRule], ...]:
        """Every rule with its endpoint column, those of all endpoints first."""
        tables = [self.columns, *(endpoint.columns for endpoint in self.endpoints)]
        return tuple(rule for table in tables for rule in table.items())

    def stating(self, column: str, word: str) -> frozenset[int]:
        """Give the numbers of the endpoints whose column comes from columns of the source.

        A word that the mapping itself puts in where those are blank is not theirs.

        Args:
            column: An endpoint column, such as OptOut.
            word: The word that is asked about, such as NONE.
        """
        tables = [endpoint.columns for endpoint in self.endpoints] or [{}]
        rules = (table.get(column, self.columns.get(column)) for table in tables)
        return frozenset(
            number
            for number, rule in enumerate(rules)
            if rule is not None and rule.columns and (rule.default or "").upper() != word
        )

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
        if meant is None and (near := near_name(target)) is not None:
            known = f"{near} is near it, or use Attributes.<name>"
        raise RuleError(f"is no column of an endpoint: {known}", target)
    longest = ATTRIBUTE_NAME_CHARACTERS.value
    if target not in SCALAR_COLUMNS and len(attribute_name(target) or "") > longest:
        raise RuleError(f"a name has {longest} characters at the most: shorten it", target)


def _check_target(target: str, rule: ColumnRule) -> None:
    faults: dict[str, bool] = {
        "split": rule.split is not None and not target.startswith(LIST_PREFIXES),
        "collect": rule.collect and not target.startswith(LIST_PREFIXES),
        "phone_region": rule.phone_region is not None and target != "Address",
        "case": rule.case is not None and target == "OptOut",
        "blank": rule.blank == "clear" and (target in NEVER_CLEARED or target.startswith(METRICS)),
    }
    reasons = {
        "split": f"{target} holds one value; only attributes hold several",
        "collect": f"{target} holds one value; only attributes hold several",
        "phone_region": f"is for Address, not for {target}",
        "case": "would make NONE, a consent, of the None that programs write for nothing: name the "
        "words under `values`",
        "blank": f"{target} cannot be cleared: the service keeps a value once it has one",
    }
    for name, is_fault in faults.items():
        if is_fault:
            raise RuleError(reasons[name], target, name)

"""Map columns: from a source's header to Pinpoint's own column names.

A staged partition has its columns by position (`c0`, `c1`, ...), as a header may repeat. A header
that is repeated gives one column of lists. A mapping says what columns of other names mean; with
one, a record may give several endpoints.
"""

from dataclasses import dataclass, field

import polars as pl

from pipelines.steps.column_rules import apply_rule
from pipelines.steps.conditions import explain_without, hold
from pipelines.steps.result import FOUND_SCHEMA, join_issues
from pipelines.steps.source_columns import SourceColumns
from pipelines.steps.unfilled import find_unfilled
from schemas import issues, limits
from schemas.columns import (
    CLEAR,
    LIST_PREFIXES,
    NAMED_PREFIXES,
    PHONE_REGION,
    READ_ONLY_COLUMNS,
    RESULT_COLUMNS,
    attribute_name,
    canonical_name,
)
from schemas.mapping import ColumnRule, EndpointRule, Mapping
from schemas.mapping_text import fits_glob
from schemas.row_keys import endpoint_of, row_of

DISCOURAGED_CHARACTERS = frozenset("#:?\\/")
"""The service's console cannot show names with these (API reference, EndpointRequest)."""
NEEDED = ("Id", "ChannelType", "Address")
"""Columns that every mapped frame has."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What mapping gives."""

    frame: pl.DataFrame
    """Endpoints: `row_key`, endpoint columns and helper columns (`schemas.columns`)."""
    issues: pl.DataFrame
    """Errors, in the shape of `FOUND_SCHEMA`. Those of an endpoint concern rows of the frame, which
    stay in it; that of a record without an endpoint has the record's own key."""
    left_out: pl.DataFrame
    """`row_key` of the records that the mapping's `where` leaves out."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Which positions of a header become which endpoint column."""

    positions: dict[str, tuple[int, ...]]
    """Canonical column -> positions in the header, from 0, in the order of the header."""
    unmapped: tuple[str, ...]
    """Headers that mean no endpoint column: warned of, not imported."""
    repeated: tuple[str, ...]
    """Columns of a single value that stand in the header more than once and must not."""
    mapping: Mapping | None = field(default=None, repr=False)
    """Rules for the other columns."""
    source: SourceColumns = field(default=SourceColumns(()), repr=False, compare=False)
    """The columns that rules are about."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Columns that endpoints may have."""
        rules = self.mapping.all_rules if self.mapping is not None else ()
        return tuple(dict.fromkeys([*self.positions, *(target for target, _ in rules)]))

    @property
    def names(self) -> tuple[str, ...]:
        """Attribute, metric and user attribute columns."""
        return tuple(c for c in self.targets if c.startswith(NAMED_PREFIXES))

    @property
    def endpoints(self) -> tuple[EndpointRule | None, ...]:
        """The endpoints that a record may give; None for the one without rules of its own."""
        return (self.mapping.endpoints if self.mapping is not None else ()) or (None,)

    @property
    def missing(self) -> tuple[str, ...]:
        """Source columns that rules need and the header lacks."""
        if self.mapping is None:
            return ()
        needed = [c.column for c in self.mapping.all_conditions if not c.optional]
        for _, rule in self.mapping.all_rules:
            needed += () if rule.optional else rule.columns
            needed += [rule.region_column] if rule.region_column and not rule.optional else []
        return tuple(dict.fromkeys(name for name in needed if not self.source.find(name)))

    @property
    def missing_consent(self) -> tuple[tuple[str, ...], ...]:
        """Source columns of opt-outs that the header lacks, where it may."""
        rules = self.mapping.all_rules if self.mapping is not None else ()
        wanted = [rule.columns for target, rule in rules if target == "OptOut" and rule.columns]
        return tuple(dict.fromkeys(names for names in wanted if not self.source.find_all(names)))

    def rules_of(self, number: int) -> dict[str, ColumnRule]:
        """Give the rules of one of the endpoints, those of all included."""
        endpoint = self.endpoints[number]
        shared = self.mapping.columns if self.mapping is not None else {}
        return {**shared, **(endpoint.columns if endpoint is not None else {})}

    def has(self, target: str) -> bool:
        """Say whether a column has a rule or a source column for every endpoint.

        Where source columns are optional, those of one endpoint have to be there.
        """
        if target in self.positions:
            return True
        rules = [self.rules_of(number).get(target) for number in range(len(self.endpoints))]
        return all(rule is not None for rule in rules) and any(
            rule is not None and self._gives(rule) for rule in rules
        )

    def _gives(self, rule: ColumnRule) -> bool:
        is_fixed = rule.constant is not None or rule.default is not None
        return is_fixed or bool(self.source.find_all(rule.columns))

    def labels(self) -> dict[tuple[int, str], str]:
        """Say of which source columns each endpoint's columns are made, where names differ.

        Returns:
            Number of the endpoint within its record and endpoint column -> the headers.
        """
        labels: dict[tuple[int, str], str] = {}
        for number in range(len(self.endpoints)):
            rules = self.rules_of(number).items()
            ruled = {target: self.source.find_all(rule.columns) for target, rule in rules}
            for target, places in {**self.positions, **ruled}.items():
                names = dict.fromkeys(self.source.header[place].strip() for place in places)
                if names and list(names) != [target]:
                    labels[number, target] = ", ".join(names)
        return labels


def plan_columns(header: list[str], mapping: Mapping | None = None) -> ColumnPlan:
    """Decide what each column of a header is.

    >>> plan_columns(["Id", "Attributes.Likes", "Attributes.Likes", "Note"])
    ColumnPlan(positions={'Id': (0,), 'Attributes.Likes': (1, 2)}, unmapped=('Note',), repeated=())
    """
    source = SourceColumns(tuple(header))
    used = _used_places(mapping, source)
    places: dict[str, list[int]] = {}
    unmapped = []
    for position, name in enumerate(header):
        if _is_ignored(name, mapping):
            continue
        canonical = canonical_name(name)
        if canonical is not None and _keeps(canonical, mapping):
            places.setdefault(canonical, []).append(position)
        elif (
            position not in used
            and name.strip() not in READ_ONLY_COLUMNS
            and name.strip() not in RESULT_COLUMNS
        ):
            unmapped.append(name)
    positions = {column: tuple(found) for column, found in places.items()}
    repeated = tuple(
        column
        for column, found in positions.items()
        if len(found) > 1 and not column.startswith(LIST_PREFIXES)
    )
    # Of two columns that say who opted out, one must not hide the other.
    repeated += tuple(
        name
        for target, rule in (mapping.all_rules if mapping is not None else ())
        for name in rule.columns
        if target == "OptOut" and len(source.find(name)) > 1
    )
    return ColumnPlan(positions, tuple(unmapped), repeated, mapping, source)


def _used_places(mapping: Mapping | None, source: SourceColumns) -> frozenset[int]:
    if mapping is None:
        return frozenset()
    names = [condition.column for condition in mapping.all_conditions]
    for _, rule in mapping.all_rules:
        names += [*rule.columns, *([rule.region_column] if rule.region_column else [])]
    return frozenset(source.find_all(names))


def _is_ignored(name: str, mapping: Mapping | None) -> bool:
    return mapping is not None and any(fits_glob(name, glob) for glob in mapping.ignore)


def _keeps(canonical: str, mapping: Mapping | None) -> bool:
    """Say whether a source column of a canonical name is taken as what it is."""
    if mapping is None:
        return True
    if not mapping.keep_canonical or canonical in mapping.columns:
        return False
    if canonical == "Id" and len(mapping.endpoints) > 1:  # all of them would be one endpoint
        return False
    own = [canonical in endpoint.columns for endpoint in mapping.endpoints]
    return not own or not all(own)


def check_header(plan: ColumnPlan) -> pl.DataFrame:
    """Find the warnings that concern whole columns; their `row_key` is null."""
    rows: list[tuple[None, str, str, str | None]] = [
        (None, name, issues.COLUMN_UNMAPPED.code, name) for name in plan.unmapped
    ]
    rows += [
        (None, column, issues.NAME_DISCOURAGED.code, attribute_name(column))
        for column in plan.names
        if DISCOURAGED_CHARACTERS & set(attribute_name(column) or "")
    ]
    rows += [
        (None, "OptOut", issues.OPT_OUT_COLUMN_MISSING.code, ", ".join(columns))
        for columns in plan.missing_consent
    ]
    return pl.DataFrame(rows, schema=FOUND_SCHEMA, orient="row")


def name_source_columns(found: pl.DataFrame, plan: ColumnPlan) -> pl.Series:
    """Give the names by which the owner of a source knows the columns of issues.

    Args:
        found: Issues in the shape of `FOUND_SCHEMA`.
        plan: The plan of their source.
    """
    labels = plan.labels()
    addresses = dict.fromkeys(labels[place] for place in labels if place[1] == "Address")
    rows = [(number, column, name) for (number, column), name in labels.items()]
    schema = {"endpoint": pl.Int64, "column": pl.String, "name": pl.String}
    names = found.join(
        pl.DataFrame(rows, schema, orient="row"),
        left_on=[endpoint_of(pl.col("row_key")), "column"],
        right_on=["endpoint", "column"],
        how="left",
        maintain_order="left",
    ).select(pl.coalesce("name", "column").alias("column"))["column"]
    is_named = found["code"] == issues.NO_ENDPOINT.code  # by the source's own name for it
    names = names.zip_with(~is_named, found["column"])
    # A record that gave no endpoint lacks every address that it could have had.
    is_without = (found["code"] == issues.ADDRESS_MISSING.code) & bool(addresses)
    return pl.select(
        pl.when(is_without).then(pl.lit(", ".join(addresses))).otherwise(names).alias("column")
    ).to_series()


def excess_columns(names_in_use: list[str]) -> list[str]:
    """Give the open-ended columns beyond the service's limit of names, in the order given.

    Counts distinct columns: the same name among Attributes and Metrics counts twice, as the service
    keeps them apart. Only columns with a value somewhere in the run should be passed in.
    """
    return list(dict.fromkeys(names_in_use))[limits.ATTRIBUTE_NAMES.value :]


def map_columns(frame: pl.DataFrame, plan: ColumnPlan) -> Mapped:
    """Make endpoints of a staged partition's records, with Pinpoint's columns.

    Without a mapping, columns are renamed: repeated ones become lists, unmapped ones go. With one,
    every record is left out, or gives endpoints, or has an error of its own.

    Args:
        frame: `row_key` (of each record's first endpoint) and `c<position>` columns of text or
            lists of text.
        plan: The plan of this frame's header.

    Returns:
        Endpoints in the order of their keys; Id, ChannelType and Address always exist.
    """
    mapping = plan.mapping
    if mapping is None:
        return Mapped(_add_needed(_rename(frame, plan)), join_issues([]), _keys(frame.clear()))
    left_out = _keys(frame.clear())
    if mapping.where:
        taken = hold(frame, mapping.where, plan.source) | find_unfilled(frame, plan.source)
        left_out = _keys(frame.filter(~taken))
        frame = frame.filter(taken)
    shared = _rule_columns(_rename(frame, plan), frame, mapping.columns, plan)
    if not mapping.endpoints:
        return Mapped(_add_needed(shared.frame), shared.issues, left_out)
    given = [
        _make_endpoint(number, endpoint, frame, shared, plan)
        for number, endpoint in enumerate(mapping.endpoints)
    ]
    endpoints = _concat([part.frame for part in given])
    without = frame.join(
        endpoints.select(row_of(pl.col("row_key")).alias("row")),
        left_on=row_of(pl.col("row_key")),
        right_on="row",
        how="anti",
    )
    missing = explain_without(without, mapping.endpoints, [p.refused for p in given], plan.source)
    found = join_issues([*(part.issues for part in given), missing])
    return Mapped(endpoints, found, left_out)


def _keys(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col("row_key").cast(pl.Int64))


def _rename(frame: pl.DataFrame, plan: ColumnPlan) -> pl.DataFrame:
    columns = [pl.col("row_key")]
    for name, positions in plan.positions.items():
        parts = [f"c{position}" for position in positions]
        if len(parts) == 1:
            columns.append(pl.col(parts[0]).alias(name))
        else:
            columns.append(pl.concat_list(_as_list(frame, part) for part in parts).alias(name))
    return frame.select(columns)


def _as_list(frame: pl.DataFrame, part: str) -> pl.Expr:
    column = pl.col(part)
    if isinstance(frame.schema[part], pl.List):
        return column.fill_null([])
    return column


def _add_needed(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in NEEDED if name not in frame.columns]
    return frame.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)


@dataclass(frozen=True, slots=True)
class _Part:
    """Columns of some endpoints, and the errors in them."""

    frame: pl.DataFrame
    issues: pl.DataFrame
    refused: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`row_key` of the records with an address of which the endpoint's conditions do not hold."""


def _rule_columns(
    columns: pl.DataFrame, frame: pl.DataFrame, rules: dict[str, ColumnRule], plan: ColumnPlan
) -> _Part:
    """Add the columns that rules make of a staged partition to columns of the same rows."""
    made = [apply_rule(frame, target, rule, plan.source) for target, rule in rules.items()]
    series = [column for ruled in made for column in ruled.columns]
    return _Part(columns.with_columns(series), join_issues([ruled.issues for ruled in made]))


def _make_endpoint(
    number: int, endpoint: EndpointRule, frame: pl.DataFrame, shared: _Part, plan: ColumnPlan
) -> _Part:
    """Make one of the endpoints of each record that has an Address for it."""
    own = set(endpoint.columns)
    replaced = {
        *own,
        *(CLEAR + name for name in own),
        *([PHONE_REGION] if "Address" in own else []),
    }
    columns = shared.frame.drop(name for name in shared.frame.columns if name in replaced)
    part = _rule_columns(columns, frame, endpoint.columns, plan)
    rows = _add_needed(part.frame)
    is_given = hold(frame, endpoint.where, plan.source)
    address = pl.col("Address").list.len() if _is_list(rows, "Address") else _length("Address")
    has_address = rows.select(address.fill_null(0) > 0).to_series()
    refused = rows.filter(has_address & ~is_given).select("row_key")
    rows = rows.filter(has_address & is_given)
    found = pl.concat([shared.issues.filter(~pl.col("column").is_in(sorted(own))), part.issues])
    found = found.join(rows.select(pl.col("row_key").cast(pl.Int64)), on="row_key", how="semi")
    key = pl.col("row_key") + number
    return _Part(rows.with_columns(key), found.with_columns(key), refused)


def _length(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).str.strip_chars().str.len_bytes()


def _is_list(frame: pl.DataFrame, name: str) -> bool:
    return isinstance(frame.schema[name], pl.List)


def _concat(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Put endpoints together in the order of their keys; columns that one lacks are null."""
    lists = {name for frame in frames for name in frame.columns if _is_list(frame, name)}
    aligned = [
        frame.with_columns(
            pl.when(pl.col(name).is_not_null()).then(pl.concat_list(name)).alias(name)
            for name in frame.columns
            if name in lists and not _is_list(frame, name)
        )
        for frame in frames
    ]
    return pl.concat(aligned, how="diagonal_relaxed").sort("row_key")

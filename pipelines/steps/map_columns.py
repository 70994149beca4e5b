"""Map columns: from a source's header to Pinpoint's own column names.

A staged partition has its columns by position (`c0`, `c1`, ...), as a header may repeat. A header
that is repeated gives one column of lists.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.errors import SourceError
from pipelines.steps.result import FOUND_SCHEMA
from schemas import issues, limits
from schemas.columns import (
    LIST_PREFIXES,
    NAMED_PREFIXES,
    READ_ONLY_COLUMNS,
    RESULT_COLUMNS,
    attribute_name,
    canonical_name,
)
from schemas.masking import looks_personal, mask_text

DISCOURAGED_CHARACTERS = frozenset("#:?\\/")
"""The service's console cannot show names with these (API reference, EndpointRequest)."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Which positions of a header become which endpoint column."""

    positions: dict[str, tuple[int, ...]]
    """Canonical column -> positions in the header, from 0, in the order of the header."""
    unmapped: tuple[str, ...]
    """Headers that mean no endpoint column: warned of, not imported."""
    repeated: tuple[str, ...]
    """Columns of a single value that stand in the header more than once."""

    @property
    def names(self) -> tuple[str, ...]:
        """Attribute, metric and user attribute columns."""
        return tuple(c for c in self.positions if c.startswith(NAMED_PREFIXES))


def plan_columns(header: list[str]) -> ColumnPlan:
    """Decide what each column of a header is.

    >>> plan_columns(["Id", "Attributes.Likes", "Attributes.Likes", "Note"])
    ColumnPlan(positions={'Id': (0,), 'Attributes.Likes': (1, 2)}, unmapped=('Note',), repeated=())
    """
    positions: dict[str, tuple[int, ...]] = {}
    unmapped = []
    for position, name in enumerate(header):
        canonical = canonical_name(name)
        if canonical is not None:
            positions[canonical] = (*positions.get(canonical, ()), position)
        elif name.strip() not in READ_ONLY_COLUMNS and name.strip() not in RESULT_COLUMNS:
            unmapped.append(name)
    repeated = tuple(
        column
        for column, places in positions.items()
        if len(places) > 1 and not column.startswith(LIST_PREFIXES)
    )
    return ColumnPlan(positions, tuple(unmapped), repeated)


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
    return pl.DataFrame(rows, schema=FOUND_SCHEMA, orient="row")


def require_columns(header: list[str], source: str, *, has_channel: bool) -> None:
    """Refuse a header that cannot make endpoints.

    Args:
        header: Column names as they stand in the file.
        source: The file, as the error is to call it.
        has_channel: Whether rows have a channel even without a column for it.

    Raises:
        SourceError: A needed column is missing, or a column of one value is repeated.
    """
    plan = plan_columns(header)
    other = next((mark for mark in ";\t|" if mark in "".join(header)), None)
    if len(header) == 1 and other is not None:
        raise SourceError(
            f"{source} has no column Address: all its columns are one. They seem to be "
            f"separated by {other!r}; export the file with commas."
        )
    shown = [name.strip()[:40] for name in header[:12]]
    found = ", ".join(mask_text(name) if looks_personal(name) else name for name in shown)
    if not plan.positions and any(looks_personal(name) for name in header):
        raise SourceError(
            f"{source} seems to have no header: its first line looks like data ({found}). "
            "Add a line with the names of the columns."
        )
    if "Address" not in plan.positions:
        raise SourceError(
            f"{source} has no column Address; its columns are: {found}. "
            "Rename the column that holds phone numbers, e-mail addresses or tokens to Address: "
            "one row is one address."
        )
    if "ChannelType" not in plan.positions and not has_channel:
        raise SourceError(
            f"{source} has no column ChannelType; its columns are: {found}. "
            "Add it, or say with --default-channel what all rows are, such as SMS."
        )
    if plan.repeated:
        raise SourceError(
            f"{source} has the column {plan.repeated[0]} more than once, but it holds one "
            "value. Only Attributes.* and User.UserAttributes.* may be repeated."
        )


def excess_columns(names_in_use: list[str]) -> list[str]:
    """Give the open-ended columns beyond the service's limit of names, in the order given.

    Counts distinct columns: the same name among Attributes and Metrics counts twice, as the service
    keeps them apart. Only columns with a value somewhere in the run should be passed in.
    """
    return list(dict.fromkeys(names_in_use))[limits.ATTRIBUTE_NAMES.value :]


def map_columns(frame: pl.DataFrame, plan: ColumnPlan) -> pl.DataFrame:
    """Rename a staged partition's columns; repeated ones become lists, unmapped ones go.

    Args:
        frame: `row_key` and `c<position>` columns of text or lists of text.
        plan: The plan of this frame's header.

    Returns:
        `row_key` and canonical columns; Address and ChannelType always exist.
    """
    columns = [pl.col("row_key")]
    for name, positions in plan.positions.items():
        parts = [f"c{position}" for position in positions]
        if len(parts) == 1:
            columns.append(pl.col(parts[0]).alias(name))
        else:
            columns.append(pl.concat_list(_as_list(frame, part) for part in parts).alias(name))
    columns += [
        pl.lit(None, pl.String).alias(name)
        for name in ("Id", "ChannelType", "Address")
        if name not in plan.positions
    ]
    return frame.select(columns)


def _as_list(frame: pl.DataFrame, part: str) -> pl.Expr:
    column = pl.col(part)
    if isinstance(frame.schema[part], pl.List):
        return column.fill_null([])
    return column

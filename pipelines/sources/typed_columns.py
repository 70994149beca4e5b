"""Typed columns of Parquet and Arrow files as the texts that a CSV export of them would hold.

Structs become dotted columns (`Location.Country`), lists stay lists. From here on all formats are
treated alike.
"""

from collections.abc import Iterator
from itertools import islice

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import SourceError
from pipelines.sources.base import MOST_COLUMNS
from schemas.columns import LIST_PREFIXES, METRICS, canonical_name

IDENTIFIERS = frozenset({"Id", "Address", "RequestId", "Location.PostalCode", "User.UserId"})
"""Columns in which 5.0 means 5: many tools turn whole numbers into floats once one is missing."""
DECODED_BYTES = 64 << 20
"""Bytes of text that the dictionaries of a frame's columns may come to: in a file, a long value of
which each row is but a number takes no room."""
EXACT_FLOATS = 2**53
"""Below it, every whole number has a float of its own."""


class TypedColumns:
    """The columns of a schema, flattened, and how each becomes text."""

    def __init__(self, schema: pa.Schema, file: str) -> None:
        """Find a text for every column.

        Args:
            schema: What the file holds.
            file: The file, as errors are to call it.

        Raises:
            SourceError: A column has a type that has no text, or there are too many.
        """
        self._file = file
        columns = list(islice(self._flatten(schema), MOST_COLUMNS + 1))
        if len(columns) > MOST_COLUMNS:
            raise SourceError(
                f"{file} has more than {MOST_COLUMNS:,} columns. Write only those that are needed."
            )
        self.header = [name for name, _ in columns]
        self._texts = [
            expression.alias(f"c{position}") for position, (_, expression) in enumerate(columns)
        ]

    def stage(self, batches: list[pa.RecordBatch], first_row: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of batches as staged frames; see `base.STAGED_COLUMNS`."""
        table = pa.Table.from_batches(batches)
        step = _count_fitting_rows(table)
        for start in range(0, table.num_rows, step):
            part = table.slice(start, step)
            frame = pl.DataFrame(part.rename_columns(_by_position(part.num_columns)))
            row = first_row + start
            yield frame.select(
                pl.int_range(row, row + part.num_rows, dtype=pl.Int64).alias("source_row"),
                pl.lit(None, pl.String).alias("malformed"),
                *self._texts,
            )

    def _flatten(self, schema: pa.Schema) -> Iterator[tuple[str, pl.Expr]]:
        for field, column in zip(schema, _by_position(len(schema)), strict=True):
            yield from self._flatten_field(field.name, field.type, pl.col(column))

    def _flatten_field(
        self, name: str, kind: pa.DataType, column: pl.Expr
    ) -> Iterator[tuple[str, pl.Expr]]:
        if pa.types.is_struct(kind):
            members = _by_position(kind.num_fields)
            struct = column.struct.rename_fields(members)
            for field, member_name in zip(kind, members, strict=True):
                member = struct.struct.field(member_name)
                yield from self._flatten_field(f"{name}.{field.name}", field.type, member)
            return
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            canonical = canonical_name(name)
            if canonical is not None and not canonical.startswith(LIST_PREFIXES):
                raise SourceError(f"{self._file}, column {name}: a list, but it holds one value.")
            yield name, column.list.eval(self._as_text(name, kind.value_type, pl.element()))
            return
        yield name, self._as_text(name, kind, column)

    def _as_text(self, name: str, kind: pa.DataType, column: pl.Expr) -> pl.Expr:
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_timestamp(kind):
            if kind.tz is None:
                return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.3f")
            return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        if pa.types.is_floating(kind):
            return _float_as_text(canonical_name(name) or name, column)
        if _has_text(kind):
            return column.cast(pl.String)
        raise SourceError(
            f"{self._file}, column {name}: values of type {kind} cannot be imported. "
            "Write the column as text, number, date or a list of these, or leave it out."
        )


def _count_fitting_rows(table: pa.Table) -> int:
    """Say of how many rows the dictionaries may be decoded at once."""
    longest = sum(max(map(_longest_in_row, c.chunks), default=0) for c in table.columns)
    return int(max(1, min(DECODED_BYTES // max(1, longest), table.num_rows)))


def _longest_in_row(array: pa.Array) -> int:
    """Give the bytes to which the dictionaries of an array may come in a row, at the most."""
    kind = array.type
    if pa.types.is_dictionary(kind) and _is_text(kind.value_type):
        return int(pc.max(pc.binary_length(array.dictionary)).as_py() or 0)
    if pa.types.is_struct(kind):
        return sum(map(_longest_in_row, array.flatten()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        most = int(pc.max(pc.list_value_length(array)).as_py() or 0)
        return most and most * _longest_in_row(array.flatten())
    return 0


def _by_position(count: int) -> list[str]:
    """Give names for columns that may repeat, or hold what polars takes for a pattern."""
    return [f"p{position}" for position in range(count)]


def _float_as_text(name: str, column: pl.Expr) -> pl.Expr:
    text = column.cast(pl.String)
    if name in IDENTIFIERS:
        text = whole_numbers_as_such(column)
    if name.startswith(METRICS):
        return text
    # NaN is how many tools write a missing value; only of a metric it is a wrong number.
    return pl.when(column.is_not_nan()).then(text)


def whole_numbers_as_such(column: pl.Expr) -> pl.Expr:
    """Give floats as text, 5.0 as 5 as long as floats hold whole numbers exactly."""
    is_whole = (column == column.round()) & (column.abs() < EXACT_FLOATS)
    whole = column.cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(is_whole).then(whole).otherwise(column.cast(pl.String))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _has_text(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_decimal32,
        pa.types.is_decimal64,
        pa.types.is_decimal128,
        pa.types.is_date,
        pa.types.is_null,
    )
    return any(test(kind) for test in tests)

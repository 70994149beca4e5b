"""Parquet: typed columns as the texts that a CSV export of them would hold.

Structs become dotted columns (`Location.Country`), lists stay lists. From here on both formats
are treated alike.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import SourceError
from pipelines.sources.base import Content, ReadingOptions
from schemas.columns import LIST_PREFIXES, METRICS, canonical_name

BATCH_ROWS = 16_384
"""Rows decoded at once."""
IDENTIFIERS = frozenset({"Id", "Address", "RequestId", "Location.PostalCode", "User.UserId"})
"""Columns in which 5.0 means 5: many tools turn whole numbers into floats once one is missing."""


class ParquetReader:
    """A Parquet file."""

    def __init__(self, content: Content, _: ReadingOptions) -> None:
        """Open the file and flatten its schema.

        Raises:
            SourceError: It is no Parquet file, or a column has a type that has no text.
        """
        path = self._path = content.path or Path()
        self.reading: dict[str, str] = {}
        try:
            self._file = pq.ParquetFile(path)
        except OSError as error:
            raise SourceError(f"Cannot read {path}: {error.strerror or error}.") from error
        except pa.ArrowException as error:
            raise SourceError(f"{path} is not a readable Parquet file ({error}).") from error
        self._columns = list(self._flatten(self._file.schema_arrow))
        self.header = [name for name, _ in self._columns]

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield the records; see `base.SourceReader`."""
        columns = [
            expression.alias(f"c{position}")
            for position, (_, expression) in enumerate(self._columns)
        ]
        row = 1
        try:
            for batch in self._file.iter_batches(batch_size=BATCH_ROWS):
                table = pa.Table.from_batches([batch])
                frame = pl.DataFrame(table.rename_columns(_by_position(table.num_columns)))
                numbers = pl.int_range(row, row + frame.height, dtype=pl.Int64)
                row += frame.height
                yield frame.select(
                    numbers.alias("source_row"),
                    pl.lit(None, pl.String).alias("malformed"),
                    *columns,
                )
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{self._path}, behind record {row - 1}: cannot be read ({error})."
            ) from error

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
                raise SourceError(f"{self._path}, column {name}: a list, but it holds one value.")
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
            f"{self._path}, column {name}: values of type {kind} cannot be imported. "
            "Write the column as text, number, date or a list of these, or leave it out."
        )


def _by_position(count: int) -> list[str]:
    """Give names for columns that may repeat, or hold what polars takes for a pattern."""
    return [f"p{position}" for position in range(count)]


def _float_as_text(name: str, column: pl.Expr) -> pl.Expr:
    text = column.cast(pl.String)
    if name in IDENTIFIERS:
        is_whole = (column == column.round()) & (column.abs() < 2**53)
        whole = column.cast(pl.Int64, strict=False).cast(pl.String)
        text = pl.when(is_whole).then(whole).otherwise(text)
    if name.startswith(METRICS):
        return text
    # NaN is how many tools write a missing value; only of a metric it is a wrong number.
    return pl.when(column.is_not_nan()).then(text)


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

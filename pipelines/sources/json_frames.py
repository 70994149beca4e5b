"""From lines of JSON to staged frames, in two ways that give the same.

The fast way has Arrow parse a block of lines with the types that their members are known to have.
It takes only what it gives exactly: a block with a malformed record, or with a value of another
type than its column, goes the slow way, line by line.

A number is the same whether written 5 or 5.0, and becomes 5; whole numbers keep all their digits.
Of a member that an object has twice, the last value counts.
"""

import io
import json
import math
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.json as pa_json

from pipelines.sources.json_lines import MAX_DEPTH, is_shallow
from pipelines.sources.json_members import JsonColumn, Member, Members, holds_single_values
from pipelines.sources.typed_columns import EXACT_FLOATS, whole_numbers_as_such
from schemas.undecoded import ERRORS, is_marked

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19


def parse_block(block: bytes, schema: pa.Schema) -> pa.Table | None:
    """Parse a block of lines, one row each, blank ones none; None if that may be inexact."""
    text = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    text = text if text.endswith(b"\n") else text + b"\n"
    lines = text.count(b"\n")
    # With each line between braces, and as many rows as lines, no object spans or shares a line.
    if not len(schema) or text.count(b"}\n") != lines or text.count(b"\n{") != lines - 1:
        return None
    if not text.startswith(b"{") or b"\0" in text or is_marked(text) or not is_shallow(text):
        return None
    try:
        text.decode()
        table = pa_json.read_json(
            io.BytesIO(text),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=pa_json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="error"
            ),
        )
        table.validate()
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return table if table.num_rows == lines else None


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Parse a line; None if it is no JSON object, holds undecoded bytes, or is nested too deep."""
    if is_marked(line):
        return None
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH and not is_shallow(line):
        return None
    try:
        if _LONG_NUMBER in line.translate(_DIGITS):
            value = json.loads(line.decode(), parse_float=_finite, parse_constant=_refuse)
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no character
        else:
            value = orjson.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def split_lines(block: bytes) -> list[bytes]:
    """Give the lines of a block that are not blank."""
    return [line for line in block.split(b"\n") if line.strip(b" \t\r")]


def stage_table(
    table: pa.Table, members: Members, columns: list[JsonColumn], first_row: int
) -> pl.DataFrame | None:
    """Make a staged frame of what `parse_block` gave; None if a number may be inexact."""
    series: list[pl.Series | None] = [None] * len(columns)
    for array, member in _leaves(table, members.root):
        if member.column is None:
            continue
        text = _as_text(pl.Series("x", array), is_list=columns[member.column].is_list)
        if text is None:
            return None
        series[member.column] = text.alias(f"c{member.column}")
    rows = pl.int_range(first_row, first_row + table.num_rows, dtype=pl.Int64, eager=True)
    return pl.DataFrame(
        [
            rows.alias("source_row"),
            pl.Series("malformed", [None], pl.String).new_from_index(0, table.num_rows),
            *(
                _nulls(position, columns[position], table.num_rows) if found is None else found
                for position, found in enumerate(series)
            ),
        ]
    )


def stage_lines(
    lines: list[bytes], members: Members, columns: list[JsonColumn], first_row: int
) -> pl.DataFrame:
    """Make a staged frame of lines, malformed ones included.

    Raises:
        KeyError: A line has a member that is not among `members`.
    """
    cells: list[list[Any]] = [[None] * len(lines) for _ in columns]
    floats: list[tuple[list[Any], int]] = []
    malformed: list[str | None] = [None] * len(lines)
    for row, line in enumerate(lines):
        record = parse_line(line)
        if record is None:
            malformed[row] = line.rstrip(b"\r").decode("utf-8", ERRORS)
        else:
            _fill(record, members.root, row, cells, columns, floats)
    numbers = pl.Series([cell[position] for cell, position in floats], dtype=pl.Float64)
    texts = numbers.to_frame("x").select(whole_numbers_as_such(pl.col("x"))).to_series()
    for (cell, position), text in zip(floats, texts, strict=True):
        cell[position] = text
    rows = pl.int_range(first_row, first_row + len(lines), dtype=pl.Int64, eager=True)
    return pl.DataFrame(
        [
            rows.alias("source_row"),
            pl.Series("malformed", malformed, pl.String),
            *(
                pl.Series(f"c{position}", cells[position], _dtype(column))
                for position, column in enumerate(columns)
            ),
        ]
    )


def _leaves(table: pa.Table, root: Member) -> list[tuple[pa.Array, Member]]:
    found = []
    waiting = [
        (_whole_array(column), root.members[name])
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    while waiting:
        array, member = waiting.pop()
        if member.has_objects:
            parts = zip(array.type, array.flatten(), strict=True)
            waiting += [(values, member.members[part.name]) for part, values in parts]
        else:
            found.append((array, member))
    return found


def _whole_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _as_text(values: pl.Series, *, is_list: bool) -> pl.Series | None:
    """Give the texts of typed values; None if a number of them may have been another."""
    element = pl.element() if is_list else pl.col("x")
    kind = values.dtype.inner if isinstance(values.dtype, pl.List) else values.dtype
    if kind == pl.Float64:
        numbers = values.explode() if is_list else values
        # NaN is no JSON, but Arrow takes it; of a longer whole number digits may be lost.
        if not (numbers.abs() < EXACT_FLOATS).all():
            return None
        text = whole_numbers_as_such(element)
    else:
        text = element.cast(pl.String)
    frame = values.to_frame("x")
    return frame.select(pl.col("x").list.eval(text) if is_list else text).to_series()


def _fill(
    record: dict[str, Any],
    place: Member,
    row: int,
    cells: list[list[Any]],
    columns: list[JsonColumn],
    floats: list[tuple[list[Any], int]],
) -> None:
    """Put the values of a record into the cells of its row, numbers to be written later apart."""
    for name, value in record.items():
        member = place.members[name]
        if isinstance(value, dict):
            _fill(value, member, row, cells, columns, floats)
            continue
        if value is None:
            continue
        if member.column is None:
            raise KeyError(name)
        cell, position = cells[member.column], row
        if columns[member.column].is_list:
            is_plain = isinstance(value, list) and holds_single_values(value)
            items = value if is_plain else [value]
            cell[row] = [_text(item) for item in items]
            cell, position = cell[row], 0
        else:
            items = [value]
            cell[row] = _text(value)
        floats += [(cell, position + n) for n, item in enumerate(items) if type(item) is float]


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def _nulls(position: int, column: JsonColumn, count: int) -> pl.Series:
    return pl.Series(f"c{position}", [None], _dtype(column)).new_from_index(0, count)


def _dtype(column: JsonColumn) -> pl.DataType:
    return pl.List(pl.String()) if column.is_list else pl.String()


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _refuse(constant: str) -> None:
    raise ValueError(constant)

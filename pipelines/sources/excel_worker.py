"""A process of its own that reads one worksheet, within limits, for `excel_reader`.

A workbook is unpacked and held as a whole, dense even where it is empty: a small hostile file can
take all memory there is. Here it takes this process's share, and then this process ends.

Run as `python -P -m pipelines.sources.excel_worker WORKBOOK SHEET DESCRIPTOR`, SHEET in JSON: it
writes the header and the rows as an Arrow stream to the file behind the descriptor, and how it went
to standard output, in JSON.
"""

import functools
import json
import os
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

MEMORY_BYTES = 4 << 30
"""Address space; a sheet with a million rows of twenty columns takes half of it."""
CPU_S = 120
UNPACKED_BYTES = 1 << 30
MOST_COLUMNS = 5_000
"""As of any source (`base.MOST_COLUMNS`, which would have to be imported with all that base needs).
"""
BATCH_ROWS = 16_384
ERRORS = {
    "Div0": "#DIV/0!",
    "GettingData": "#GETTING_DATA",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}
"""What cells with errors show."""
_MOMENT = r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)$"
_DAY_ONLY = r"T00:00:00$"
_TIME_ONLY = r"^(?:1899-12-3[01]|1904-01-01)T"
"""The days from which workbooks count: a time of day is a part of them."""


class RefusedError(Exception):
    """The workbook cannot be read; the text says why, and what to do."""


def main() -> None:
    """Read the worksheet that the arguments name."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    workbook, sheet, descriptor = sys.argv[1:]
    try:
        answer = _read(workbook, json.loads(sheet), int(descriptor))
    except RefusedError as error:
        answer = {"refused": str(error)}
    sys.stdout.write(json.dumps(answer))


def _read(workbook: str, sheet: str | None, descriptor: int) -> dict[str, str]:
    _check_size(workbook)
    try:
        reader = fastexcel.read_excel(workbook)
        if not reader.sheet_names:
            raise RefusedError("it has no worksheet")
        name = reader.sheet_names[0] if sheet is None else sheet
        if name not in reader.sheet_names:
            known = ", ".join(reader.sheet_names)
            raise RefusedError(f"it has no sheet {name}. Its sheets are: {known}")
        _write(_load(reader, name), descriptor)
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0]
        raise RefusedError(f"it is damaged, or no workbook at all ({reason})") from error
    return {"sheet": name}


def _check_size(workbook: str) -> None:
    """Unpack everything once, piece by piece: what a file says of its size may be untrue."""
    size = 0
    try:
        with zipfile.ZipFile(workbook) as archive:
            for member in archive.infolist():
                if member.flag_bits & 1:
                    raise RefusedError("it is protected by a password. Save it without one")
                for piece in _unpack(archive, member):
                    size += piece
                    if size > UNPACKED_BYTES:
                        limit = UNPACKED_BYTES >> 30
                        raise RefusedError(f"unpacked it is larger than {limit} GiB")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise RefusedError(f"it is damaged, or no workbook at all ({error})") from error


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[int]:
    member.file_size = sys.maxsize  # read to the real end, and check nothing of what is claimed
    del member.CRC
    try:
        with archive.open(member) as file:
            while piece := file.read(1 << 20):
                yield len(piece)
    except zlib.error as error:
        raise RefusedError(f"it is damaged ({error})") from error


def _load(reader: fastexcel.ExcelReader, sheet: str) -> list[pa.Array]:
    """Load a sheet's columns as texts that a person would expect to see."""
    cells = reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
    if cells.width > MOST_COLUMNS:
        raise RefusedError(f"it has {cells.width:,} columns, more than {MOST_COLUMNS:,}")
    batch, errors = cells.to_arrow_with_errors()
    columns: list[pa.Array] = batch.columns
    dated = [n for n, column in enumerate(columns) if pc.any(_is_moment(column)).as_py()]
    if dated:  # or texts that look so: only a date can be read as one
        moments = reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="datetime")
        values = moments.to_arrow().columns
        for position in dated:
            columns[position] = _write_moments(columns[position], values[position].is_valid())
    by_column: dict[int, dict[int, str]] = {}
    for error in errors.errors if errors else []:
        row, position = error.position
        code = error.detail.rpartition("Error(")[2].rstrip(")'")
        by_column.setdefault(position, {})[row] = ERRORS.get(code, "#ERROR!")
    for position, texts in by_column.items():
        values = [texts.get(row) for row in range(len(columns[position]))]
        columns[position] = pc.coalesce(columns[position], pa.array(values, pa.string()))
    return columns


def _is_moment(column: pa.Array) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(column, _MOMENT), fill_value=False)


def _write_moments(texts: pa.Array, is_date: pa.Array) -> pa.Array:
    iso = pc.replace_substring_regex(texts, _MOMENT, r"\1T\2")
    is_time = pc.match_substring_regex(iso, _TIME_ONLY)
    time = pc.replace_substring_regex(iso, _TIME_ONLY, "")
    day = pc.replace_substring_regex(iso, _DAY_ONLY, "")
    is_moment = pc.and_(_is_moment(texts), is_date)
    return pc.if_else(is_moment, pc.if_else(is_time, time, day), texts)


def _write(columns: list[pa.Array], descriptor: int) -> None:
    """Write what is not blank: the header as the first batch, then the rows."""
    has_value = [
        pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), fill_value=False)
        for column in columns
    ]
    kept = [n for n, column in enumerate(has_value) if pc.any(column).as_py()]
    if not kept:
        raise RefusedError("the sheet is empty: it has not even a header")
    is_row = functools.reduce(pc.or_, (has_value[n] for n in kept))
    rows = pa.table([columns[n].filter(is_row) for n in kept], [f"c{n}" for n in range(len(kept))])
    with os.fdopen(descriptor, "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_table(rows.slice(0, 1))
        writer.write_table(rows.slice(1), max_chunksize=BATCH_ROWS)


if __name__ == "__main__":
    main()

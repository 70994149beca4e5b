"""CSV: pyarrow's streaming reader, every column as text, every record accounted for.

Records that do not have the header's number of fields are handed over by the parser with their
number and text; they become rows of their own, in their place.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from pipelines.errors import SourceError
from pipelines.sources.base import Content, ReadingOptions

BLOCK_BYTES = (2 << 20, 8 << 20)
"""Bytes parsed at once. The parser holds some thirty blocks that it has read ahead, and is fastest
with blocks that fit a processor's cache. The larger ones are for files with records that are longer
than a block and a half; one of more than two of them cannot be read."""
_UTF8_FAULT = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?.*invalid UTF8")
_QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
_FIELD_END = re.compile(r"[,\r\n]")
_FOREIGN_STARTS = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\x1f\x8b": "gzip-compressed",
    b"PK\x03\x04": "a zip archive (or an Excel workbook)",
    b"PAR1": "a Parquet file",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
}


class CsvReader:
    """A CSV file in UTF-8, comma-separated, with a header."""

    def __init__(self, content: Content, _: ReadingOptions) -> None:
        """Open the file and read its header.

        Raises:
            SourceError: It is empty, not text, or not in UTF-8.
        """
        path = self._path = content.path or Path()
        self.reading: dict[str, str] = {"encoding": "utf-8", "delimiter": ","}
        self.header = _read_header(path)
        self._next_row = 0
        self._malformed: list[tuple[int, str]] = []
        """Records by number, in order; the parser adds to it from a thread of its own."""

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield the records; see `base.SourceReader`."""
        names = [f"c{position}" for position in range(len(self.header))]
        self._next_row = 0  # the header itself is the parser's first row
        last: pl.DataFrame | None = None
        for block_bytes in BLOCK_BYTES:
            try:
                for frame in self._read_on(names, block_bytes):
                    if not frame.is_empty():
                        last = frame
                        yield frame
                break
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error) or block_bytes == BLOCK_BYTES[-1]:
                    raise SourceError(self._explain(str(error), self._next_row)) from error
            except OSError as error:
                reason = error.strerror or error
                raise SourceError(f"Cannot read {self._path}: {reason}.") from error
        if self._malformed:
            self._refuse_open_quote_in_text(*self._malformed[-1])
            yield self._malformed_rows(names)
        elif last is not None:
            self._refuse_open_quote(last)

    def _read_on(self, names: list[str], block_bytes: int) -> Iterator[pl.DataFrame]:
        """Read from the next record on, which another size of block may have come to."""
        self._malformed = []
        first, number = self._next_row, 0
        for batch in self._open(names, block_bytes):
            frame, number = self._number(pl.DataFrame(pa.Table.from_batches([batch])), number)
            if first:
                frame = frame.filter(pl.col("source_row") >= first)
            self._next_row = max(number, first)
            yield frame
        self._malformed = [entry for entry in self._malformed if entry[0] >= first]

    def _open(self, names: list[str], block_bytes: int) -> pa_csv.CSVStreamingReader:
        def keep(record: pa_csv.InvalidRow) -> str:
            self._malformed.append((record.number - 1, record.text))
            return "skip"

        return pa_csv.open_csv(
            self._path,
            # Without threads the parser knows the number of a malformed record.
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=block_bytes, column_names=names
            ),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
            convert_options=pa_csv.ConvertOptions(
                strings_can_be_null=False, column_types=dict.fromkeys(names, pa.string())
            ),
        )

    def _number(self, records: pl.DataFrame, first: int) -> tuple[pl.DataFrame, int]:
        """Number a block's records, and put the malformed ones among them in their places."""
        malformed = self._malformed[:]  # a copy: the parser reads ahead, and adds meanwhile
        taken = [number for number, _ in malformed]
        if taken:
            candidates = pl.int_range(first, first + records.height + len(taken), eager=True)
            rows = candidates.filter(~candidates.is_in(taken)).head(records.height)
        else:
            rows = pl.int_range(first, first + records.height, eager=True)
        number = rows[-1] + 1 if len(rows) else first
        frame = records.select(
            rows.alias("source_row"), pl.lit(None, pl.String).alias("malformed"), pl.all()
        )
        due = [entry for entry in malformed if entry[0] < number]
        if due:
            del self._malformed[: len(due)]
            frame = pl.concat([frame, _malformed_frame(due)], how="diagonal").sort("source_row")
        if first == 0:  # the header
            frame = frame.filter(pl.col("source_row") > 0)
        return frame, number

    def _malformed_rows(self, names: list[str]) -> pl.DataFrame:
        """Give the malformed records behind the last good one."""
        columns = [pl.lit(None, pl.String).alias(name) for name in names]
        frame = _malformed_frame(self._malformed).with_columns(columns)
        frame = frame.filter(pl.col("source_row") > 0)
        return frame.select("source_row", "malformed", *names)

    def _refuse_open_quote(self, last: pl.DataFrame) -> None:
        """Refuse a file whose last quote is never closed: the parser takes all behind it for text.

        The last value then ends where the file ends; a closed one has its quote behind it.
        """
        value = last.row(-1)[-1]
        if value is None or "\n" not in value:
            return
        tail = value.replace('"', '""').encode()[-1024:]
        with self._path.open("rb") as file:
            file.seek(-min(self._path.stat().st_size, 2048), 2)
            end = file.read()
        if end.endswith(tail) and not end.rstrip(b"\r\n").endswith(tail + b'"'):
            raise self._open_quote(last["source_row"][-1], len(self.header) - 1)

    def _refuse_open_quote_in_text(self, row: int, text: str) -> None:
        """Refuse the same in another column: what is behind the quote came as one short record."""
        position = _find_open_quote(text)
        if position is not None and "\n" in text:
            raise self._open_quote(row, min(position, len(self.header) - 1))

    def _open_quote(self, row: int, position: int) -> SourceError:
        return SourceError(
            f"{self._path}, record {row}, column {self.header[position]}: a quote is opened and "
            "never closed, so that the rest of the file cannot be told apart. Close it."
        )

    def _explain(self, reason: str, row: int) -> str:
        if match := _UTF8_FAULT.search(reason):
            column = self.header[int(match[1])]
            record = f"record {int(match[2]) - 1}" if match[2] else f"behind record {row}"
            return (
                f"{self._path}, {record}, column {column}: not valid UTF-8. "
                "Export or convert the file as UTF-8."
            )
        if "straddling" in reason:
            return (
                f"{self._path}: a record behind record {max(row - 1, 0)} is longer than "
                f"{BLOCK_BYTES[-1] >> 20} MiB; often a quote is opened and never closed. Check it."
            )
        return f"{self._path}, behind record {max(row - 1, 0)}: cannot be read as CSV ({reason})."


def _find_open_quote(text: str) -> int | None:
    """Give the number of a record's field, from 0, whose quote is not closed, if there is one."""
    at = position = 0
    while at < len(text):
        if text[at] == '"':
            quoted = _QUOTED.match(text, at)
            if quoted is None:
                return position
            at = quoted.end()
        end = _FIELD_END.search(text, at)
        if end is None:
            return None
        at = end.end()
        position += 1
    return None


def _malformed_frame(entries: list[tuple[int, str]]) -> pl.DataFrame:
    schema = {"source_row": pl.Int64, "malformed": pl.String}
    return pl.DataFrame(entries, schema=schema, orient="row")


def _read_header(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        raise SourceError(f"{path} is empty: it has not even a header. Check the export.")
    for magic, what in _FOREIGN_STARTS.items():
        if start.startswith(magic):
            raise SourceError(f"{path} is {what}, not CSV in UTF-8. Unpack or convert it first.")
    if b"\x00" in start.partition(b"\n")[0]:
        raise SourceError(f"{path} is binary, not CSV text. Check that it is the right file.")
    try:
        # Faults behind the header are left to the parser, which knows record and column.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            header = next(row for row in csv.reader(text) if row)
        "".join(header).encode()
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeEncodeError as error:
        raise SourceError(
            f"{path}, header: not valid UTF-8. Export or convert the file as UTF-8."
        ) from error
    except (csv.Error, StopIteration) as error:
        raise SourceError(f"{path}: the header cannot be read as CSV ({error}).") from error
    return header

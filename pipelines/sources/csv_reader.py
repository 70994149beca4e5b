"""CSV: pyarrow's streaming reader, every column as text, every record accounted for.

The text comes as UTF-8 from `encodings`, and `dialects` knows how it is written. Records that do
not have the header's number of fields are handed over by the parser with their number and text;
they become rows of their own, in their place.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from pipelines.errors import SourceError
from pipelines.sources.base import Content, ReadingOptions
from pipelines.sources.dialects import Dialect, count_fields
from pipelines.sources.encodings import (
    END,
    Utf8Stream,
    detect_encoding,
    read_sample,
    read_text,
    settle_encoding,
)
from pipelines.sources.formats import refuse_binary
from pipelines.sources.layouts import describe_layout, find_layout
from pipelines.sources.respacing import Respaced

BLOCK_BYTES = (2 << 20, 8 << 20)
"""Bytes parsed at once. The parser holds some thirty blocks that it has read ahead, and is fastest
with blocks that fit a processor's cache. The larger ones are for files with records that are longer
than a block and a half; one of more than two of them cannot be read."""


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A record whose number of fields is not the one that the parser expects."""

    row: int
    text: str
    fields: int


class CsvReader:
    """A CSV file in any dialect and encoding."""

    def __init__(self, content: Content, options: ReadingOptions) -> None:
        """Open the file, find out how it is written, and read its header.

        Raises:
            SourceError: It is empty, not text, or written in a way that is not clear.
            ConfigurationError: It has no header, and no names were given.
        """
        self._content = content
        sample = read_sample(content)
        refuse_binary(sample.start, content.name, "CSV")
        if options.encoding is None:
            self._encoding = detect_encoding(sample, content.name)
        else:
            self._encoding = settle_encoding(options.encoding, sample)
        text = read_text(sample, self._encoding)
        layout = find_layout(text, options, content.name, is_whole=sample.is_whole)
        self._layout = layout
        # What is respaced is written anew, as most write it.
        is_respaced = layout.dialect.skips_spaces
        self._dialect = Dialect(layout.dialect.delimiter) if is_respaced else layout.dialect
        self.header = list(layout.header)
        self.reading: dict[str, str] = describe_layout(layout, self._encoding, options)
        self._first_row = 0 if options.has_header else 1
        """Number of the parser's first record: the header is none."""
        self._next_row = self._first_row
        self._misfits: list[_Misfit] = []
        """In order; the parser adds to it from a thread of its own."""

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield the records; see `base.SourceReader`."""
        names = [f"c{position}" for position in range(self._layout.width)]
        self._next_row = self._first_row
        for block_bytes in BLOCK_BYTES:
            try:
                for records in self._read_on(names, block_bytes):
                    frame = self._finish(records, names)
                    if not frame.is_empty():
                        yield frame
                return
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error) or block_bytes == BLOCK_BYTES[-1]:
                    raise SourceError(self._explain(str(error))) from error
            except OSError as error:
                reason = error.strerror or error
                raise SourceError(f"Cannot read {self._content.name}: {reason}.") from error

    def _read_on(self, names: list[str], block_bytes: int) -> Iterator[pl.DataFrame]:
        """Read from the next record on, which another size of block may have come to."""
        self._misfits = []
        begin, number = self._next_row, self._first_row
        for batch in self._open(names, block_bytes):
            records = self._drop_end(pl.DataFrame(pa.Table.from_batches([batch])), number)
            frame, number = self._number(records, number)
            if begin > self._first_row:
                frame = frame.filter(pl.col("source_row") >= begin)
            self._next_row = max(number, begin)
            yield frame
        rest = [misfit for misfit in self._misfits if misfit.row >= begin]
        if rest:
            yield self._place(pl.DataFrame(schema=_schema(names)), rest)

    def _open(self, names: list[str], block_bytes: int) -> pa_csv.CSVStreamingReader:
        shift = 1 - self._first_row

        def keep(record: pa_csv.InvalidRow) -> str:
            row = record.number - shift
            if record.text != END:
                self._misfits.append(_Misfit(row, record.text, record.actual_columns))
            return "skip"

        stream: io.RawIOBase = Utf8Stream(
            self._content.open(), self._encoding, skip=self._layout.skip, adds_end=True
        )
        if self._layout.dialect.skips_spaces:
            stream = Respaced(stream, self._layout.dialect, self._content.name)
        return pa_csv.open_csv(
            stream,
            # Without threads the parser knows the number of a malformed record.
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=block_bytes, column_names=names
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char=self._dialect.quote or False,
                escape_char=self._dialect.escape or False,
                newlines_in_values=True,
                invalid_row_handler=keep,
            ),
            convert_options=pa_csv.ConvertOptions(
                check_utf8=False,  # the stream gives nothing else
                strings_can_be_null=False,
                column_types=dict.fromkeys(names, pa.string()),
            ),
        )

    def _number(self, records: pl.DataFrame, first: int) -> tuple[pl.DataFrame, int]:
        """Number a block's records, and put the misfits among and behind them in their places."""
        misfits = self._misfits[:]  # a copy: the parser reads ahead, and adds meanwhile
        if misfits:
            taken = [misfit.row for misfit in misfits]
            candidates = pl.int_range(first, first + records.height + len(taken), eager=True)
            rows = candidates.filter(~candidates.is_in(taken)).head(records.height)
        else:
            rows = pl.int_range(first, first + records.height, eager=True)
        number = rows[-1] + 1 if len(rows) else first
        due = 0
        while due < len(misfits) and misfits[due].row <= number:
            number = max(number, misfits[due].row + 1)
            due += 1
        del self._misfits[:due]
        frame = records.select(
            rows.alias("source_row"), pl.lit(None, pl.String).alias("malformed"), pl.all()
        )
        return (self._place(frame, misfits[:due]) if due else frame), number

    def _place(self, frame: pl.DataFrame, misfits: list[_Misfit]) -> pl.DataFrame:
        """Put misfits in their places: those with empty fields too many as the records they are."""
        if misfits[-1].text.endswith(END):
            fields = next(self._dialect.parse(misfits[-1].text))
            raise self._open_quote(misfits[-1].row, len(fields) - 1)
        found = [(m.row, *self._read_misfit(m)) for m in misfits]
        placed = pl.DataFrame(found, schema=_schema(frame.columns[2:]), orient="row")
        return pl.concat([frame, placed]).sort("source_row")

    def _read_misfit(self, misfit: _Misfit) -> tuple[str | None, ...]:
        width, named = self._layout.width, len(self.header)
        end = misfit.text.rstrip(" " + self._dialect.quote)
        may_fit = misfit.fields == named or end.endswith(self._dialect.delimiter)
        if misfit.fields >= named > 1 and may_fit:
            fields = next(self._dialect.parse(misfit.text), [])
            if count_fields(fields, named) == named:
                return (None, *fields[:named], *[""] * (width - named))
        return (misfit.text, *[None] * width)

    def _finish(self, frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
        """Leave out the header, and the columns that it does not name."""
        if self._first_row == 0:
            frame = frame.filter(pl.col("source_row") > 0)
        beyond = names[len(self.header) :]
        if not beyond:
            return frame
        is_filled = pl.any_horizontal(pl.col(beyond).str.strip_chars().str.len_bytes() > 0)
        filled = frame.filter(is_filled)
        if not filled.is_empty():
            texts = [self._write(row[2:]) for row in filled.rows()]
            schema = _schema(names)
            empty = [
                (row, text, *[None] * len(names))
                for row, text in zip(filled["source_row"], texts, strict=True)
            ]
            placed = pl.DataFrame(empty, schema=schema, orient="row")
            kept = frame.filter(~is_filled.fill_null(value=False))
            frame = pl.concat([kept, placed]).sort("source_row")
        return frame.drop(beyond)

    def _write(self, fields: tuple[str, ...]) -> str:
        """Write a record out again, as text."""
        text = io.StringIO()
        csv.writer(text, delimiter=self._dialect.delimiter, lineterminator="\r\n").writerow(fields)
        return text.getvalue().removesuffix("\r\n")

    def _drop_end(self, records: pl.DataFrame, first: int) -> pl.DataFrame:
        """Leave out the line that the stream adds, which tells whether all quotes are closed."""
        last = records[-1, -1] if records.height else None
        if last is None or not last.endswith(END):
            return records
        if last == END:
            return records.head(-1)
        _, number = self._number(records, first)
        raise self._open_quote(number - 1, records.width - 1)

    def _open_quote(self, row: int, position: int) -> SourceError:
        column = self.header[min(position, len(self.header) - 1)]
        return SourceError(
            f"{self._content.name}, record {row}, column {column}: a quote is opened and never "
            "closed, so that the rest of the file cannot be told apart. Close it, or give --quote "
            "none if quotes are part of the text."
        )

    def _explain(self, reason: str) -> str:
        behind = f"behind record {max(self._next_row - 1, 0)}"
        if "straddling" in reason:
            return (
                f"{self._content.name}: a record {behind} is longer than "
                f"{BLOCK_BYTES[-1] >> 20} MiB; often a quote is opened and never closed. Check it."
            )
        return f"{self._content.name}, {behind}: cannot be read as CSV ({reason})."


def _schema(names: list[str]) -> dict[str, pl.DataType | type[pl.DataType]]:
    return {"source_row": pl.Int64, "malformed": pl.String, **dict.fromkeys(names, pl.String)}

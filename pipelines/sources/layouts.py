"""Layouts: what is known of a CSV file from its start: its dialect, its header, its line ends."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.errors import ConfigurationError, SourceError
from pipelines.sources.base import MOST_COLUMNS, ReadingOptions
from pipelines.sources.dialects import (
    DELIMITERS,
    MOST_RECORDS,
    SAMPLE_CHARACTERS,
    Dialect,
    choose_dialect,
    count_fields,
    show_cells,
)
from schemas.columns import RESULT_COLUMNS
from schemas.undecoded import show_marked

_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)

_OWN = re.compile(rf'{RESULT_COLUMNS[0]}"?([,;\t|])"?{RESULT_COLUMNS[1]}')


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of a CSV file from its start."""

    dialect: Dialect
    header: tuple[str, ...]
    """Names of its columns; without unnamed ones at the end that are always empty."""
    width: int
    """Fields of most records: more than the header's where records end with a delimiter."""
    line_end: str
    """CRLF, LF, CR or mixed."""
    skip: int
    """Bytes of UTF-8 at the start that are no record, as of a line such as `sep=;`."""


def find_layout(text: str, options: ReadingOptions, name: str, *, is_whole: bool) -> Layout:
    """Find out how a CSV file is written.

    Args:
        text: Its start; not empty.
        options: What was said about it, which always holds.
        name: What to call it in errors.
        is_whole: Whether the text is all of it.

    Raises:
        SourceError: Several candidates fit, or the header cannot be read.
        ConfigurationError: It has no header, and no names were given.
    """
    sep = _SEP_LINE.match(text)
    said = sep[1] if sep and sep[1] in (*DELIMITERS, ":", "^", "~") else None
    skip = len(sep[0].encode()) if sep and said else 0
    body = text[len(sep[0]) :] if sep and said else text
    if not body.strip("\r\n \t\0"):
        raise SourceError(f"{name} is empty: it has not even a header. Check the export.")
    options = _with_own(body, options)
    sample, is_cut = body[:SAMPLE_CHARACTERS], not is_whole or len(body) > SAMPLE_CHARACTERS
    delimiter = options.delimiter or said
    found = [d for d in DELIMITERS if d in sample or d == ","]
    delimiters = [delimiter] if delimiter else found
    dialect = choose_dialect(sample, delimiters, options, name, is_cut=is_cut)
    header, width = _read_header(body, dialect, options, name, is_whole=is_whole)
    return Layout(dialect, header, width, _find_line_end(sample, dialect), skip)


def _with_own(body: str, options: ReadingOptions) -> ReadingOptions:
    """Take what is known of our own errors.csv, of which nothing is to be asked."""
    own = _OWN.search(body.lstrip("\r\n").partition("\n")[0])
    if own is None or not options.has_header:
        return options
    return replace(
        options,
        delimiter=options.delimiter or own[1],
        quote='"' if options.quote is None else options.quote,
        escape="" if options.escape is None else options.escape,
    )


def _read_header(
    body: str, dialect: Dialect, options: ReadingOptions, name: str, *, is_whole: bool
) -> tuple[tuple[str, ...], int]:
    records = _parse_start(body, dialect, name, is_whole=is_whole)
    if not options.has_header:
        if options.header is None:
            raise ConfigurationError(
                f"{name} has no header: name its columns in the mapping, as a list `header`, and "
                "give it with --mapping."
            )
        if records[0][: len(options.header)] == list(options.header):
            raise SourceError(
                f"{name} has a header: its first record is what the mapping's `header` says, word "
                "for word. Leave --no-header out."
            )
        return options.header, _find_width(records, len(options.header))
    header = records[0]
    if len(header) > MOST_COLUMNS:
        raise SourceError(
            f"{name}: the header has {len(header):,} columns, more than {MOST_COLUMNS:,}. Export "
            "only those that are needed, or check --delimiter."
        )
    if any("\0" in column for column in header):
        raise SourceError(f"{name} is binary, not CSV text. Check that it is the right file.")
    if undecoded := [column for column in header if show_marked(column) != column]:
        raise SourceError(
            f"{name}, header: {show_cells(undecoded)} holds bytes that are no characters in its "
            "encoding. Give the right --encoding, or export it as UTF-8."
        )
    width = _find_width(records[1:], len(header))
    named = max((n for n, column in enumerate(header, 1) if column.strip()), default=0)
    if named and all(count_fields(r, named) == named for r in records[1:] if len(r) == len(header)):
        header = header[:named]
    # More may follow: errors.csv of such a file has its header, and columns of its own.
    named_first = header[: len(options.header or ())]
    if options.header is not None and _fold(named_first) != _fold(options.header):
        raise SourceError(
            f"{name}: the mapping names the columns (`header`), and the first record is another "
            "one, so the file seems to have no header: give --no-header. If it has one, leave "
            "`header` out of the mapping."
        )
    return tuple(header), width


def _fold(header: Sequence[str]) -> list[str]:
    return [name.strip().casefold() for name in header]


def _parse_start(body: str, dialect: Dialect, name: str, *, is_whole: bool) -> list[list[str]]:
    records = [r for _, r in zip(range(MOST_RECORDS), dialect.parse(body), strict=False) if r]
    if len(records) > 1:
        return records if is_whole else records[:-1]
    try:
        next(record for record in dialect.parse(body, strict=True) if record)
        is_open = False
    except csv.Error as error:
        is_open = "end of data" in str(error)
    if is_open or not is_whole:
        raise SourceError(
            f"{name}, header: a quote is opened in it and never closed, or it is too long (over "
            f"{len(body) >> 10:,} KiB). Close it, or give --quote none if quotes are part of it."
        )
    return records


def _find_width(records: list[list[str]], named: int) -> int:
    """Give the fields of most records, if those that the header does not name are empty."""
    usual = Counter(len(record) for record in records).most_common(1)
    width = usual[0][0] if usual else named
    is_padded = named < width <= MOST_COLUMNS and named > 1
    return (
        width
        if is_padded and all(count_fields(r, named) == named for r in records if len(r) == width)
        else named
    )


def _find_line_end(sample: str, dialect: Dialect) -> str:
    if quote := re.escape(dialect.quote):
        sample = re.sub(f"{quote}[^{quote}]*{quote}", "", sample)
    both = sample.count("\r\n")
    ends = {"CRLF": both, "LF": sample.count("\n") - both, "CR": sample.count("\r") - both}
    found = [end for end, count in ends.items() if count]
    return found[0] if len(found) == 1 else "mixed" if found else "LF"


def describe_layout(layout: Layout, encoding: str, options: ReadingOptions) -> dict[str, str]:
    """Give what was decided, in the terms of the options; `given` names what the user decided."""
    given = {
        "encoding": options.encoding,
        "delimiter": options.delimiter,
        "quote": options.quote,
        "escape": options.escape,
    }
    spaces = {"spaces": "left out behind delimiters"} if layout.dialect.skips_spaces else {}
    return {
        "encoding": encoding,
        "delimiter": layout.dialect.delimiter,
        "quote": layout.dialect.quote or "none",
        "escape": layout.dialect.escape or "none",
        "line_end": layout.line_end,
        **spaces,
        "given": ", ".join(name for name, value in given.items() if value is not None),
    }


def describe_reading(reading: dict[str, str]) -> str:
    """Say in words how a source is read.

    Args:
        reading: What its reader says (`base.SourceReader.reading`).
    """
    given = reading.get("given", "").split(", ")
    parts = []
    for key, value in reading.items():
        if key == "given":
            continue
        shown = DELIMITERS.get(value, value) if key == "delimiter" else value
        parts.append(f"{key.replace('_', ' ')} {shown}{' (as given)' if key in given else ''}")
    return ", ".join(parts)

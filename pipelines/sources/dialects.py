"""Dialects: how a CSV file separates and quotes its fields, found out from the text at its start.

Python's csv module reads the sample under each candidate; what fits all records wins. Where two
candidates fit alike and read it differently, the user is asked.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipelines.errors import SourceError
from pipelines.sources.base import ReadingOptions
from schemas.columns import canonical_name
from schemas.masking import looks_personal, mask_text
from schemas.undecoded import show_marked

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
"""Those that are looked for, with their names."""
LONGEST_FIELD = 8 << 20
"""Characters of a field at the most."""
SAMPLE_CHARACTERS = 1 << 18
"""Characters of the sample that are read under each candidate."""
MOST_RECORDS = 1000
"""Records of it that are."""
BACKSLASH = "\\"
_CLEAR = 0.3
"""How much better (of 1 for all records) a delimiter has to fit than the next one."""
_FEWEST_STRAY_QUOTES = 3
"""Fields that begin with a quote without being quoted, from which on quotes are part of the text;
with fewer it is rather one that was not closed."""

csv.field_size_limit(LONGEST_FIELD)  # Python's own limit of 128 KiB is for all readers at once


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are separated and quoted."""

    delimiter: str = ","
    quote: str = '"'
    """Empty for none."""
    escape: str = ""
    """Empty for none."""
    skips_spaces: bool = False
    """Whether spaces behind a delimiter, as before a quote, are left out."""

    def parse(self, text: str, *, strict: bool = False) -> Iterator[list[str]]:
        """Read the records of a text by Python's csv module; a blank line is an empty one."""
        return self.read_lines(io.StringIO(text, newline=""), strict=strict)

    def read_lines(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        """Read the records of lines, as `parse` does."""
        format_: dict[str, Any] = {
            "delimiter": self.delimiter,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "quotechar": self.quote or None,
            "escapechar": self.escape or None,
            "skipinitialspace": self.skips_spaces,
        }
        return csv.reader(lines, strict=strict, **format_)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The sample as a candidate reads it."""

    dialect: Dialect
    records: list[list[str]]
    faults: int
    """Records that break the rules of quoting."""
    width: int

    @property
    def misfits(self) -> int:
        """Count the records that do not have the header's fields, but for empty ones too many."""
        return self.faults + sum(
            count_fields(record, self.width) != self.width for record in self.records
        )


def choose_dialect(
    sample: str, delimiters: list[str], options: ReadingOptions, name: str, *, is_cut: bool
) -> Dialect:
    """Choose the dialect that fits the records of a sample.

    Args:
        sample: The file's start, without what is no record.
        delimiters: The candidates.
        options: What was said about the file, which always holds.
        name: What to call it in errors.
        is_cut: Whether the file goes on behind the sample.

    Raises:
        SourceError: Several fit, and read it differently.
    """
    found = [_choose_quoting(sample, d, options, is_cut=is_cut) for d in delimiters]
    several = [readings for readings in found if readings[0].width > 1]
    if several:
        several.sort(key=lambda readings: _score(readings[0]), reverse=True)
        best = several[0][0]
        rivals = [r[0] for r in several[1:] if _score(best) - _score(r[0]) < _CLEAR]
        rivals = rivals or several[0][1:]
    else:  # one column, and no delimiter in the header
        best = min((r for readings in found for r in readings), key=lambda r: r.misfits)
        rivals = [
            r
            for readings in found
            for r in readings
            if r.misfits == best.misfits and r.records != best.records
        ]
    if rivals:
        raise _ask([best, *rivals], name)
    return best.dialect


def _read(sample: str, dialect: Dialect, options: ReadingOptions, *, is_cut: bool) -> _Reading:
    records: list[list[str]] = []
    faults = 0
    reader = dialect.parse(sample, strict=True)
    while len(records) + faults < MOST_RECORDS:
        try:
            record = next(reader)
        except StopIteration:
            if is_cut and len(records) > 1:
                records.pop()
            break
        except csv.Error as error:
            faults += not (is_cut and "end of data" in str(error))
            if not records:  # the header: as it is read in spite of the fault
                records.append(next((r for r in dialect.parse(sample) if r), [""]))
            continue
        if record:
            records.append(record)
    if options.has_header or options.header is None:
        width = len(records[0]) if records else 1
    else:
        width = len(options.header)
    return _Reading(dialect, records, faults, width)


def _choose_quoting(
    sample: str, delimiter: str, options: ReadingOptions, *, is_cut: bool
) -> list[_Reading]:
    """Give the best reading with a delimiter, and behind it those that are as good."""
    quotes = [options.quote] if options.quote is not None else _find_quotes(sample, delimiter)
    escapes = [options.escape] if options.escape is not None else _find_escapes(sample, delimiter)
    readings = [
        _read_spaced(sample, Dialect(delimiter, quote, escape), options, is_cut=is_cut)
        for quote in quotes
        for escape in escapes
    ]
    best = min(readings, key=lambda reading: reading.misfits)  # of equal ones the first
    is_sure = _is_escape_rare(sample, delimiter)
    rivals = [
        r
        for r in readings
        if r.misfits == best.misfits
        and r.records != best.records
        and not (is_sure and r.dialect.escape > best.dialect.escape)
    ]
    return [best, *rivals]


def _read_spaced(
    sample: str, dialect: Dialect, options: ReadingOptions, *, is_cut: bool
) -> _Reading:
    """Read the sample; without the spaces behind delimiters if quotes follow them."""
    reading, quote = _read(sample, dialect, options, is_cut=is_cut), dialect.quote
    cells = [cell.strip(" ") for r in reading.records for cell in r if cell.startswith(" ")]
    quoted = [cell for cell in cells if quote and cell.startswith(quote)]
    if not quoted:
        return reading
    between, mark = rf"(^|[\r\n]|{re.escape(dialect.delimiter)})", re.escape(quote)
    # Within quotes, spaces and quotes are text.
    unquoted = re.sub(rf"{between}{mark}(?:[^{mark}]|{mark}{mark})*+{mark}", r"\1", sample)
    if not re.search(rf"{between} +{mark}", unquoted):
        return reading
    again = _read(sample, replace(dialect, skips_spaces=True), options, is_cut=is_cut)
    are_closed = all(len(cell) > 1 and cell.endswith(quote) for cell in quoted)
    is_better = again.misfits < reading.misfits
    return again if is_better or (are_closed and again.misfits == reading.misfits) else reading


def _find_quotes(sample: str, delimiter: str) -> list[str]:
    """Give the quotes that the sample may have, the likeliest first."""
    double, single = (_count_quoted(sample, delimiter, quote) for quote in "\"'")
    if single.is_header and not double.is_header:
        return ["'"]
    found = ['"', "'"] if single.needed else ['"']
    if not double.whole and double.begun >= _FEWEST_STRAY_QUOTES:
        found.append("")
    return found


@dataclass(frozen=True, slots=True)
class _Quoted:
    begun: int
    """Fields that begin with the quote."""
    whole: int
    """Those that end with it, too."""
    needed: int
    """Those of them that hold what asks for quotes."""
    is_header: bool
    """Whether all of the first line's fields are quoted."""


def _count_quoted(sample: str, delimiter: str, quote: str) -> _Quoted:
    if quote not in sample:
        return _Quoted(0, 0, 0, is_header=False)
    between = re.escape(delimiter)
    start = rf"(?:^|(?<=[\r\n])|(?<={between})) *{quote}"
    content = rf"((?:[^{quote}\\]|{quote}{quote}|\\.)*+)"
    whole = re.findall(rf"{start}{content}{quote}(?= *(?:{between}|[\r\n]|\Z))", sample, re.DOTALL)
    special = re.compile(rf"[{quote}\r\n]|{between}|\A\Z")
    first = sample.lstrip("\r\n")[:65536]
    fields = re.match(rf"(?:{quote}{content}{quote}(?:{between})?)+(?=[\r\n]|\Z)", first, re.DOTALL)
    return _Quoted(
        len(re.findall(start, sample)),
        len(whole),
        sum(special.search(field) is not None for field in whole),
        is_header=fields is not None,
    )


def _find_escapes(sample: str, delimiter: str) -> list[str]:
    """Give the escapes that the sample may have: a backslash before what asks for one."""
    if BACKSLASH not in sample:
        return [""]
    escaped, meant = _count_escapes(sample, delimiter)
    return ["", BACKSLASH] if meant and meant * 2 >= escaped else [""]


def _count_escapes(sample: str, delimiter: str) -> tuple[int, int]:
    """Count backslashes, and those of them that are before what asks for an escape.

    Those before a letter that databases write for a null or a control character count as neither.
    """
    escaped = [c for c in re.findall(r"\\(.|\Z)", sample, re.DOTALL) if c not in tuple("NnrtbZ0")]
    return len(escaped), sum(c in (delimiter, '"', "'", BACKSLASH, "\r", "\n") for c in escaped)


def _is_escape_rare(sample: str, delimiter: str) -> bool:
    """Say whether some backslash is before what asks for no escape, and so is text."""
    escaped, meant = _count_escapes(sample, delimiter)
    return meant < escaped


def _score(reading: _Reading) -> float:
    """Say how well a delimiter fits: by its records, and by names that are known."""
    fit = 1 - reading.misfits / max(1, len(reading.records) + reading.faults)
    known = sum(canonical_name(field) is not None for field in reading.records[0])
    return fit + min(known, 2) / 2


def count_fields(record: list[str], named: int) -> int:
    """Count the fields of a record, without empty ones behind those that are named."""
    length = len(record)
    while length > named and named > 1 and not record[length - 1].strip():
        length -= 1
    return length


def _ask(readings: list[_Reading], name: str) -> SourceError:
    choices = {
        f"as {_show(readings, reading)} with {_name_options(readings, reading)}": None
        for reading in readings[:4]
    }
    return SourceError(
        f"{name}: not clear how its fields are separated and quoted. A record would be read "
        f"{', or '.join(choices)}. Give the options that read it right."
    )


def _name_options(readings: list[_Reading], reading: _Reading) -> str:
    """Give the options that make a reading another one than the others."""
    signs = {'"': "double", "'": "single", "": "none", BACKSLASH: "backslash", **DELIMITERS}
    options = []
    for option in ("delimiter", "quote", "escape"):
        sign = getattr(reading.dialect, option)
        if any(getattr(other.dialect, option) != sign for other in readings):
            options.append(f"--{option} {signs.get(sign, sign)}")
    return " ".join(options)


def _show(readings: list[_Reading], reading: _Reading) -> str:
    """Show the first record that differs; the header only if there is no other."""
    heights = min(len(r.records) for r in readings)
    at = next(
        (n for n in range(1, heights) if any(r.records[n] != reading.records[n] for r in readings)),
        0,
    )
    return show_cells(reading.records[at])


def show_cells(record: list[str]) -> str:
    """Show the first cells of a record in a message, what looks personal masked."""
    cells = [show_marked(cell[:40]) for cell in record[:6]]
    shown = [mask_text(cell) if looks_personal(cell) else cell for cell in cells]
    return " ".join(f"[{cell}]" for cell in shown)

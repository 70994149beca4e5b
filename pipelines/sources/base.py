"""What the readers of all formats share: what a source is, how it may be read, what it gives."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

import polars as pl

from pipelines.sources.streams import open_local

STANDARD_INPUT = "-"
"""What the user names it by."""
S3 = "s3://"
"""What names in S3 begin with."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class SourceFormat(StrEnum):
    """Formats that can be read."""

    CSV = "csv"
    PARQUET = "parquet"
    NDJSON = "ndjson"
    ARROW = "arrow"
    EXCEL = "excel"


class Packing(StrEnum):
    """What a file may be packed by as a whole; the values are pyarrow's names."""

    GZIP = "gzip"
    BZIP2 = "bz2"
    ZSTD = "zstd"


MOST_COLUMNS = 5_000
"""Columns of a source at the most: no endpoint has more than some hundreds, and each takes memory
for every row."""
STAGED_COLUMNS = ("source_row", "malformed")
"""Columns of a staged frame before its `c<position>` columns: the 1-based number of the record in
its file, and the text of a record that does not fit the header (all other columns null)."""


class Content(Protocol):
    """The bytes of one file, unpacked; can be read again and again, as long as it is unchanged."""

    @property
    def name(self) -> str:
        """What reports and errors call it."""
        ...

    @property
    def path(self) -> Path | None:
        """Where it lies, if it is a plain file of this machine: some readers are faster with it."""
        ...

    def open(self) -> BinaryIO:
        """Open it at its start, to be read forward, by any number of readers at once.

        Raises:
            SourceError: It cannot be read; what `read` of the file raises later is one, too.
        """
        ...

    def open_seekable(self) -> BinaryIO:
        """Open it for a format that is read here and there; may copy it to a private file first.

        Raises:
            SourceError: See `open`.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalContent:
    """A plain file of this machine."""

    path: Path

    @property
    def name(self) -> str:
        """The path, as the user named it."""
        return str(self.path)

    def open(self) -> BinaryIO:
        """See `Content.open`."""
        return open_local(self.path)

    def open_seekable(self) -> BinaryIO:
        """See `Content.open_seekable`."""
        return self.open()


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What the user said about how sources are written; None is found out."""

    delimiter: str | None = None
    """The character between fields."""
    encoding: str | None = None
    """Name of the encoding, as Python knows it."""
    quote: str | None = None
    """The character around fields; empty for none."""
    escape: str | None = None
    """The character before a quote or delimiter that is meant; empty for none."""
    has_header: bool = True
    """Whether the first record names the columns."""
    header: tuple[str, ...] | None = None
    """Names of the columns of files without a header."""
    sheet: str | None = None
    """Name of the worksheet; the first one if None."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """An object of S3 as it was found: only this version of it is read."""

    etag: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the input: what there is to know to open it."""

    path: str
    """Where it is, as the user named it: a path, s3://BUCKET/KEY, or - for standard input."""
    format: SourceFormat | None = None
    """How it is read; None if only its content tells."""
    packing: Packing | None = None
    """What it is packed by as a whole."""
    member: str | None = None
    """Which member, if `path` is a zip archive: its name there, whatever that says."""
    member_bytes: int = 0
    """Bytes of the member as it is packed in the archive."""
    partition: tuple[tuple[str, str | None], ...] = ()
    """Columns whose one value stands in the names of its folders (country=US)."""
    version: ObjectVersion | None = None
    """Of an object of S3."""
    named: str = field(default="", compare=False)
    """The SOURCE that it was found by: a glob, a folder, a prefix, or itself."""

    @property
    def name(self) -> str:
        """The name that reports and errors use, on one line."""
        if self.member is None:
            return self.path
        return f"{self.path}:{_CONTROL.sub(lambda match: ascii(match[0])[1:-1], self.member)}"


class SourceReader(Protocol):
    """A file that was opened: its header, how it is read, and its records in order."""

    @property
    def header(self) -> list[str]:
        """Column names as they stand in the file; they may repeat."""
        ...

    @property
    def reading(self) -> dict[str, str]:
        """How it is read, for people: such as {"encoding": "utf-8", "delimiter": ";"}."""
        ...

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield frames of `STAGED_COLUMNS` and one column per header position, in file order.

        Raises:
            SourceError: The file cannot be read on; names file and record.
        """
        ...


OpenSource = Callable[[Content, ReadingOptions], SourceReader]

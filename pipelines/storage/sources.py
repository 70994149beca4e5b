"""Sources: from what the user named to files that can be read, in a fixed order."""

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import polars as pl
from pydantic import BaseModel, ConfigDict

from pipelines.errors import SourceError


class SourceFormat(StrEnum):
    """Formats that can be read."""

    CSV = "csv"
    PARQUET = "parquet"


SUFFIXES = {
    ".csv": SourceFormat.CSV,
    ".parquet": SourceFormat.PARQUET,
    ".pq": SourceFormat.PARQUET,
}
READABLE = "CSV (.csv) and Parquet (.parquet, .pq)"

STAGED_COLUMNS = ("source_row", "malformed")
"""Columns of a staged frame before its `c<position>` columns: the 1-based number of the record in
its file, and the text of a record that does not fit the header (all other columns null)."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the input."""

    path: Path
    """Where it is, as the user named it; reports call the file by this."""
    format: SourceFormat
    """How it is read."""

    @property
    def name(self) -> str:
        """The name that reports use."""
        return str(self.path)


class SourceStamp(BaseModel):
    """What tells, without reading it, that a file is still the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    """Where it is, as the user named it."""
    size_bytes: int
    modified_ns: int
    """Time of the last change to its content, in nanoseconds since 1970."""


class SourceReader(Protocol):
    """A file that was opened: its header, and its records in order."""

    header: list[str]
    """Column names as they stand in the file; they may repeat."""

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield frames of `STAGED_COLUMNS` and one column per header position, in file order.

        Raises:
            SourceError: The file cannot be read on; names file and record.
        """
        ...


OpenSource = Callable[[Path], SourceReader]


def find_sources(named: Sequence[str]) -> list[SourceFile]:
    """Find the files that the user named: files, globs and directories, each file once.

    Files of a glob or a directory come in the order of their names. In a directory only files of
    a readable format count; hidden ones do not.

    Raises:
        SourceError: Nothing is there, or a file named by itself is of another format.
    """
    files: dict[Path, SourceFile] = {}
    for name in named:
        for path in _expand(name):
            files.setdefault(path.resolve(), SourceFile(path, _format(path)))
    return list(files.values())


def _expand(name: str) -> list[Path]:
    if name == "-" or "://" in name:
        raise SourceError(
            f"Cannot read {name}: only local files are supported. Copy it here and name the copy."
        )
    try:
        return _find(name)
    except OSError as error:
        raise SourceError(f"Cannot read {name}: {error.strerror}.") from error


def _find(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
        found = [p for p in found if not p.name.startswith(".")]
        if not found:
            raise SourceError(f"No readable file in directory {name}. Readable are {READABLE}.")
        return found
    if path.exists():
        return [path]
    matches = sorted(Path(p) for p in glob.glob(name, recursive=True))  # noqa: PTH207 (absolute patterns)
    matches = [path for path in matches if path.is_file()]
    if not matches:
        what = "No file matches" if glob.has_magic(name) else "No such file:"
        raise SourceError(f"{what} {name}. Check the path.")
    return matches


def _format(path: Path) -> SourceFormat:
    known = SUFFIXES.get(path.suffix.lower())
    if known is None:
        raise SourceError(
            f"Cannot read {path}: the ending {path.suffix or '(none)'} is not supported. "
            f"Readable are {READABLE}."
        )
    return known


def stamp_source(path: Path) -> SourceStamp:
    """Note what a file is like now.

    Raises:
        SourceError: It is gone, or cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    return SourceStamp(path=str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns)


def refuse_changed(stamp: SourceStamp) -> None:
    """Refuse a file that is not as it was when it was stamped: its rows may be others.

    Raises:
        SourceError: Names what differs.
    """
    try:
        now = stamp_source(Path(stamp.path))
    except SourceError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        raise SourceError(
            f"{stamp.path} is gone: it was there when the run began. Start a new run."
        ) from error
    if now.size_bytes != stamp.size_bytes:
        change = f"it was {stamp.size_bytes:,} bytes, is {now.size_bytes:,}"
    elif now.modified_ns != stamp.modified_ns:
        before, after = _in_words(stamp.modified_ns), _in_words(now.modified_ns)
        change = f"it was last modified at {before}, now at {after}"
    else:
        return
    raise SourceError(f"{stamp.path} has changed since the run began: {change}. Start a new run.")


def _in_words(modified_ns: int) -> str:
    return f"{datetime.fromtimestamp(modified_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def cut_partitions(
    frames: Iterator[pl.DataFrame], rows: int, size_bytes: int
) -> Iterator[pl.DataFrame]:
    """Cut a stream of frames into partitions; an equal stream is cut equally.

    Args:
        frames: Records in order.
        rows: Rows of a partition; fewer only where it would be too large, and at the end.
        size_bytes: Bytes of text that it may hold; a single row may hold more.
    """
    waiting: list[pl.DataFrame] = []
    height = size = 0
    for frame in frames:
        ends = count_text_bytes(frame).cum_sum()
        start = 0
        while start < frame.height:
            before = int(ends[start - 1]) if start else 0
            fitting = int(ends.search_sorted(before + size_bytes - size, side="right")) - start
            count = min(rows - height, fitting, frame.height - start)
            if count <= 0 and height:
                yield pl.concat(waiting)
                waiting, height, size = [], 0, 0
                continue
            count = max(1, count)
            waiting.append(frame.slice(start, count))
            height += count
            start += count
            size += int(ends[start - 1]) - before
    if height:
        yield pl.concat(waiting)


def count_text_bytes(frame: pl.DataFrame) -> pl.Series:
    """Count the bytes of all texts of each row, in lists too."""
    sizes = [
        pl.col(name).list.eval(pl.element().str.len_bytes()).list.sum()
        if isinstance(kind, pl.List)
        else pl.col(name).str.len_bytes()
        for name, kind in frame.schema.items()
        if kind in (pl.String, pl.List(pl.String))
    ]
    if not sizes:
        return pl.Series([0], dtype=pl.Int64).new_from_index(0, frame.height)
    return frame.select(pl.sum_horizontal(sizes).cast(pl.Int64)).to_series()


def take_rows(frames: Iterator[pl.DataFrame], limit: int | None) -> Iterator[pl.DataFrame]:
    """Yield the first `limit` rows of a stream of frames; all of them for None."""
    for frame in frames:
        if limit is None:
            yield frame
        elif limit > 0:
            yield frame.head(limit)
            limit -= frame.height
        else:
            return

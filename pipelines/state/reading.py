"""A state as it was when it was opened: its records by ranges of hashes."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.errors import StateError
from pipelines.state.base import CommitNote, KeyRange, StateKey
from pipelines.state.folders import StateFolder, StoredPointer
from pipelines.state.pointer import NAME, REBUILD, Pointer, Segment, SegmentFile, parse_pointer
from pipelines.state.segments import (
    cannot_read,
    checksum_footer,
    give_none,
    merge_newest,
    read_range,
)
from pipelines.storage.file_lock import Owner
from schemas.sync_records import RECORD_SCHEMA

RANGE_ROWS: Final = 500_000
"""Records of a range, about: what is in memory at a time, some 100 to 200 MB with all columns."""
_HASHES: Final = 1 << 64
_NEEDED: Final = ("key_hash", "endpoint_id", "is_forgotten")
"""Columns that tell which records count."""


class StoredState:
    """A state that can be read (`StateReader`)."""

    key: StateKey
    born: str | None
    feeds: Sequence[str]
    notes: Sequence[CommitNote]
    generation: int

    def __init__(self, folder: StateFolder, key: StateKey) -> None:
        """Open a state as it is now; nothing is made if there is none.

        Raises:
            StateError: It is damaged, or of a newer version of this program.
        """
        self._folder = folder
        self.key = key
        found = folder.read_pointer()
        self._version = found.version if found else None
        self._adopt(_parse(found, folder, key))

    def _adopt(self, pointer: Pointer) -> None:
        self._pointer = pointer
        self.born, self.generation = pointer.born, pointer.generation
        self.feeds, self.notes = list(pointer.feeds), list(pointer.notes)

    def count(self) -> int:
        """Give the number of records, at the most: those written twice may count twice."""
        return sum(segment.rows for segment in self._pointer.segments)

    def size_bytes(self) -> int:
        """Give the size of its files."""
        return sum(file.size_bytes for file in self._pointer.files)

    def owner(self) -> Owner | None:
        """Say who may write it now: who holds its lock."""
        return self._folder.owner()

    def ranges(self, rows: int = 0) -> list[KeyRange]:
        """Cut the range of all hashes so that each part holds about as many records as fit."""
        return cut_range(max(self.count(), rows), RANGE_ROWS)

    def read(self, part: KeyRange, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read the newest record of each Id of a range, without those that are forgotten."""
        wanted = RECORD_SCHEMA.names() if columns is None else list(columns)
        read = self._read_segments(self._pointer.segments, part, wanted)
        return read.filter(~pl.col("is_forgotten")).select(wanted)

    def _read_segments(
        self, segments: Sequence[Segment], part: KeyRange, columns: Sequence[str]
    ) -> pl.DataFrame:
        """Read the newest record of each Id from some segments, also those that are forgotten."""
        columns = [name for name in RECORD_SCHEMA if name in _NEEDED or name in columns]
        files = [[file for file in s.files if _overlaps(file, part)] for s in reversed(segments)]
        names = [file.name for newest in files for file in newest]
        with self._folder.fetched(names) as paths:
            at = dict(zip(names, paths, strict=True))
            frames = [
                pl.concat([self._read_file(file, at[file.name], part, columns) for file in newest])
                for newest in files
                if newest
            ]
        return merge_newest(frames or [give_none(columns)])

    def _read_file(
        self, file: SegmentFile, path: Path, part: KeyRange, columns: Sequence[str]
    ) -> pl.DataFrame:
        shown = f"{self._folder.location}/{file.name}"
        with suppress(FileNotFoundError):
            size_bytes = path.stat().st_size
            if size_bytes != file.size_bytes:
                raise StateError(
                    f"{shown} is damaged: it has {size_bytes:,} bytes, {file.size_bytes:,} were "
                    f"written. {REBUILD}"
                )
            try:
                footer_crc32 = checksum_footer(path)
            except PermissionError as error:
                raise cannot_read(shown, error) from error
            if footer_crc32 != file.footer_crc32:
                raise StateError(f"{shown} is damaged (its footer is another one). {REBUILD}")
            return read_range(path, part, columns, shown)
        found = self._folder.read_pointer()
        if found is None or found.version != self._version:
            raise StateError(
                f"The sync state {self._folder.location} was written twice while it was read. "
                f"Run the command again."
            )
        raise StateError(f"{shown} is missing. {REBUILD}")


def cut_range(rows: int, most: int) -> list[KeyRange]:
    """Cut the range of all hashes so that of so many records each part holds about the most."""
    parts = max(1, -(-rows // most))
    cuts = [_HASHES * number // parts for number in range(parts + 1)]
    return [KeyRange(first, end - 1) for first, end in pairwise(cuts)]


def _parse(found: StoredPointer | None, folder: StateFolder, key: StateKey) -> Pointer:
    if found is None:
        return Pointer(destination=key.destination, application_id=key.application_id)
    pointer = parse_pointer(found.content, folder.location)
    if pointer.key != key:
        raise StateError(
            f"{folder.location}/{NAME} is of application {pointer.application_id} of "
            f"{pointer.destination}, not of {key.application_id} of {key.destination}: it was put "
            f"there by hand. Move the folder away."
        )
    return pointer


def _overlaps(file: SegmentFile, part: KeyRange) -> bool:
    return file.first <= part.last and file.last >= part.first

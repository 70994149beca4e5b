"""Commits: records are written as new files, which count once the pointer is swapped.

A crash before that leaves files that no pointer names; the next commit removes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from secrets import token_hex

import polars as pl

from pipelines.errors import StateError, StorageError
from pipelines.state.base import CommitNote
from pipelines.state.compaction import choose_folded
from pipelines.state.folders import SEGMENT
from pipelines.state.pointer import Pointer, Segment, SegmentFile, keep_notes
from pipelines.state.reading import StoredState, cut_range
from pipelines.state.segments import FILE_ROWS, GROUP_ROWS, checksum_footer, cut_rows, write_groups
from schemas.sync_records import RECORD_SCHEMA

MOST_FEEDS = 64
"""Bits of a number of 64."""
FOLDED_ROWS = 200_000
"""Records that are folded together at a time. They are in memory several times: as they are read,
merged and written, some 300 MB."""


class WritableState(StoredState):
    """A state whose lock this process holds (`StateWriter`)."""

    def number_feed(self, name: str) -> int:
        """Give the number of a feed (0 to 63); a new name gets the next one."""
        if name in self.feeds:
            return list(self.feeds).index(name)
        if len(self.feeds) == MOST_FEEDS:
            raise StateError(
                f"The sync state of application {self.key.application_id} knows {MOST_FEEDS} "
                f"feeds already, the most that it can: {', '.join(self.feeds)}. Use one of these "
                f"names, or begin anew with `endpoint-import state forget`."
            )
        self.feeds = [*self.feeds, name]
        return len(self.feeds) - 1

    def commit(
        self, records: Iterable[pl.DataFrame], note: CommitNote, *, born: str | None = None
    ) -> None:
        """Add records: all of them, or, if the process dies, none."""
        added = self._write_segment(records)
        self._swap(
            self._pointer.followed_by(
                generation=self._pointer.generation + 1,
                born=self._pointer.born if born is None else born,
                feeds=tuple(self.feeds),
                notes=keep_notes([*self._pointer.notes, note]),
                segments=(*self._pointer.segments, *added),
            )
        )
        # The records are in. Whatever is in the way of this is told by who needs it, or is tried
        # again at the next commit.
        with suppress(StorageError, StateError):
            self._fold()

    def erase(self) -> None:
        """Write all anew without the records that are forgotten, and remove what held them."""
        folded = self._write_segment(self._read_folded(self._pointer.segments, is_all=True))
        for _ in range(2):  # files outlast the first swap after them, for who is reading them
            self._swap(self._pointer.followed_by(segments=tuple(folded)))

    def _fold(self) -> None:
        segments = self._pointer.segments
        start = choose_folded(segments)
        if start is not None:
            folded = self._write_segment(self._read_folded(segments[start:], is_all=start == 0))
            self._swap(self._pointer.followed_by(segments=(*segments[:start], *folded)))

    def _read_folded(self, segments: Sequence[Segment], *, is_all: bool) -> Iterator[pl.DataFrame]:
        for part in cut_range(sum(segment.rows for segment in segments), FOLDED_ROWS):
            rows = self._read_segments(segments, part, RECORD_SCHEMA.names())
            yield rows.filter(~pl.col("is_forgotten")) if is_all else rows

    def _write_segment(self, records: Iterable[pl.DataFrame]) -> list[Segment]:
        """Write records into new files; give the segment that they make, none if none came."""
        written: list[SegmentFile] = []
        groups = cut_rows(records, GROUP_ROWS)
        # No file has the name of another: a pointer may name that, though to swap it seemed to
        # fail, or its writer was taken for dead.
        prefix = f"{self._pointer.revision + 1:08d}-{token_hex(4)}"
        last = 0
        try:
            while (group := next(groups, None)) is not None:
                of_file = chain([group], islice(groups, FILE_ROWS // GROUP_ROWS - 1))
                written.append(
                    self._write_file(of_file, f"{prefix}-{len(written):04d}.parquet", last)
                )
                last = written[-1].last
        except BaseException:
            # No pointer names them: to leave them to the next commit would only take room.
            with suppress(StorageError):
                self._folder.remove([file.name for file in written])
            raise
        return [Segment(files=tuple(written))] if written else []

    def _write_file(self, groups: Iterator[pl.DataFrame], name: str, after: int) -> SegmentFile:
        self._folder.require_held()
        with self._folder.adding(name) as path:
            rows, first, last = write_groups(groups, path, after)
            size_bytes, footer_crc32 = path.stat().st_size, checksum_footer(path)
        return SegmentFile(
            name=name,
            rows=rows,
            size_bytes=size_bytes,
            first=first,
            last=last,
            footer_crc32=footer_crc32,
        )

    def _swap(self, pointer: Pointer) -> None:
        self._folder.require_held()
        self._version = self._folder.swap_pointer(pointer.to_bytes(), self._version)
        self._adopt(pointer)
        with suppress(StorageError):  # they only take room, until the next commit
            self._folder.remove(find_orphans(self._folder.list_names(), pointer))


def find_orphans(names: Sequence[str], pointer: Pointer) -> list[str]:
    """Find the files that nobody needs any more.

    Those for a later revision stay: who took this process for dead may be writing them.
    """
    needed = {*(file.name for file in pointer.files), *pointer.left}
    found = [(name, SEGMENT.fullmatch(name)) for name in names if name not in needed]
    return [name for name, match in found if match and int(match[1]) <= pointer.revision]

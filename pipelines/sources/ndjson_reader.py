"""NDJSON: one JSON object a line, nested or not, as columns of text.

The file is read twice: the header must name every member of the whole file before the first record
is given. Memory is that of a block, not of the file.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.errors import SourceError
from pipelines.sources.base import MOST_COLUMNS, Content, ReadingOptions
from pipelines.sources.json_frames import (
    parse_block,
    parse_line,
    split_lines,
    stage_lines,
    stage_table,
)
from pipelines.sources.json_lines import JsonLines
from pipelines.sources.json_members import Members, TooManyMembersError

FRAME_CELLS = 4_000_000
"""Rows times columns of a frame at most; an empty cell takes 16 bytes, too."""


class NdjsonReader:
    """A file of JSON objects."""

    def __init__(self, content: Content, options: ReadingOptions) -> None:
        """Read the file through for its members.

        Raises:
            SourceError: It cannot be read, holds no object, or has too many members.
        """
        self._name = content.name
        self._lines = JsonLines(content, options.encoding)
        self.reading = {
            "encoding": self._lines.encoding,
            "layout": "one document" if self._lines.is_document else "one object a line",
        }
        self._members = Members()
        self._find_members()
        self._columns = self._members.number_columns()
        self._schema = self._members.arrow_schema()
        self.header = [column.name for column in self._columns]

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield the records; see `base.SourceReader`."""
        row = 1
        for block in self._blocks():
            try:
                frame = self._stage(block, row)
            except KeyError as error:
                raise SourceError(
                    f"{self._name} has changed while it was read. Start a new run."
                ) from error
            row += frame.height
            if not frame.is_empty():
                yield frame

    def _stage(self, block: bytes, row: int) -> pl.DataFrame:
        table = parse_block(block, self._schema)
        if table is not None:
            frame = stage_table(table, self._members, self._columns, row)
            if frame is not None:
                return frame
        return stage_lines(split_lines(block), self._members, self._columns, row)

    def _find_members(self) -> None:
        found = 0
        try:
            for block in self._blocks():
                # A block that fits what is known already holds nothing new.
                if parse_block(block, self._members.arrow_schema()) is not None:
                    continue
                for line in split_lines(block):
                    record = parse_line(line)
                    if record is not None:
                        found += 1
                        self._members.note(record)
        except TooManyMembersError as error:
            raise SourceError(
                f"{self._name} has more than {MOST_COLUMNS:,} different members. An endpoint has "
                "some hundreds at most: check that names are not made of values."
            ) from error
        if not found:
            raise SourceError(
                f"{self._name} holds no JSON object: one is expected on every line. "
                "Check that it is the right file."
            )

    def _blocks(self) -> Iterator[bytes]:
        """Yield blocks of lines whose frames are not too large, be there ever so many members."""
        for block in self._lines.blocks():
            most = FRAME_CELLS // max(1, self._members.count)
            if block.count(b"\n") <= most:
                yield block
                continue
            lines = split_lines(block)
            for start in range(0, len(lines), most):
                yield b"\n".join(lines[start : start + most])

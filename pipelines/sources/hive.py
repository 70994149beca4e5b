"""Hive folders: country=US/plan=pro/part-0.parquet has the columns country and plan, too."""

import re
from collections.abc import Iterator
from itertools import takewhile
from urllib.parse import unquote

import polars as pl

from pipelines.sources.base import SourceReader

BLANK = "__HIVE_DEFAULT_PARTITION__"
"""How Hive and Spark write a value that is missing."""
_FOLDER = re.compile(r"([^=]+)=(.*)", re.DOTALL)


def is_partition_folder(name: str) -> bool:
    """Say whether the name of a folder is a column and its value."""
    return _FOLDER.fullmatch(name) is not None


def read_partition_values(path: str) -> tuple[tuple[str, str | None], ...]:
    """Read the columns that the folders right above a file stand for, from the top.

    So it does not matter whether the file, a pattern or a folder above was named.
    """
    folders = path.split("/")[-2::-1]
    matches = map(_FOLDER.fullmatch, takewhile(is_partition_folder, folders))
    values = {unquote(match[1]): unquote(match[2]) for match in reversed([*matches]) if match}
    return tuple((name, None if value == BLANK else value) for name, value in values.items())


class PartitionedReader:
    """A reader whose columns are followed by constant ones; a file's own column wins."""

    def __init__(self, reader: SourceReader, partition: tuple[tuple[str, str | None], ...]) -> None:
        """Add the columns that the file does not have."""
        self._reader = reader
        self._added = {name: value for name, value in partition if name not in reader.header}
        self.header = [*reader.header, *self._added]

    @property
    def reading(self) -> dict[str, str]:
        """See `base.SourceReader`."""
        return self._reader.reading

    def read(self) -> Iterator[pl.DataFrame]:
        """See `base.SourceReader`; a malformed record has no values, as in its own columns."""
        first = len(self._reader.header)
        columns = [
            pl.when(pl.col("malformed").is_null())
            .then(pl.lit(value, pl.String))
            .alias(f"c{first + position}")
            for position, value in enumerate(self._added.values())
        ]
        for frame in self._reader.read():
            yield frame.with_columns(columns)

"""Segment files: records as Parquet, sorted by hash, so that a range reads only its row groups."""

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import StateError
from pipelines.state.base import KeyRange
from pipelines.state.pointer import REBUILD
from schemas.sync_records import RECORD_SCHEMA

GROUP_ROWS: Final = 65_536
"""Records of a row group: what is held in memory to write one, and read too much at either end."""
FILE_ROWS: Final = 15 * GROUP_ROWS
"""Records of a file, about a million: what is downloaded from S3 to read a range."""
_REPEATED: Final = "layout"
_SCHEMA: Final[pa.Schema] = RECORD_SCHEMA.to_frame().to_arrow().schema
_OPTIONS: Final[dict[str, Any]] = {
    # Measured over a million records: 36 bytes each without marks and 135 with 24 of them, by lz4
    # 54 and 157, which are read in two thirds of the time.
    "compression": "zstd",
    "compression_level": 1,
    # Of columns with few values; the others only lose by a dictionary.
    "use_dictionary": [
        *("opt_out", "opt_out_by", "status", "layout", "feeds", "retired", "accepted_at"),
        "run_id",
    ],
    "write_statistics": ["key_hash"],
    # A bit that flipped on a disk is told, not taken for content.
    "write_page_checksum": True,
}


def cut_rows(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Cut frames anew, so that all but the last have this many rows; none is empty."""
    kept: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        start = 0
        while height + frame.height - start >= rows:
            end = start + rows - height
            yield pl.concat([*kept, frame[start:end]])
            kept, height, start = [], 0, end
        if start < frame.height:
            kept.append(frame[start:])
            height += frame.height - start
    if kept:
        yield pl.concat(kept)


def write_groups(groups: Iterable[pl.DataFrame], path: Path, after: int) -> tuple[int, int, int]:
    """Write frames as the row groups of a file; give the rows, the first and the last hash.

    Args:
        groups: The frames.
        path: The file.
        after: Hash of the record before the first one.

    Raises:
        ValueError: There are none, or they are not sorted.
    """
    rows, first, last = 0, 0, after
    with pq.ParquetWriter(path, _SCHEMA, **_OPTIONS) as writer:
        for group in groups:
            hashes = group["key_hash"]
            if not hashes.is_sorted() or hashes[0] < last:
                raise ValueError("records are not sorted by key_hash")
            first = first if rows else int(hashes[0])
            rows, last = rows + group.height, int(hashes[-1])
            writer.write_table(group.to_arrow().cast(_SCHEMA), row_group_size=GROUP_ROWS)
    if not rows:
        raise ValueError("a segment file needs records")
    return rows, first, last


def checksum_footer(path: Path) -> int:
    """Give a checksum of what Parquet itself has none of: where in a file is what.

    A bit that flipped there may hide records, or end the process that reads it.

    Raises:
        OSError: The file is gone, or cannot be read.
    """
    with path.open("rb") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, size_bytes - 8))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size_bytes - 8 - length))
        return zlib.crc32(file.read())


def cannot_read(shown: str, error: OSError) -> StateError:
    """Say why a file cannot be read: rights or the disk are no reason to remove it."""
    return StateError(f"{shown} cannot be read: {error.strerror}.")


def read_range(path: Path, part: KeyRange, columns: Sequence[str], shown: str) -> pl.DataFrame:
    """Read the records of a range from a file.

    Args:
        path: The file.
        part: The range.
        columns: Of `RECORD_SCHEMA`; `key_hash` is one of them.
        shown: What people know the file by.

    Raises:
        FileNotFoundError: It is gone.
        StateError: It is damaged, or cannot be read.
    """
    frames = [give_none(columns)]
    try:
        with pq.ParquetFile(
            path, page_checksum_verification=True, read_dictionary=[_REPEATED]
        ) as file:
            for group in range(file.num_row_groups):
                if _overlaps(file.metadata, group, part):
                    # One at a time: together they would be in memory twice.
                    table = file.read_row_group(group, columns=list(columns))
                    frames.append(_cut(_share_layouts(table), part, columns))
                    del table
                    pa.default_memory_pool().release_unused()
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise cannot_read(shown, error) from error
        raise StateError(f"{shown} is damaged ({error}). {REBUILD}") from error
    return pl.concat(frames)


def give_none(columns: Sequence[str]) -> pl.DataFrame:
    """Give a frame without records."""
    return pl.Schema({name: RECORD_SCHEMA[name] for name in columns}).to_frame()


def _share_layouts(table: pa.Table) -> pl.DataFrame:
    """Make a frame whose rows share the texts of their layouts.

    They are long and the same for nearly all: written out they would be most of a range.
    """
    if _REPEATED not in table.column_names:
        return pl.DataFrame(pl.from_arrow(table))
    layouts = table[_REPEATED].combine_chunks()
    texts = pl.Series(_REPEATED, layouts.dictionary.cast(pa.large_string()), pl.String)
    shared = texts.gather(pl.Series(layouts.indices))
    return pl.DataFrame(pl.from_arrow(table.drop_columns([_REPEATED]))).with_columns(shared)


def _cut(frame: pl.DataFrame, part: KeyRange, columns: Sequence[str]) -> pl.DataFrame:
    first, last = (pl.lit(hash_, pl.UInt64) for hash_ in (part.first, part.last))
    return frame.filter(pl.col("key_hash").is_between(first, last)).select(columns)


def _overlaps(metadata: pq.FileMetaData, group: int, part: KeyRange) -> bool:
    hashes = metadata.row_group(group).column(0).statistics
    return bool(hashes.min <= part.last and hashes.max >= part.first)


def merge_newest(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Give the newest record of each Id, sorted by hash, also those that are forgotten.

    Args:
        frames: Newest first, each sorted by `key_hash`; they have `endpoint_id` too, and an Id
            stands once in each.
    """
    if len(frames) == 1:
        return frames[0]
    rows = pl.concat(frames).sort("key_hash", maintain_order=True)
    hashes = pl.col("key_hash")
    # Only where hashes are equal the Ids have to be looked at: nearly nowhere.
    is_double = (hashes == hashes.shift(1)) | (hashes == hashes.shift(-1))
    rows = rows.with_columns(is_double=is_double.fill_null(value=False))
    lower_id = pl.when("is_double").then(pl.col("endpoint_id").str.to_lowercase())
    is_newest = ~pl.col("is_double") | pl.struct("key_hash", lower_id=lower_id).is_first_distinct()
    return rows.filter(is_newest).drop("is_double")

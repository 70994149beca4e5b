"""Staging: from a source, read once, to partitions that the other phases work on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from pipelines import progress
from pipelines.mapping_files import is_preset
from pipelines.settings import ImportSettings
from pipelines.sources.base import ReadingOptions, SourceFormat, SourceReader
from pipelines.sources.cutting import cut_partitions, take_rows
from pipelines.sources.registry import decide_format, open_source
from pipelines.sources.stamps import SourceStamp, refuse_changed
from pipelines.sources.streams import METER, refuse_unpacked
from pipelines.steps.require_columns import require_columns
from pipelines.storage.atomic import count_rows, write_parquet
from pipelines.storage.manifest import InputRecord, PartitionRecord, hash_file
from pipelines.storage.run_dir import RunDirectory
from schemas.mapping import Mapping

PARTITION_BYTES = 20 << 20
"""Bytes of text in a partition at the most, however few rows that are: working on it takes about
ten times as much memory."""
PARTITION_CELLS = 5_000_000
"""Cells in a partition at the most, which even empty take 16 bytes each: some fifty thousand rows
of a hundred columns, a thousand of the widest source."""
ROW_BYTES = 50
"""What a row counts for, besides its text: one that is empty takes time and room, too."""


@dataclass(frozen=True, slots=True)
class SourceLayout:
    """What is known of a source before its records are read."""

    format: SourceFormat
    header: list[str]
    """Column names as they stand in the file; they may repeat."""
    reading: dict[str, str] = field(default_factory=dict)
    """How it is read (`sources.base.SourceReader.reading`)."""
    mapping: Mapping | None = None
    """What the columns mean, if they have other names than Pinpoint's."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging one source left."""

    input: InputRecord
    partitions: list[PartitionRecord]


def read_layout(
    stamp: SourceStamp, settings: ImportSettings, mapping: Mapping | None = None
) -> SourceLayout:
    """Look at the header of a source.

    Raises:
        SourceError: The file cannot be read, lacks a column that an endpoint needs, or is not what
            it was.
    """
    known, reader = _open(stamp, settings, mapping)
    has_channel = settings.default_channel is not None
    preset = settings.mapping if settings.mapping and is_preset(settings.mapping) else None
    require_columns(
        reader.header,
        stamp.source.name,
        has_channel=has_channel,
        mapping=mapping,
        preset=preset,
    )
    return SourceLayout(known, reader.header, reader.reading, mapping)


def _open(
    stamp: SourceStamp, settings: ImportSettings, mapping: Mapping | None
) -> tuple[SourceFormat, SourceReader]:
    """Open a source that is as it was when the run began."""
    refuse_changed(stamp)
    header = mapping.header if mapping is not None else None
    return _open_reader(stamp, replace(settings.reading, header=header))


@lru_cache(maxsize=1)  # the same source is looked at and then read; some take a while to open
def _open_reader(stamp: SourceStamp, options: ReadingOptions) -> tuple[SourceFormat, SourceReader]:
    known = decide_format(stamp.source)
    return known, open_source(replace(stamp.source, format=known), options)


def stage(
    run: RunDirectory,
    stamp: SourceStamp,
    index: int,
    first_partition: int,
    settings: ImportSettings,
    limit: int | None,
    announce: Callable[[PartitionRecord], None],
    mapping: Mapping | None = None,
) -> Staged:
    """Read one source into partitions: rows as they came, numbered, malformed ones included.

    Args:
        run: Where the partitions go.
        stamp: The file, as it was when the run began.
        index: Which of the run's inputs it is, from 0.
        first_partition: Number of its first partition.
        settings: The run's settings.
        limit: Records to read at most; None for all.
        announce: Called with each partition once its file is there.
        mapping: What the columns of its sources mean.

    Raises:
        SourceError: The file cannot be read, or is not what it was.
    """
    known, reader = _open(stamp, settings, mapping)
    partitions: list[PartitionRecord] = []
    parts = cut_partitions(
        take_rows(reader.read(), limit),
        settings.partition_rows,
        PARTITION_CELLS,
        PARTITION_BYTES,
        partial(_refuse_excess, stamp),
    )
    tell_read = _reading(stamp, known)
    for frame in parts:
        number = first_partition + len(partitions)
        write_parquet(frame, run.part("staged", number))
        partitions.append(PartitionRecord(number=number, input=index, rows=frame.height))
        announce(partitions[-1])
        progress.advance("stage", frame.height)
        tell_read(partitions)
    record = InputRecord(
        path=stamp.source.name,
        format=known.value,
        size_bytes=source_bytes(stamp),
        sha256=_hash(stamp.path, stamp.modified_ns) if stamp.is_local else stamp.sha256,
        etag=stamp.etag,
        header=reader.header,
        reading=reader.reading,
        rows=sum(partition.rows for partition in partitions),
    )
    refuse_changed(stamp)
    _open_reader.cache_clear()
    return Staged(record, partitions)


def _refuse_excess(stamp: SourceStamp, rows: int, text_bytes: int) -> None:
    """Refuse a source that comes to more than anything honest, in whatever way it is packed.

    Formats that keep a value once for all of its rows are another way than archives.
    """
    refuse_unpacked(stamp.source.name, text_bytes + ROW_BYTES * rows, source_bytes(stamp))


def source_bytes(stamp: SourceStamp) -> int:
    """Give the bytes of a source as it lies there, packed or not."""
    return stamp.member_bytes or stamp.size_bytes


def _reading(
    stamp: SourceStamp, known: SourceFormat
) -> Callable[[Sequence[PartitionRecord]], None]:
    """Give what tells, of the partitions read so far, the bytes of the source that they are."""
    size_bytes, before = source_bytes(stamp), METER.taken_bytes
    # A file of Parquet is not read through a stream, and knows how many rows it has.
    is_counted = known is SourceFormat.PARQUET and stamp.is_local and stamp.member is None
    total_rows = count_rows([Path(stamp.path)]) if is_counted and stamp.packing is None else 0
    told = 0

    def tell(parts: Sequence[PartitionRecord]) -> None:
        nonlocal told
        read = METER.taken_bytes - before
        if total_rows:
            read = size_bytes * sum(part.rows for part in parts) // total_rows
        read = min(max(read, told), size_bytes)
        progress.take("stage", read - told)
        told = read

    return tell


@lru_cache(maxsize=1)  # the members of an archive come one after the other
def _hash(path: str, _: int) -> str:
    return hash_file(Path(path))

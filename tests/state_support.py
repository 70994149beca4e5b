"""Records of a sync state, made of few words, and what a whole state holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from pipelines.state.base import CommitKind, CommitNote, KeyRange, StateKey, StateReader
from schemas.sync_records import RECORD_SCHEMA

KEY = StateKey("local", "App 1")
AT = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
ALL_HASHES = KeyRange(0, 2**64 - 1)
GREATEST = 2**64 - 1

Record = dict[str, Any]


def record(key_hash: int, endpoint_id: str, **values: Any) -> Record:
    """A record with nothing but what is given."""
    blank = dict.fromkeys(RECORD_SCHEMA.names())
    known = {"key_hash": key_hash, "endpoint_id": endpoint_id, "is_forgotten": False}
    return {**blank, **known, **values}


def frames(*records: Record, rows: int = 100) -> Iterator[pl.DataFrame]:
    """Records as a commit takes them: in the order of their hashes, some at a time."""
    frame = pl.DataFrame(list(records), schema=RECORD_SCHEMA).sort("key_hash")
    return frame.iter_slices(rows)


def note(kind: CommitKind = CommitKind.ACCEPTED, **values: Any) -> CommitNote:
    return CommitNote(kind=kind, run_id=values.pop("run_id", "r1"), at=AT, **values)


def read_all(state: StateReader) -> list[Record]:
    """Read all ranges, from the one with the smallest hashes on."""
    parts = [state.read(part) for part in state.ranges()]
    whole = pl.concat(parts)
    assert whole.schema == RECORD_SCHEMA
    assert whole["key_hash"].is_sorted()
    return whole.to_dicts()


def ids(state: StateReader) -> list[str]:
    return [found["endpoint_id"] for found in read_all(state)]


@contextmanager
def small_files() -> Iterator[None]:
    """Let a few records be many groups, files and ranges, for a `with` block."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("segments", "writing"):
            patch.setattr(f"pipelines.state.{module}.GROUP_ROWS", 4)
            patch.setattr(f"pipelines.state.{module}.FILE_ROWS", 12, raising=False)
        patch.setattr("pipelines.state.reading.RANGE_ROWS", 8)
        patch.setattr("pipelines.state.writing.FOLDED_ROWS", 7)
        patch.setattr("pipelines.state.compaction.MOST_SEGMENTS", 3)
        patch.setattr("pipelines.state.compaction.LARGEST_SHARE", 2)
        yield


def many(count: int, **values: Any) -> list[Record]:
    """Records whose hashes are spread evenly over all."""
    return [record(GREATEST // count * n, f"e{n:04}", **values) for n in range(count)]

"""The project's own store: immutable Parquet segments and a pointer that names them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from pipelines.state.base import CommitKind, CommitNote, KeyRange, StateKey, StateReader
from pipelines.state.store import locked_state, open_state
from schemas.sync_records import RECORD_SCHEMA

KEY = StateKey("benchmark", "engines")


def _read_rows(files: Path, part: KeyRange) -> pl.DataFrame:
    in_range = pl.col("key_hash").is_between(part.first, part.last)
    return pl.scan_parquet(files).filter(in_range).collect().sort("key_hash")


def _commit(folder: Path, files: Path, run_id: str, rows: int) -> None:
    at = datetime.now(UTC)
    fixed = {"feeds": 1, "is_ours": True, "accepted_at": at, "run_id": run_id}
    fixed["is_forgotten"] = False

    def make_records(state: StateReader) -> Iterator[pl.DataFrame]:
        for part in state.ranges(rows):
            records = _read_rows(files, part).with_columns(
                pl.lit(fixed.get(name)).cast(dtype).alias(name)
                for name, dtype in RECORD_SCHEMA.items()
                if name
                not in ("key_hash", "endpoint_id", "user_id", "opt_out", "status", "content")
            )
            yield records.select(list(RECORD_SCHEMA))

    note = CommitNote(kind=CommitKind.ACCEPTED, run_id=run_id, at=at, is_final=True)
    with locked_state(folder, KEY, run_id=run_id) as state:
        state.commit(make_records(state), note)


def _count_rows(files: Path) -> int:
    return int(pl.scan_parquet(files).select(pl.len()).collect().item())


def create(folder: Path, night: Path, run_id: str) -> None:
    """Make the state of all rows of a night."""
    files = night / "*.parquet"
    _commit(folder, files, run_id, _count_rows(files))


def diff(folder: Path, night: Path, changed: Path) -> None:
    """Write the rows that are not in the state as they are."""
    files = night / "*.parquet"
    state = open_state(folder, KEY)
    found = []
    for part in state.ranges(_count_rows(files)):
        known = state.read(part, ["key_hash", "content"]).rename({"content": "known"})
        compared = _read_rows(files, part).join(known, on="key_hash", how="left")
        found.append(compared.filter(pl.col("content").ne_missing(pl.col("known"))).drop("known"))
    pl.concat(found).write_parquet(changed)


def commit(folder: Path, changed: Path, run_id: str) -> None:
    """Put rows into the state."""
    _commit(folder, changed, run_id, 0)


def count(folder: Path, run_id: str) -> int:
    """Count the records that a run wrote."""
    state = open_state(folder, KEY)
    parts = (state.read(part, ["run_id"]) for part in state.ranges())
    return sum(part.filter(pl.col("run_id") == run_id).height for part in parts)

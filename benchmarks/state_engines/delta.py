"""A Delta table, written by delta-rs.

Delta knows no unsigned numbers: hashes are stored as signed ones.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

_SIGNED = [pl.col("key_hash", "content").reinterpret(signed=True)]
_MOST_SPILLED = 1 << 30
"""Bytes in memory from which on a merge spills."""


def _noted(rows: pl.LazyFrame, run_id: str) -> pl.LazyFrame:
    at = pl.lit(datetime.now(UTC)).alias("accepted_at")
    return rows.with_columns(*_SIGNED, at, pl.lit(run_id).alias("run_id"))


def create(folder: Path, night: Path, run_id: str) -> None:
    """Make the state of all rows of a night."""
    files = sorted(night.iterdir())
    schema = _noted(pl.scan_parquet(files[0]).head(0), run_id).collect().to_arrow().schema

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            rows = _noted(pl.scan_parquet(file), run_id).collect().to_arrow()
            yield from rows.cast(schema).to_batches()

    write_deltalake(folder, pa.RecordBatchReader.from_batches(schema, batches()))


def diff(folder: Path, night: Path, changed: Path) -> None:
    """Write the rows that are not in the state as they are."""
    known = pl.scan_delta(str(folder)).select("key_hash", known="content")
    rows = pl.scan_parquet(night / "*.parquet").with_columns(*_SIGNED)
    compared = rows.join(known, on="key_hash", how="left")
    differing = compared.filter(pl.col("content").ne_missing(pl.col("known"))).drop("known")
    unsigned = pl.col("key_hash", "content").reinterpret(signed=False)
    differing.with_columns(unsigned).sink_parquet(changed)


def commit(folder: Path, changed: Path, run_id: str) -> None:
    """Put rows into the state."""
    rows = _noted(pl.scan_parquet(changed), run_id).collect().to_arrow()
    predicate = "new.key_hash = old.key_hash"
    merger = DeltaTable(folder).merge(
        rows, predicate, "new", "old", streamed_exec=False, max_spill_size=_MOST_SPILLED
    )
    merger.when_matched_update_all().when_not_matched_insert_all().execute()


def count(folder: Path, run_id: str) -> int:
    """Count the records that a run wrote."""
    records = pl.scan_delta(str(folder)).filter(pl.col("run_id") == run_id)
    return int(records.select(pl.len()).collect().item())

"""What tests of retiring share: files of endpoints that are gone."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from pipelines.storage.atomic import write_parquet
from pipelines.storage.run_dir import RunDirectory
from schemas.sync_records import RECORD_SCHEMA

ACCEPTED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def write_gone(run: RunDirectory, number: int, *ids: str, **columns: Any) -> None:
    """Write a file of gone endpoints; columns are values for all of them, or a list."""
    records = pl.DataFrame(
        {"endpoint_id": ids, "accepted_at": ACCEPTED_AT, "run_id": "before", **columns}
    )
    missing = [pl.lit(None, kind).alias(n) for n, kind in RECORD_SCHEMA.items()]
    records = records.with_columns(m for m in missing if m.meta.output_name() not in records)
    records = records.select(RECORD_SCHEMA.names()).cast(dict(RECORD_SCHEMA))
    write_parquet(records, run.part("gone", number))

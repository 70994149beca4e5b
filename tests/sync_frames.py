"""Rows and records for the tests of what compares with the sync state and writes it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from pipelines.steps.fingerprint import hash_ids
from schemas.sync_records import KEYED_SCHEMA, LAYOUT_SEPARATOR, RECORD_SCHEMA

ACCEPTED_AT = datetime(2026, 1, 31, tzinfo=UTC)


def keyed_rows(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Make rows as they are compared; each gets a place, an Id and content of its own."""
    return _fill(
        [
            {"partition": 0, "row_key": 16 * n, "endpoint_id": f"E-{n}", "content": 1000 + n, **row}
            for n, row in enumerate(rows)
        ],
        KEYED_SCHEMA,
    )


def records(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Make records of endpoints that were accepted; each gets an Id and content of its own."""
    return _fill(
        [
            {
                "endpoint_id": f"e-{n}",
                "content": 1000 + n,
                "feeds": 1,
                "is_ours": True,
                "accepted_at": ACCEPTED_AT,
                "run_id": "first",
                "is_forgotten": False,
                "opt_out_by": "source" if row.get("opt_out") == "ALL" else None,
                **row,
            }
            for n, row in enumerate(rows)
        ],
        RECORD_SCHEMA,
    )


def layout(*names: str) -> str:
    return LAYOUT_SEPARATOR.join(names)


def _fill(rows: Sequence[Mapping[str, object]], schema: pl.Schema) -> pl.DataFrame:
    complete = [{name: row.get(name) for name in schema} for row in rows]
    frame = pl.DataFrame(complete, schema=schema)
    return frame.with_columns(hash_ids(frame["endpoint_id"]).alias("key_hash"))

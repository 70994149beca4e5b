"""Find drift: where endpoints at the service are not as it last accepted them."""

import polars as pl

from pipelines.steps.fingerprint import hash_ids, mark_columns
from schemas.sync import RetirePolicy
from schemas.sync_records import LAYOUT_SEPARATOR

REMEMBERED = {"OptOut": "opt_out", "EndpointStatus": "status", "User.UserId": "user_id"}
"""Columns of which a record has the value itself, as it was last said by any row or retirement."""
UNSTEADY = "RequestId"
"""What the service replaces with every update, whoever makes it."""
DELETED = "(deleted)"
"""What differs where an endpoint that was deleted is there."""
DRIFT_SCHEMA = pl.Schema({"key_hash": pl.UInt64, "endpoint_id": pl.String, "column": pl.String})


def find_drift(records: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Tell which columns differ.

    What was never sent is not compared: the service fills some of it in by itself.

    Args:
        records: In the shape of `RECORD_SCHEMA`.
        found: The same endpoints as the service has them (`endpoint_columns.list_columns`); those
            of records that it has not are left out.

    Returns:
        In the shape of `DRIFT_SCHEMA`, a line for each column of each endpoint.
    """
    there = found.with_columns(hash_ids(found["Id"]).alias("key_hash"))
    known = records.join(there.select("key_hash"), on="key_hash", how="semi").with_columns(
        # The status of a record is that from before it was retired.
        status=pl.when(pl.col("retired").eq_missing(RetirePolicy.INACTIVE.value))
        .then(pl.lit("INACTIVE"))
        .otherwise("status")
    )
    now = _list_marks(pl.concat([there.select("key_hash"), mark_columns(found)], how="horizontal"))
    before = _list_marks(known.select("key_hash", "layout", "marks"))
    before = before.filter(~pl.col("column").is_in([*REMEMBERED, UNSTEADY]))
    pairs = before.join(now, on=["key_hash", "column"], how="left", suffix="_now")
    # What is to be cleared is marked as an empty text, and gone at the service.
    mark = pl.col("mark_now").fill_null(_mark_of_nothing())
    drifted = [pairs.filter(pl.col("mark") != mark).select("key_hash", "column")]
    for name, remembered in REMEMBERED.items():
        value = pl.col(name) if name in there.columns else pl.lit(None, pl.String).alias(name)
        values = known.join(there.select("key_hash", value), on="key_hash")
        differs = pl.col(remembered).is_not_null() & pl.col(remembered).ne_missing(pl.col(name))
        drifted.append(values.filter(differs).select("key_hash", pl.lit(name).alias("column")))
    deleted = known.filter(pl.col("retired") == RetirePolicy.DELETE.value)
    lines = pl.concat(drifted).join(deleted, on="key_hash", how="anti")
    lines = pl.concat([lines, deleted.select("key_hash", pl.lit(DELETED).alias("column"))])
    told = lines.join(known.select("key_hash", "endpoint_id"), on="key_hash")
    return told.select(DRIFT_SCHEMA.names()).sort("key_hash", "column")


def _list_marks(content: pl.DataFrame) -> pl.DataFrame:
    """Give a line for each column of each endpoint that has a mark."""
    names = pl.col("layout").str.split(LAYOUT_SEPARATOR).alias("column")
    kept = content.filter(pl.col("marks").list.len() > 0)
    lines = kept.select("key_hash", names, pl.col("marks").alias("mark"))
    return lines.explode("column", "mark", empty_as_null=True).drop_nulls("mark")


def _mark_of_nothing() -> int:
    return int(mark_columns(pl.DataFrame({"Address": [""]}))["marks"][0][0])

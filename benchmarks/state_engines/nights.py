"""What a source holds on a night, as the compare phase gets it: files of rows sorted by hash."""

from pathlib import Path

import polars as pl

from pipelines.steps.fingerprint import hash_ids

FILE_ROWS = 100_000
CHANGED = 100
"""One row in so many differs from the night before."""


def make_rows(first: int, rows: int, night: int) -> pl.DataFrame:
    """Make rows; from one night to the next the contents of 1 % change."""
    number = pl.int_range(first, first + rows, dtype=pl.UInt64)
    frame = pl.select(number.alias("number"), endpoint_id=pl.format("endpoint-{}", number))
    row = pl.col("number")
    # Spreads the numbers over all of 64 bits, as a hash does; an odd factor keeps them distinct.
    content = row.alias("content")
    for changed in range(1, night + 1):
        content = pl.when(row % CHANGED == changed).then(content + (1 << 40)).otherwise(content)
    return frame.select(
        hash_ids(frame["endpoint_id"]).alias("key_hash"),
        "endpoint_id",
        pl.format("user-{}", row // 2).alias("user_id"),
        pl.when(row % 20 == 0).then(pl.lit("ALL")).otherwise(pl.lit("NONE")).alias("opt_out"),
        pl.lit("ACTIVE").alias("status"),
        content.hash(seed=0).alias("content"),
    ).sort("key_hash")


def write_night(folder: Path, rows: int, night: int) -> None:
    """Write the rows of a night."""
    folder.mkdir(parents=True)
    for first in range(0, rows, FILE_ROWS):
        frame = make_rows(first, min(FILE_ROWS, rows - first), night)
        frame.write_parquet(folder / f"{first // FILE_ROWS:05d}.parquet", compression="lz4")

"""Resolves so many keys in this process, and prints the time and memory that it took.

`benchmarks.constants` starts it with two sizes: what the larger one takes more is a row's cost.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from benchmarks.phase_costs import peak_mb
from pipelines.settings import PARTITION_ROWS
from pipelines.steps.resolve import resolve

REPEATED = 100
"""One row in so many repeats an Id of its partition."""


def make_keys(partition: int) -> pl.DataFrame:
    """Make the keys of one partition, as long as those of `benchmarks.export`."""
    number = pl.int_range(pl.len()) + partition * PARTITION_ROWS
    own = pl.when(number % REPEATED == 0).then(number + 1).otherwise(number)
    return (
        pl.select(row_key=pl.int_range(1, PARTITION_ROWS + 1))
        .with_columns(
            partition=pl.lit(partition, pl.Int64),
            id_key=pl.format("endpoint-{}", own),
            channel_type=pl.when(number % 2 == 0).then(pl.lit("EMAIL")).otherwise(pl.lit("SMS")),
            address=pl.format("p{}@example.com", number),
            user_id=pl.format("user-{}", number // 2),
            effective_date=pl.lit("2026-01-02T10:00:00.000Z"),
            opt_out=pl.lit(None, pl.String),
        )
        .select("partition", pl.exclude("partition"))
    )


def main(partitions: int) -> None:
    """Resolve, and print the costs as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{partition}.parquet") for partition in range(partitions)]
        for partition, file in enumerate(files):
            make_keys(partition).write_parquet(file, compression="lz4")

        def read(partition: int, columns: Sequence[str]) -> pl.DataFrame:
            return pl.read_parquet(files[partition], columns=list(columns))

        began_s = time.process_time()
        resolve(range(partitions), read)
        took_s = time.process_time() - began_s
    took = {"cpu_s": took_s, "peak_mb": peak_mb(), "rows": partitions * PARTITION_ROWS}
    sys.stdout.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))

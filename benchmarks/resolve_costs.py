"""Resolves so many keys in this process, and prints the time and memory that it took.

`benchmarks.constants` starts it with two sizes: what the larger one takes more is a row's cost.
"""

import json
import sys
import time

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
        pl.select(source_row=pl.int_range(1, PARTITION_ROWS + 1))
        .with_columns(
            partition=pl.lit(partition, pl.Int64),
            id_key=pl.format("endpoint-{}", own),
            channel_type=pl.when(number % 2 == 0).then(pl.lit("EMAIL")).otherwise(pl.lit("SMS")),
            address=pl.format("p{}@example.com", number),
            user_id=pl.format("user-{}", number // 2),
            effective_date=pl.lit("2026-01-02T10:00:00.000Z"),
        )
        .select("partition", pl.exclude("partition"))
    )


def main(partitions: int) -> None:
    """Resolve, and print the costs as JSON."""
    keys = pl.concat([make_keys(partition) for partition in range(partitions)])
    began_s = time.process_time()
    resolve(keys, dict.fromkeys(range(partitions), "export.csv"))
    took = {"cpu_s": time.process_time() - began_s, "peak_mb": peak_mb(), "rows": keys.height}
    sys.stdout.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))

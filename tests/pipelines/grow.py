"""Takes a CSV file in and resolves it, in partitions of 500 rows; prints the peak memory in MB.

A process of its own for `test_memory`: the peak is that of a whole process.
"""

import resource
import sys
from functools import partial
from pathlib import Path

import polars as pl

from pipelines.preparing import prepare
from pipelines.settings import ImportSettings
from pipelines.sources.base import SourceFile, SourceFormat
from pipelines.sources.stamps import stamp_source
from pipelines.staging import read_layout, stage
from pipelines.steps.resolve import resolve
from pipelines.storage.run_dir import RunDirectory, create_run_directory


def read_keys(run: RunDirectory, number: int, columns: list[str]) -> pl.DataFrame:
    return pl.read_parquet(run.part("prepared", number), columns=columns)


def main(path: Path, partition_rows: int) -> None:
    settings = ImportSettings(sources=[str(path)], partition_rows=partition_rows)
    run = create_run_directory(path.parent / "runs", path.stem)
    stamp = stamp_source(SourceFile(str(path), SourceFormat.CSV))
    layout = read_layout(stamp, settings)

    def prepare_at_once(part):
        prepare(run, part, layout, [], settings, with_items=True)

    staged = stage(run, stamp, 0, 0, settings, None, prepare_at_once)
    resolve([part.number for part in staged.partitions], partial(read_keys, run))
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

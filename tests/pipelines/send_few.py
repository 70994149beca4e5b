"""Sends one row in a hundred of so many partitions; prints in MB how far the peak of memory rises.

A process of its own for `test_memory`: the peak is that of a whole process.
"""

import resource
import sys
from pathlib import Path

import polars as pl
from fakes import ScriptedDestination
from sending_support import make_run, make_sender

from pipelines.sending import send_shipment
from schemas.shipments import Shipment

ROWS = 20_000
EVERY = 100


def main(folder: Path, partitions: int) -> None:
    """Make partitions of 20 MB each, and send."""
    kept_back = [row for row in range(1, ROWS + 1) if row % EVERY]
    run = make_run(folder, [f"[{n}{' ' * 1000}]" for n in range(ROWS)], decided=kept_back)
    decisions = pl.read_parquet(run.decisions)
    numbers = pl.DataFrame({"partition": range(partitions)}, {"partition": pl.Int64})
    decisions = numbers.join(decisions.drop("partition"), how="cross")
    decisions.write_parquet(run.decisions)
    for number in range(1, partitions):
        run.part("prepared", number).hardlink_to(run.part("prepared", 0))
    shipment = Shipment(0, tuple(range(partitions)), (ROWS // EVERY,) * partitions)
    before_mb = peak_mb()
    assert send_shipment(run, shipment, make_sender(ScriptedDestination())) is None
    sys.stdout.write(str(peak_mb() - before_mb))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

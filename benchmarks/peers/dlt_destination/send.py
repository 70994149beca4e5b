"""dlt with a custom destination of batches of 100, sent in parallel as its documentation says.

https://dlthub.com/docs/dlt-ecosystem/destinations/destination and
https://dlthub.com/docs/reference/performance, read in November 2026: pages of rows, files cut so
that there is something to work on in parallel, two processes that normalize, threads that load.
"""

import csv
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

ROWS_PER_FILE = "20000"
SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": ROWS_PER_FILE,
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": ROWS_PER_FILE,
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "4",
}
os.environ.update(SETTINGS)

import dlt  # noqa: E402 (reads its settings when it is imported)

from benchmarks.peers.plain_boto3.send import connect, nest, send  # noqa: E402


# dlt would make a time of a text that looks like one, which boto3 does not take.
@dlt.resource(name="endpoints", columns={"EffectiveDate": {"data_type": "text"}})
def read_endpoints(path: str) -> Iterator[list[dict[str, Any]]]:
    """Read a file in pages of endpoints."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        while page := [nest(row) for row in islice(rows, 1000)]:
            yield page


def main(path: str, url: str, folder: str) -> None:
    """Send a file."""
    client = connect(url)

    @dlt.destination(batch_size=100, name="pinpoint", loader_parallelism_strategy="parallel")
    def pinpoint(items: list[dict[str, Any]], table: dict[str, Any]) -> None:
        send(client, items)

    pipeline = dlt.pipeline("bench", destination=pinpoint, pipelines_dir=folder)
    pipeline.run(read_endpoints(path)).raise_on_failed_jobs()


if __name__ == "__main__":
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as working_folder:
        main(sys.argv[1], sys.argv[2], working_folder)
    print(time.perf_counter() - began)

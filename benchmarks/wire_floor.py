"""How fast any client in Python could be: bodies that are ready, signed and sent, nothing else.

`python -m benchmarks.wire_floor EXPORT URL THREADS REQUESTS` makes bodies as `run` does, of an
export's first rows, and sends them over and over by urllib3, signed by botocore's SigV4 with the
body's hash. Prints the wall and CPU seconds of the sending alone.
"""

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pipelines.destinations.pinpoint import ENVELOPE
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader
from pipelines.steps.encode import encode
from pipelines.steps.map_columns import map_columns, plan_columns
from pipelines.steps.normalize import NormalizeParams, normalize
from pipelines.steps.pack import ItemBuffer

BODIES = 400
"""Different bodies: some 23 MB, more than a processor's cache holds."""
ITEMS = 100


def make_bodies(export: Path) -> list[bytes]:
    """Make request bodies of an export's first rows."""
    source = CsvReader(LocalContent(export), ReadingOptions())
    rows = next(iter(source.read())).rename({"source_row": "row_key"}).head(BODIES * ITEMS)
    mapped = map_columns(rows, plan_columns(source.header)).frame
    items = ItemBuffer([encode(normalize(mapped, NormalizeParams()).frame).frame["item"]])
    starts = range(0, len(items), ITEMS)
    return [items.payload(n, min(n + ITEMS, len(items))).join(ENVELOPE) for n in starts]


def send(url: str, bodies: Sequence[bytes], numbers: range) -> None:
    """Sign and send some of the requests on one connection.

    Raises:
        RuntimeError: The service does not take one.
    """
    address = f"{url}/v1/apps/bench/endpoints"
    signer = SigV4Auth(Credentials("local", "local"), "mobiletargeting", "us-east-1")
    with urllib3.PoolManager(maxsize=1, retries=False) as pool:
        for number in numbers:
            body = bodies[number % len(bodies)]
            headers = {"Content-Type": "application/json"}
            request = AWSRequest("PUT", address, headers=headers, data=body)
            signer.add_auth(request)
            answer = pool.request("PUT", address, body=body, headers=dict(request.headers))
            if answer.status != 202:
                raise RuntimeError(f"answered {answer.status}")


def main(export: Path, url: str, threads: int, requests: int) -> None:
    """Send and print."""
    bodies = make_bodies(export)
    began, cpu_began = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as workers:
        sent = [
            workers.submit(send, url, bodies, range(first, requests, threads))
            for first in range(threads)
        ]
        for future in sent:
            future.result()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

"""A long import into a service that throttles, without being told its quota.

`python -m benchmarks.soak` says how much of the quota is used, what that costs in 429s, and what
memory the import takes as it goes on. The service is a process of its own on loopback; a quota
above what the machine can do (some 190 requests/s on two cores) tells nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.export import write_export
from pipelines.local_server.faults import parse_latency, parse_quota
from pipelines.local_server.process import LocalServer, ServerOptions

EVERY_S = 0.5
"""Seconds between two looks at the import."""
SHARES = (0.1, 0.5, 1.0)
"""Of the rows sent: where the memory is told."""


class Look(NamedTuple):
    """The import at one moment."""

    answers: int
    memory_mb: float


def look_at(pid: int, run: Path) -> Look:
    """See how far an import is and what memory it has."""
    answers = sum(log.read_bytes().count(b"\n") for log in run.glob("delivered/*.log"))
    status = Path(f"/proc/{pid}/status").read_text()
    resident = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return Look(answers, int(resident[0]) / 1024 if resident else 0.0)


def watch(command: list[str], run: Path, log: Path) -> list[Look]:
    """Run an import to its end and look at it now and then."""
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    looks = []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *command],
            env={**os.environ, **keys},
            stdout=output,
            stderr=output,
        )
    while process.poll() is None:
        looks.append(look_at(process.pid, run))
        time.sleep(EVERY_S)
    if process.returncode:
        sys.exit(f"the import gave {process.returncode}: {log.read_text()}")
    return looks


def main() -> None:
    """Import, watch and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quota", default="100/s")
    parser.add_argument("--latency", default="5ms")
    options = parser.parse_args()
    quota = parse_quota(options.quota)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_export(folder / "export.csv", options.rows)
        server_options = ServerOptions(
            port=0,
            db=folder / "store.sqlite3",
            applications=("soak",),
            quota=quota,
            latency=parse_latency(options.latency),
        )
        with LocalServer(server_options) as server:
            command = ["run", str(folder / "export.csv"), "--runs-dir", str(folder / "runs")]
            command += ["--run-id", "soak", "--application-id", "soak"]
            command += ["--endpoint-url", server.url]
            looks = watch(command, folder / "runs" / "soak", folder / "log")
        run = folder / "runs" / "soak"
        show(
            json.loads((run / "summary.json").read_bytes()),
            json.loads((run / "manifest.json").read_bytes())["phase_seconds"],
            looks,
            quota,
        )


def show(
    summary: dict[str, float], phases: dict[str, float], looks: list[Look], quota: float
) -> None:
    """Print what was seen."""
    rows, sending_s = summary["rows"], phases["deliver"]
    # The service lets one second's worth pass at once before it counts.
    possible = quota * (sending_s + 1)
    taken = summary["requests"] - summary["throttled"]
    print(f"{rows:,} rows in {summary['seconds']:,.1f} s: {summary['rows_per_second']:,.0f} rows/s")
    print("  ".join(f"{phase} {seconds:,.1f} s" for phase, seconds in phases.items()))
    print(f"quota {quota:,.0f} requests/s, {taken / possible:.1%} of it used while sending")
    throttled = summary["throttled"]
    print(f"{summary['requests']:,} requests, {throttled:,} of 429 ({throttled / taken:.1%})")
    most = max(look.answers for look in looks)
    at = [(share, next(look for look in looks if look.answers >= share * most)) for share in SHARES]
    told = ", ".join(f"{look.memory_mb:,.0f} MB at {share:.0%}" for share, look in at)
    print(f"memory: {told} of the rows sent; at most {max(look[1] for look in looks):,.0f} MB")
    print(f"accepted {summary['accepted']:,}, books balance: {summary['balanced']}")


if __name__ == "__main__":
    main()

"""Kills an import again and again, resumes it until it is done, and compares what is left.

`python -m benchmarks.kills` imports one export twice into local servers: once in peace, and once
with `kill -9` at random moments of its work. Everything is as users have it: commands in processes
of their own, each with its Prefect API, over real sockets.
"""

import argparse
import io
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.export import write_export
from pipelines.local_server.faults import parse_latency
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.sending import read_counts
from pipelines.storage.manifest import Manifest, load_manifest
from pipelines.storage.run_dir import RunDirectory
from schemas.outcomes import Outcome

IN_FLIGHT = 4
MARK = "STARTED_BY_BENCHMARK"
"""Variable by which the children of a killed command are found."""
LIVE_ON_S = 30
"""Seconds that they have to end in."""
COUNTED = (*(outcome.value for outcome in Outcome), "rows", "status", "balanced", "issues_by_code")
PHASES = {"outcomes": "report", "delivered": "deliver", "prepared": "prepare", "staged": "stage"}
"""What a run is about once there is a file in the folder, the last one first."""


@dataclass
class Import:
    """An import into a local server, in one attempt or many."""

    folder: Path
    command: list[str]
    requests: int = 0
    """Requests that the service got."""
    kills: Counter[str] = field(default_factory=Counter)
    """Kills by phase."""
    lost: list[int] = field(default_factory=list)
    """For each kill, requests that the service got and the run does not know of."""
    orphans: int = 0
    """Processes that outlived their command."""

    @property
    def run(self) -> RunDirectory:
        """The run."""
        return RunDirectory(self.folder / "runs" / "run")

    @property
    def summary(self) -> dict[str, Any]:
        """Its summary, once it is finished."""
        return dict(json.loads(self.run.summary.read_bytes()))

    def attempt(self, kill_after_s: float | None, port: int = 0) -> int:
        """Begin the run or go on with it; give the port of the service.

        Args:
            kill_after_s: Seconds of work after which it is killed, if it is.
            port: Where the service is to be.
        """
        db, latency = self.folder / "store.sqlite3", parse_latency("20ms")
        options = ServerOptions(port=port, db=db, applications=("kills",), latency=latency)
        told = io.StringIO()
        before, attempts = self._counted_requests(), len(self._attempts())
        with redirect_stderr(told), LocalServer(options) as server:
            target = ["--endpoint-url", server.url, "--runs-dir", str(self.run.path.parent)]
            command = ["resume", "run", *target[2:]] if attempts else [*self.command, *target]
            code = self._run(command, attempts, kill_after_s)
        found = re.search(r"Rehearsal: ([\d,]+) request", told.getvalue())
        got = int(found[1].replace(",", "")) if found else 0
        self.requests += got
        if code == -9:
            self.lost.append(got - (self._counted_requests() - before))
            self.kills[self._phase()] += 1
        elif code not in (0, 1):
            sys.exit(f"{command} gave {code}: {(self.folder / 'log').read_text()}")
        return int(server.url.rpartition(":")[2])

    def is_finished(self) -> bool:
        """Say whether its results are written."""
        manifest = self._manifest()
        return manifest is not None and manifest.finished_at is not None

    def _run(self, command: list[str], attempts: int, kill_after_s: float | None) -> int:
        mark = f"{time.monotonic_ns()}"
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", *command],
                env={**os.environ, **keys, "PREFECT_HOME": str(self.folder), MARK: mark},
                stdout=log,
                stderr=log,
            )
        if kill_after_s is not None:
            has_begun = lambda: len(self._attempts()) > attempts  # noqa: E731
            wait_until(lambda: process.poll() is not None or has_begun(), 600)
            wait_until(lambda: process.poll() is not None, kill_after_s)
            process.kill()
        process.wait()
        wait_until(lambda: not find_marked(mark), LIVE_ON_S)
        for pid in find_marked(mark):
            self.orphans += 1
            os.kill(int(pid), signal.SIGKILL)
        return process.returncode

    def _manifest(self) -> Manifest | None:
        return load_manifest(self.run) if self.run.manifest.exists() else None

    def _attempts(self) -> list[object]:
        manifest = self._manifest()
        return list(manifest.attempts) if manifest else []

    def _counted_requests(self) -> int:
        return read_counts(self.run).requests

    def _phase(self) -> str:
        folders = (name for name in PHASES if any((self.run.path / name).glob("part-*")))
        return PHASES.get(next(folders, ""), "stage")


def wait_until(is_done: Callable[[], bool], seconds: float) -> None:
    last_s = time.monotonic() + seconds
    while not is_done() and time.monotonic() < last_s:
        time.sleep(0.002)


def find_marked(mark: str) -> list[str]:
    """Find living processes by their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue  # it has just ended
    return found


def read_store(folder: Path) -> list[tuple[str, ...]]:
    """Read what the service stored, without its own times."""
    columns = "id, channel, address, status, opt_out, effective_date, user_id, members"
    with sqlite3.connect(folder / "store.sqlite3") as connection:
        return connection.execute(f"SELECT {columns} FROM endpoints ORDER BY id").fetchall()


def read_outcomes(run: RunDirectory) -> pl.DataFrame:
    """Read the outcomes, without the ids that the service gave its answers."""
    return pl.read_parquet(run.path / "outcomes" / "part-*.parquet").drop("request_id")


def name_files(run: RunDirectory) -> set[str]:
    return {str(path.relative_to(run.path)) for path in run.path.rglob("*")}


def compare(peaceful: Import, killed: Import) -> dict[str, bool]:
    """Say what is as it should be."""
    books, expected = killed.summary, peaceful.summary
    return {
        "stored endpoints are equal": read_store(killed.folder) == read_store(peaceful.folder),
        "outcomes are equal": read_outcomes(killed.run).equals(read_outcomes(peaceful.run)),
        "books are equal": all(books[name] == expected[name] for name in COUNTED),
        "books balance": bool(books["balanced"]),
        "errors.csv is equal": killed.run.errors.read_bytes() == peaceful.run.errors.read_bytes(),
        "no other files are left": name_files(killed.run) == name_files(peaceful.run),
        "no process is left": killed.orphans == 0,
        f"at most {IN_FLIGHT} requests lost per kill": max(killed.lost, default=0) <= IN_FLIGHT,
    }


def main() -> None:
    """Import, kill, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        export = Path(name, "export.csv")
        write_export(export, options.rows)
        command = ["run", str(export), "--run-id", "run", "--application-id", "kills"]
        command += ["--max-in-flight", str(IN_FLIGHT), "--partition-rows", str(options.rows // 50)]
        peaceful, killed = (Import(Path(name, each), command) for each in ("peaceful", "killed"))
        for each in (peaceful, killed):
            each.folder.mkdir()
        peaceful.attempt(None)
        work_s = peaceful.summary["seconds"]
        port = 0
        while not killed.is_finished():
            is_last = len(killed.lost) >= options.kills
            # So that the kills spread over the whole of the work.
            kill_after_s = None if is_last else draw.uniform(0, 2 * work_s / options.kills)
            port = killed.attempt(kill_after_s, port)
        show(peaceful, killed)


def show(peaceful: Import, killed: Import) -> None:
    """Print what was found."""
    books = killed.summary
    print(f"{books['rows']:,} rows, {sum(killed.kills.values())} kills: {dict(killed.kills)}")
    print(f"in peace {peaceful.summary['seconds']} s of work, killed {books['seconds']} s")
    print(
        f"requests: {peaceful.requests:,} in peace; {killed.requests:,} when killed, of which the "
        f"run knows {books['requests']:,}; lost per kill {killed.lost}"
    )
    for what, holds in compare(peaceful, killed).items():
        print(f"{'yes' if holds else 'NO '}  {what}")


if __name__ == "__main__":
    main()

"""`make bench-state`: what a night costs that finds its changes among millions of Ids.

Makes the state of so many Ids and the rows of a night in which 1 % changed, as the phases before
leave them: files of 100,000 rows sorted by hash, with marks of 24 columns. Then, in a process of
its own: compare all of them with the state, commit what is to be sent, commit it as accepted. The
goal for ten million Ids on two cores: to compare in less than 60 s and 1.5 GB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.environments import HERE
from benchmarks.phase_costs import CLEAR_PEAK, peak_mb
from benchmarks.state_engines.nights import CHANGED, FILE_ROWS, make_rows
from pipelines.settings import ImportSettings
from pipelines.state.base import CommitKind, CommitNote, KeyRange, StateKey, StateWriter
from pipelines.state.store import locked_state, open_state
from pipelines.steps.sync_records import Occasion, accept
from pipelines.storage.manifest import Attempt, Manifest, PartitionRecord
from pipelines.storage.run_dir import RunDirectory, create_run_directory
from pipelines.syncing.comparing import compare_run, read_intents, read_range, write_sorted
from schemas.sync import DUE, SyncMode
from schemas.sync_records import KEYED_SCHEMA, LAYOUT_SEPARATOR

IDS = 10_000_000
GOAL_S, GOAL_MB = 60, 1536
KEY = StateKey("benchmark", "diff")
LAYOUT = LAYOUT_SEPARATOR.join(f"Attributes.column_{number:02d}" for number in range(24))
FEED = 0
NO_ISSUES = pl.Schema({"row_key": pl.Int64, "column": pl.String, "code": pl.String}).to_frame()


def make_keyed(first: int, rows: int, night: int) -> pl.DataFrame:
    """Make rows of one partition as they are compared."""
    content = pl.col("content")
    marks = [
        (content // (1 << number)).cast(pl.UInt32, wrap_numerical=True) for number in range(24)
    ]
    return make_rows(first, rows, night).select(
        "key_hash",
        pl.lit(first // FILE_ROWS, pl.Int64).alias("partition"),
        pl.int_range(pl.len()).alias("row_key"),
        *("endpoint_id", "user_id", "opt_out", "status", "content"),
        pl.lit(LAYOUT).alias("layout"),
        pl.concat_list(marks).alias("marks"),
    )


def write_run(runs: Path, ids: int, night: int) -> None:
    """Write what the compare phase reads of a run."""
    run = create_run_directory(runs, f"night-{night}")
    for folder in (
        "keyed",
        "present",
        "rows",
        "compared",
        "intents",
        "taken",
        "resolved",
        "gone",
        "found",
    ):
        run.at(folder).mkdir(exist_ok=True)
    for first in range(0, ids, FILE_ROWS):
        frame = make_keyed(first, min(FILE_ROWS, ids - first), night)
        number = first // FILE_ROWS
        write_sorted(frame.select(KEYED_SCHEMA.names()), run.part("keyed", number))
        present = frame.select("key_hash", pl.col("endpoint_id").alias("id_key"))
        write_sorted(present, run.part("present", number))
        rows = frame.select("row_key", "endpoint_id", has_own_id=pl.lit(value=True))
        rows.write_parquet(run.part("rows", number))
        NO_ISSUES.write_parquet(run.part("found", number))


def open_run(runs: Path, night: int) -> tuple[RunDirectory, Manifest]:
    """Open a run that `write_run` wrote."""
    run = RunDirectory(runs / f"night-{night}")
    now = datetime.now(UTC)
    parts = [
        PartitionRecord(number=number, input=0, rows=FILE_ROWS)
        for number in range(len(run.list_files("keyed", ".parquet")))
    ]
    manifest = Manifest(
        run_id=run.run_id,
        command="run",
        settings={},
        versions={},
        folder=str(runs),
        sources=[],
        partitions=parts,
        started_at=now,
        attempts=[Attempt(started_at=now)],
    )
    return run, manifest


def make_records(
    state: StateWriter, files: list[Path], occasion: Occasion, parts: list[KeyRange]
) -> Iterator[pl.DataFrame]:
    """Give the records of accepted rows."""
    for part in parts:
        yield accept(read_range(files, part).sort("key_hash"), state.read(part), occasion)


def make(folder: Path, ids: int) -> None:
    """Make two nights, and the state after the first."""
    runs = folder / "runs"
    write_run(runs, ids, 0)
    write_run(runs, ids, 1)
    run, _ = open_run(runs, 0)
    with locked_state(folder, KEY, run_id=run.run_id) as state:
        state.number_feed("main")
        files = run.list_files("keyed", ".parquet")
        records = make_records(state, files, occasion_of(run), state.ranges(ids))
        state.commit(records, note_of(run, CommitKind.ACCEPTED))


def occasion_of(run: RunDirectory) -> Occasion:
    return Occasion(datetime.now(UTC), run.run_id, FEED)


def note_of(run: RunDirectory, kind: CommitKind) -> CommitNote:
    return CommitNote(kind=kind, run_id=run.run_id, at=datetime.now(UTC))


def measure(folder: Path, mode: str) -> dict[str, Any]:
    """Compare the second night with the state, and commit it twice."""
    run, manifest = open_run(folder / "runs", 1)
    settings = ImportSettings(sources=["-"], sync_mode=SyncMode(mode))
    took: dict[str, Any] = {"size_mb": sum_mb(folder, "pointer.json", "*.parquet")}
    with locked_state(folder, KEY, run_id=run.run_id) as state:

        def timed(name: str, work: Callable[[], Any]) -> Any:
            Path("/proc/self/clear_refs").write_text(CLEAR_PEAK)
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            result = work()
            took[name] = {
                "seconds": time.perf_counter() - began_s,
                "cpu_seconds": time.process_time() - began_cpu_s,
                "peak_mb": peak_mb(),
            }
            return result

        comparison = timed("compare", lambda: compare_run(run, manifest, settings, state, FEED))
        intents = read_intents(run, comparison)
        timed("intent", lambda: state.commit(intents, note_of(run, CommitKind.INTENT)))
        write_taken(run)
        files = run.list_files("taken", ".parquet")
        records = make_records(state, files, occasion_of(run), state.ranges())
        timed("accepted", lambda: state.commit(records, note_of(run, CommitKind.ACCEPTED)))
        timed("compare_again", lambda: compare_run(run, manifest, settings, state, FEED))
    return {**took, **comparison.model_dump(mode="json")}


def write_taken(run: RunDirectory) -> None:
    """Write down that the service took all that is due."""
    due = [int(standing) for standing in DUE]
    for path in run.list_files("compared", ".parquet"):
        is_due = pl.read_parquet(path).filter(pl.col("standing").is_in(due))
        keyed = pl.read_parquet(run.at("keyed", path.name))
        taken = keyed.join(is_due, on="row_key", how="semi", maintain_order="left")
        write_sorted(taken, run.at("taken", path.name))


def sum_mb(folder: Path, *names: str) -> float:
    """Add up the files of the state."""
    states = [path for path in folder.iterdir() if path.is_dir() and path.name != "runs"]
    sizes = [file.stat().st_size for state in states for name in names for file in state.glob(name)]
    return sum(sizes) / 1e6


def count_wrong(folder: Path, ids: int) -> int:
    """Count the records that are not as they should be after both nights."""
    state = open_state(folder, KEY)
    known = pl.concat(
        state.read(part, ["endpoint_id", "content", "run_id"]) for part in state.ranges()
    )
    changed = known.filter(pl.col("run_id") == "night-1").height
    lacking = known["content"].null_count()
    return abs(known.height - ids) + abs(changed - ids // CHANGED) + lacking


def main() -> None:
    """Make and measure, each in a process of its own; print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, default=IDS)
    parser.add_argument("--mode", choices=["changed", "mirror"], default="changed")
    parser.add_argument("--step", choices=["make", "measure", "check"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where to make the files")
    options = parser.parse_args()
    if options.step:
        steps = {
            "make": lambda: make(options.folder, options.ids),
            "measure": lambda: measure(options.folder, options.mode),
            "check": lambda: count_wrong(options.folder, options.ids),
        }
        print(json.dumps(steps[options.step]()))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:

        def take(step: str) -> Any:
            command = [sys.executable, "-m", "benchmarks.state_diff", "--step", step]
            command += ["--folder", folder, "--ids", str(options.ids), "--mode", options.mode]
            done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, check=True)
            return json.loads(done.stdout.splitlines()[-1])

        take("make")
        took = take("measure")
        if wrong := take("check"):
            sys.exit(f"{wrong} records are not as they should be.")
    print(describe(took, options.ids))


def describe(took: dict[str, Any], ids: int) -> str:
    """Write down what it took."""
    lines = [
        f"{ids:,} Ids, {took['due']:,} due, {took['unchanged']:,} unchanged; "
        f"the state has {took['size_mb']:,.0f} MB"
    ]
    for name in ("compare", "intent", "accepted", "compare_again"):
        step = took[name]
        lines.append(
            f"{name:14} {step['seconds']:7.1f} s {step['cpu_seconds']:7.1f} s CPU "
            f"{step['peak_mb']:7,.0f} MB"
        )
    if ids == IDS:
        compared = took["compare"]
        holds = compared["seconds"] < GOAL_S and compared["peak_mb"] < GOAL_MB
        lines.append(f"goal ({GOAL_S} s, {GOAL_MB:,} MB): {'holds' if holds else 'missed'}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

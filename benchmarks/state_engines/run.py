"""`python -m benchmarks.state_engines.run`: what the sync state could be kept in, side by side.

A state of so many Ids, then two nights in which 1 % changed: find those, commit those. Then commits
that are killed, and two at once. Every step has a process of its own, in turn; what one machine
gives at one time are the ratios.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import HERE, python_of
from benchmarks.state_engines.nights import CHANGED, write_night
from benchmarks.state_engines.step import START_AT

ENGINES = ("parquet", "delta", "duck")
LABELS = {"parquet": "Parquet with a pointer", "delta": "delta-rs", "duck": "DuckDB"}
NIGHTS = (1, 2)
READY_S = 8.0
"""What two processes get to import what they need, before both commit at once."""
KILL_SHARES = (0.5, 0.9)
"""When a commit is killed, as shares of the time that one took."""


@dataclass(frozen=True)
class Took:
    """What a step took."""

    seconds: float
    peak_mb: float
    result: object
    error: str = ""
    """The error, if it failed."""


class Engine:
    """One engine and its interpreter."""

    def __init__(self, name: str) -> None:
        requirements = Path(__file__).with_name("requirements.txt")
        self.name = name
        self.python = sys.executable if name == "parquet" else python_of(requirements)

    def start(self, step: str, *arguments: object) -> subprocess.Popen[str]:
        """Start a step."""
        command = [str(self.python), "-m", "benchmarks.state_engines.step", self.name, step]
        command += map(str, arguments)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=HERE.parent, stdout=pipe, stderr=pipe, text=True, env=os.environ
        )

    def take(self, step: str, *arguments: object) -> Took:
        """Do a step."""
        process = self.start(step, *arguments)
        said, faults = process.communicate()
        if process.returncode:
            lines = [line for line in faults.splitlines() if "rror" in line] or ["killed"]
            return Took(0, 0, None, lines[-1])
        return Took(**json.loads(said.splitlines()[-1]))

    def require(self, step: str, *arguments: object) -> Took:
        """Do a step that has to succeed."""
        took = self.take(step, *arguments)
        if took.error:
            sys.exit(f"{self.name}, {step}: {took.error}")
        return took


def measure_bytes(folder: Path) -> int:
    """Add up the sizes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(engine: Engine, place: Path, ids: int, *, with_crashes: bool) -> dict[str, object]:
    """Take an engine through its nights."""
    state, changed = place / "state", place / "changed.parquet"
    nights = place.parent
    created = engine.require("create", state, nights / "night-0", "0.run")
    document: dict[str, object] = {
        "create_s": created.seconds,
        "create_mb": created.peak_mb,
        "bytes_after_create": measure_bytes(state),
    }
    for night in NIGHTS:
        if night == NIGHTS[-1]:
            shutil.copytree(state, place / "before")
        compared = engine.require("diff", state, nights / f"night-{night}", changed)
        committed = engine.require("commit", state, changed, f"{night}.run")
        written = engine.require("count", state, f"{night}.run").result
        if written != ids // CHANGED:
            sys.exit(f"{engine.name}: {written} records of night {night}, not {ids // CHANGED}")
        document |= {
            f"diff_{night}_s": compared.seconds,
            f"diff_{night}_mb": compared.peak_mb,
            f"commit_{night}_s": committed.seconds,
            f"commit_{night}_mb": committed.peak_mb,
            f"bytes_after_{night}": measure_bytes(state),
        }
    if not with_crashes:
        return document
    document["killed"] = [kill(engine, place, share) for share in KILL_SHARES]
    document["two_writers"] = write_twice(engine, place)
    return document


def kill(engine: Engine, place: Path, share: float) -> dict[str, object]:
    """Kill a commit part-way; tell what is left of it, and whether the next one works."""
    state, changed = place / "killed", place / "changed.parquet"
    whole_s = _time_commit(engine, place)
    shutil.copytree(place / "before", state)
    before = measure_bytes(state)
    process = engine.start("commit", state, changed, "killed.run")
    time.sleep(whole_s * share)
    process.kill()
    process.communicate()
    left = measure_bytes(state) - before
    seen = engine.take("count", state, "killed.run")
    again = engine.take("commit", state, changed, "again.run")
    after = engine.take("count", state, "again.run")
    shutil.rmtree(state)
    return {
        "at": share,
        "records_seen": seen.error or seen.result,
        "bytes_left": left,
        "records_again": again.error or after.error or after.result,
    }


def _time_commit(engine: Engine, place: Path) -> float:
    """Give the seconds of a commit with the start of its process."""
    shutil.copytree(place / "before", place / "timed")
    began_s = time.perf_counter()
    engine.require("commit", place / "timed", place / "changed.parquet", "timed.run")
    took_s = time.perf_counter() - began_s
    shutil.rmtree(place / "timed")
    return took_s


def write_twice(engine: Engine, place: Path) -> dict[str, object]:
    """Let two processes commit at once; tell what each said and which records are there."""
    state, names = place / "twice", ("one.run", "two.run")
    shutil.copytree(place / "before", state)

    os.environ[START_AT] = str(time.time() + READY_S)

    def commit(name: str) -> str:
        return engine.take("commit", state, place / "changed.parquet", name).error or "committed"

    with ThreadPoolExecutor() as pool:
        said = list(pool.map(commit, names))
    del os.environ[START_AT]
    records = [engine.require("count", state, name).result for name in names]
    shutil.rmtree(state)
    return {"said": said, "records": records}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--timings-only", action="store_true", help="no crashes, no two writers")
    parser.add_argument("--results", type=Path, help="file for the figures, as JSON")
    options = parser.parse_args()
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for night in (0, *NIGHTS):
            write_night(Path(folder, f"night-{night}"), options.ids, night)
        for name in options.only:
            engine = Engine(name)
            if engine.python is None:
                continue
            place = Path(folder, name)
            place.mkdir()
            figures[name] = measure(
                engine, place, options.ids, with_crashes=not options.timings_only
            )
            print(name, json.dumps(figures[name], indent=1), flush=True)
            shutil.rmtree(place)
    print(as_table(figures, options.ids))
    if options.results:
        document = {"ids": options.ids, "engines": figures}
        options.results.write_text(json.dumps(document, indent=2) + "\n")


def as_table(figures: dict[str, dict[str, object]], ids: int) -> str:
    """Write the figures as a table in Markdown."""
    columns = [
        ("create", "create_s", "create_mb"),
        *((f"diff, night {n}", f"diff_{n}_s", f"diff_{n}_mb") for n in NIGHTS),
        *((f"commit, night {n}", f"commit_{n}_s", f"commit_{n}_mb") for n in NIGHTS),
    ]
    heads = [*(title for title, *_ in columns), "on disk at first", "after both nights"]
    lines = [f"| {ids:,} Ids | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, took in figures.items():
        cells = [f"{took[s]:.1f} s, {took[mb]:,.0f} MB" for _, s, mb in columns]
        sizes = ("bytes_after_create", f"bytes_after_{NIGHTS[-1]}")
        cells += [f"{int(str(took[size])) / 1e6:,.0f} MB" for size in sizes]
        lines.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

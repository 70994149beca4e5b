"""`make bench`: the plain script, `run` and `check` in turn, on one file and against one sink.

Prints rows per second with and without start-up, the share of each phase and peak memory. These
figures hold for one machine at one time; the ratios between them are what to look at.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.export import write_export


@dataclass(frozen=True)
class Measurement:
    """One command, once."""

    seconds: float
    """Wall time of the whole process."""
    work_seconds: float
    """Wall time without start-up: what the run's own manifest says, else the whole."""
    cpu_seconds: float
    peak_mb: float
    phases: dict[str, float]


def measure(command: list[str], run: Path | None, env: dict[str, str]) -> Measurement:
    """Run a command and measure it."""
    began = time.perf_counter()
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as p:
        errors = p.stderr.read() if p.stderr else b""
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if p.returncode:
        sys.exit(f"{command} failed: {errors.decode()}")
    phases: dict[str, float] = {}
    if run is not None:
        phases = json.loads((run / "manifest.json").read_text())["phase_seconds"]
    work = sum(phases.values()) or seconds
    cpu = usage.ru_utime + usage.ru_stime
    return Measurement(seconds, work, cpu, usage.ru_maxrss / 1024, phases)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    sink = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sink"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sink.stdout is not None
    url = sink.stdout.readline().strip()
    results: dict[str, list[Measurement]] = {"plain script": [], "run": [], "check": []}
    with tempfile.TemporaryDirectory() as folder:
        export, runs = Path(folder, "export.csv"), Path(folder, "runs")
        write_export(export, options.rows)
        tool = [sys.executable, "-m", "pipelines.cli"]
        shared = [str(export), "--runs-dir", str(runs), "--run-id"]
        for number in range(options.rounds):
            plain = [sys.executable, "-m", "benchmarks.plain_script", str(export), url]
            results["plain script"].append(measure(plain, None, env))
            name = f"run-{number}"
            send = ["--endpoint-url", url, "--application-id", "bench"]
            command = [*tool, "run", *shared, name, *send]
            results["run"].append(measure(command, runs / name, env))
            name = f"check-{number}"
            results["check"].append(measure([*tool, "check", *shared, name], runs / name, env))
    sink.communicate("")
    show(results, options.rows)


def show(results: dict[str, list[Measurement]], rows: int) -> None:
    """Print medians over the rounds."""
    base = median(m.work_seconds for m in results["plain script"])
    print(f"{rows:,} rows, medians of {len(results['run'])} rounds")
    print("               rows/s   ratio   whole process   CPU s   peak MB   phases")
    for name, measurements in results.items():
        work = median(m.work_seconds for m in measurements)
        whole = median(m.seconds for m in measurements)
        cpu = median(m.cpu_seconds for m in measurements)
        peak = max(m.peak_mb for m in measurements)
        phases = {
            phase: median(m.phases[phase] for m in measurements) for phase in measurements[0].phases
        }
        shares = "  ".join(f"{p} {s:.2f} s ({s / work:.0%})" for p, s in phases.items())
        print(
            f"{name:12s} {rows / work:8,.0f} {base / work:6.1f}x {whole:12.1f} s {cpu:8.1f} "
            f"{peak:9,.0f}   {shares}"
        )
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(f"(generator and measuring: {own.ru_utime:.1f} CPU s, not counted)")


if __name__ == "__main__":
    main()

"""Measures the constants of the cost model, and writes them to constants.json.

`python -m benchmarks.constants` imports a generated export a few times into a sink that takes
everything, and resolves synthetic keys; then run `python -m benchmarks.scale` for the tables of
docs/scale.md. Processor time is what counts here: it hardly depends on what else the machine does.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.export import write_export
from benchmarks.scale_model import CONSTANTS_FILE, Constants
from pipelines.settings import PARTITION_ROWS

RESOLVED = (20, 120)
"""Partitions whose keys are resolved, to tell what a row takes."""

PREFECT = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
"""As quiet and as patient as the command line lets it be."""


def measure(module: str, *arguments: object) -> dict[str, Any]:
    """Run a module in a process of its own; give what it prints."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, **PREFECT}, capture_output=True)
    if done.returncode:
        sys.exit(f"{command} failed: {done.stderr.decode()}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def sink():
    """Start the service that takes everything; give its URL."""
    command = [sys.executable, "-m", "benchmarks.sink"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def measure_runs(rows: int, rounds: int) -> list[dict[str, Any]]:
    """Import a generated export of so many rows so many times."""
    with tempfile.TemporaryDirectory() as folder, sink() as url:
        export = Path(folder, "export.csv")
        write_export(export, rows)
        runs = Path(folder, "runs")
        return [
            measure("benchmarks.phase_costs", export, url, runs, f"round-{number}")
            for number in range(rounds)
        ]


def per_row(small: float, large: float, small_rows: int, large_rows: int) -> float:
    """Give what a row takes: what the larger of two runs takes more. The rest is start-up."""
    return (large - small) / (large_rows - small_rows)


def derive(
    small: list[dict[str, Any]], large: list[dict[str, Any]], resolved: list[dict[str, Any]]
) -> Constants:
    """Make constants of what was measured.

    Args:
        small: Imports of a file of one partition.
        large: Imports of a file of several.
        resolved: Keys that were resolved, fewer first.
    """

    def cpu_s(runs: list[dict[str, Any]], phase: str) -> float:
        return median(run["phases"][phase]["cpu_s"] for run in runs)

    def slope(phase: str, unit: str = "rows") -> float:
        sizes = small[0][unit], large[0][unit]
        return per_row(cpu_s(small, phase), cpu_s(large, phase), *sizes)

    fewer, more = resolved
    sizes, rows = large[0]["bytes"], large[0]["rows"]
    worked = ("stage", "prepare")
    around_s = min(run["around_s"] for run in small + large)  # waits for other processes apart
    warming_s = sum(
        cpu_s(small, phase) - slope(phase) * small[0]["rows"] for phase in small[0]["phases"]
    )
    memory = per_row(fewer["peak_mb"], more["peak_mb"], fewer["rows"], more["rows"])
    return Constants(
        startup_s=around_s + warming_s,
        stage_us=slope("stage") * 1e6,
        prepare_us=slope("prepare") * 1e6,
        resolve_us=per_row(fewer["cpu_s"], more["cpu_s"], fewer["rows"], more["rows"]) * 1e6,
        report_us=slope("report") * 1e6,
        request_ms=slope("deliver", "requests") * 1e3,
        # The most that was seen, and not below 1: less, and something else had the cores.
        busy_cores=max(
            1.0,
            *(
                sum(run["phases"][phase]["cpu_s"] for phase in worked)
                / sum(run["phases"][phase]["wall_s"] for phase in worked)
                for run in large
            ),
        ),
        request_bytes=large[0]["bytes_sent"] / large[0]["requests"],
        working_bytes=sum(sizes.values()) / rows,
        kept_bytes=(sizes["results"] + sizes["outcomes"]) / rows,
        resolve_bytes=memory * 2**20,
        partition_mb=max(phase["peak_mb"] for run in large for phase in run["phases"].values()),
    )


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8 * PARTITION_ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    small = measure_runs(PARTITION_ROWS, options.rounds)
    large = measure_runs(options.rows, options.rounds)
    resolved = [measure("benchmarks.resolve_costs", partitions) for partitions in RESOLVED]
    constants = derive(small, large, resolved)
    figures = {name: float(f"{value:.3g}") for name, value in asdict(constants).items()}
    CONSTANTS_FILE.write_text(json.dumps(figures, indent=2) + "\n")
    print(CONSTANTS_FILE.read_text())


if __name__ == "__main__":
    main()

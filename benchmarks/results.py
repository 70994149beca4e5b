"""What was measured, as figures, tables and goals.

`python -m benchmarks.results [--markdown]` prints the table of the results that are kept.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import LABELS, Contender
from benchmarks.environments import HERE
from benchmarks.measuring import Measurement

FOLDER = HERE / "results"
GOAL_ROWS = 400_000
"""Rows that the goals are about."""
RUN_TO_PLAIN, RUN_TO_FLOOR, CHECK_ROWS_PER_S = 6.0, 0.4, 400_000
"""The goals: rows per second of `run` by those of the plain script and of the floor, of `check`."""
Figures = dict[str, Any]


def summarize(contender: Contender, rows: int, measured: Sequence[Measurement]) -> Figures:
    """Take medians over the rounds; of the peaks, the highest."""

    def middle(name: str) -> float:
        return median(getattr(measurement, name) for measurement in measured)

    seconds, whole_seconds = middle("seconds"), middle("whole_seconds")
    figures = {
        "name": contender.name,
        "rows": rows,
        "rounds": len(measured),
        "sends": contender.sends,
        "is_floor": contender.is_floor,
        "seconds": round(seconds, 3),
        "rows_per_second": round(rows / seconds),
        "cpu_seconds_per_million_rows": round(middle("cpu_seconds") / rows * 1e6, 1),
        "requests": round(middle("requests")),
        "sent_bytes": round(middle("sent_bytes")),
        "sink_cpu_seconds": round(middle("sink_cpu_seconds"), 3),
        "all_seconds": [round(measurement.seconds, 3) for measurement in measured],
        "phase_seconds": {
            phase: round(median(m.phases[phase] for m in measured), 3)
            for phase in measured[0].phases
        },
    }
    if not contender.is_floor:  # of its process, most is making the bodies
        figures |= {
            "whole_seconds": round(whole_seconds, 3),
            "whole_rows_per_second": round(rows / whole_seconds),
            "peak_mb": round(max(measurement.peak_mb for measurement in measured)),
        }
    return figures


def add_ratios(results: list[Figures]) -> None:
    """Compare each with the plain script and with the faster wire floor, where these are there."""
    speeds = {figures["name"]: figures["rows_per_second"] for figures in results}
    floor = max((f["rows_per_second"] for f in results if f["is_floor"]), default=None)
    for figures in results:
        speed = figures["rows_per_second"]
        if "plain_boto3" in speeds:
            figures["ratio_to_plain"] = round(speed / speeds["plain_boto3"], 2)
        if floor and figures["sends"]:
            figures["share_of_floor"] = round(speed / floor, 3)


def describe_machine() -> Figures:
    """Say what it was measured on, without saying where and when."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "memory_gb": round(memory_gb),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def judge(results: Iterable[Figures]) -> list[str]:
    """Say of each goal whether it is met."""
    found = {figures["name"]: figures for figures in results}
    run, check = found.get("run", {}), found.get("check", {})
    told = []
    if "ratio_to_plain" in run:
        told.append(_goal("run to plain script", run["ratio_to_plain"], RUN_TO_PLAIN, "{:.1f} x"))
    if "share_of_floor" in run:
        told.append(_goal("run to wire floor", run["share_of_floor"], RUN_TO_FLOOR, "{:.0%}"))
    if check:
        speed = check["rows_per_second"]
        told.append(_goal("check", speed, CHECK_ROWS_PER_S, "{:,.0f} rows/s"))
    return told


def _goal(what: str, value: float, least: float, form: str) -> str:
    verdict = "met" if value >= least else "NOT MET"
    return f"goal {verdict}: {what} {form.format(value)}, at least {form.format(least)}"


def as_table(results: Iterable[Figures], *, markdown: bool = False) -> str:
    """Give a table for people, fastest last; in Markdown if asked for."""
    head = ["", "rows", "rows/s", "x plain", "of floor", "rows/s with start-up"]
    head += ["CPU s per million", "peak MB", "requests"]
    body = [_cells(f) for f in sorted(results, key=lambda f: (f["is_floor"], f["rows_per_second"]))]
    if markdown:
        lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    body = [[cells[0].replace("**", ""), *cells[1:]] for cells in body]
    widths = [max(len(cells[column]) for cells in [head, *body]) for column in range(len(head))]
    return "\n".join(
        "  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])])
        for cells in [head, *body]
    )


def _cells(figures: Figures) -> list[str]:
    def cell(name: str, form: str) -> str:
        return form.format(figures[name]) if name in figures else "–"

    return [
        LABELS[figures["name"]],
        cell("rows", "{:,}"),
        cell("rows_per_second", "{:,}"),
        cell("ratio_to_plain", "{:.1f}"),
        cell("share_of_floor", "{:.0%}"),
        cell("whole_rows_per_second", "{:,}"),
        cell("cpu_seconds_per_million_rows", "{:,.0f}"),
        cell("peak_mb", "{:,}"),
        cell("requests", "{:,}"),
    ]


def say_phases(results: Iterable[Figures]) -> str:
    """Give the shares of our own phases."""
    lines = []
    for figures in results:
        phases = figures["phase_seconds"].items()
        shares = "  ".join(f"{p} {s:.2f} s ({s / figures['seconds']:.0%})" for p, s in phases)
        lines += [f"{figures['name']}: {shares}"] if shares else []
    return "\n".join(lines)


def write_results(path: Path, document: Figures) -> None:
    """Keep results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def main() -> None:
    """Print what is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true")
    document = json.loads((FOLDER / "speed.json").read_text())
    print(as_table(document["results"], markdown=parser.parse_args().markdown))


if __name__ == "__main__":
    main()

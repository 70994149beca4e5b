"""`make bench-growth`: `run` and `check` on more and more rows, for what grows with their number.

Time per row and memory should not. Writes growth.json and growth.svg. The largest size leaves 3 GB
in the temporary folder while it is measured.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.contenders import CONTENDERS, cut_export
from benchmarks.drawing import draw
from benchmarks.export import write_export
from benchmarks.results import FOLDER, Figures, describe_machine, summarize, write_results
from benchmarks.run import as_place, take_turns
from benchmarks.sink import SinkProcess

SIZES = (10_000, 100_000, 400_000, 1_000_000, 5_000_000)
MEASURED_THRICE = 1_000_000
"""Rows up to which one size is measured three times: the larger, the less chance has a say."""
FROM_ROWS, TO_ROWS, MORE_PER_ROW = 400_000, 5_000_000, 0.15
"""The goal: how much more a row may cost at the larger of two sizes."""


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder for the files")
    options = parser.parse_args()
    contenders = [contender for contender in CONTENDERS if contender.is_ours]
    results: list[Figures] = []
    with tempfile.TemporaryDirectory() as name, SinkProcess() as sink:
        whole = Path(name, "all.csv")
        write_export(whole, max(options.sizes))
        for rows in sorted(options.sizes):
            place = as_place(Path(name), rows, rows, sink.url)
            cut_export(whole, rows, place.export)
            print(f"{rows:,} rows", flush=True)
            measured = take_turns(contenders, place, sink, 3 if rows <= MEASURED_THRICE else 1)
            results += [summarize(who, rows, measured[who.name]) for who in contenders]
    document = {"machine": describe_machine(), "results": results}
    write_results(options.results / "growth.json", document)
    print(as_lines(results))
    print("\n".join(judge(results)))
    draw(options.results / "growth.json")


def as_lines(results: list[Figures]) -> str:
    """Give a table for people."""
    lines = [f"{'':6s}{'rows':>11s}{'rows/s':>10s}{'s per million':>15s}{'peak MB':>9s}"]
    for figures in sorted(results, key=lambda figures: (figures["name"], figures["rows"])):
        per_million = figures["seconds"] / figures["rows"] * 1e6
        lines.append(
            f"{figures['name']:6s}{figures['rows']:11,}{figures['rows_per_second']:10,}"
            f"{per_million:15.2f}{figures['peak_mb']:9,}"
        )
    return "\n".join(lines)


def judge(results: list[Figures]) -> list[str]:
    """Say whether a row costs the same however many there are, if both sizes were measured."""
    per_row = {(f["name"], f["rows"]): f["seconds"] / f["rows"] for f in results}
    told = []
    for name in sorted({figures["name"] for figures in results}):
        if {(name, FROM_ROWS), (name, TO_ROWS)} <= per_row.keys():
            more = per_row[name, TO_ROWS] / per_row[name, FROM_ROWS] - 1
            verdict = "met" if more <= MORE_PER_ROW else "NOT MET"
            sizes = f"{TO_ROWS:,} rows against {FROM_ROWS:,}"
            told.append(f"goal {verdict}: {name}, {sizes}: {more:+.0%} time per row")
    return told


if __name__ == "__main__":
    main()

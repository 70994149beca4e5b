"""`make bench`: who else does the work, `run`, `check` and the wire floor, in turn, in one go.

All read the same file and send to the same sink, which shares the machine's cores with them. What
one machine gives at one time are the ratios: they are what to look at. Slow ones get the beginning
of the file, once. Writes speed.json and speed.svg.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.contenders import CONTENDERS, Contender, Workplace, cut_export, make_ready
from benchmarks.drawing import draw
from benchmarks.export import write_export
from benchmarks.measuring import FailedError, Measurement, measure
from benchmarks.results import (
    FOLDER,
    GOAL_ROWS,
    add_ratios,
    as_table,
    describe_machine,
    judge,
    say_phases,
    summarize,
    write_results,
)
from benchmarks.sink import SinkProcess

NAMES = [contender.name for contender in CONTENDERS]


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=GOAL_ROWS)
    parser.add_argument("--slow-rows", type=int, default=100_000, help="rows for slow peers")
    parser.add_argument("--rounds", type=int, default=3, help="of all but the slow peers")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder for the files")
    options = parser.parse_args()
    chosen = tuple(contender for contender in CONTENDERS if contender.name in options.only)
    with tempfile.TemporaryDirectory() as folder, SinkProcess() as sink:
        place = as_place(Path(folder), options.rows, options.slow_rows, sink.url)
        write_export(place.export, place.rows)
        cut_export(place.export, place.short_rows, place.short_export)
        ready = make_ready(chosen, place)
        measured = take_turns(ready, place, sink, options.rounds)
    results = [
        summarize(contender, place.rows_of(contender), measured[contender.name])
        for contender in ready
        if measured[contender.name]
    ]
    add_ratios(results)
    document = {"rows": options.rows, "machine": describe_machine(), "results": results}
    write_results(options.results / "speed.json", document)
    print(as_table(results, markdown=options.markdown))
    print(say_phases(results))
    if options.rows == GOAL_ROWS:
        print("\n".join(judge(results)))
    draw(options.results / "speed.json")


def as_place(folder: Path, rows: int, short_rows: int, url: str) -> Workplace:
    """Name the files of a workplace."""
    export, short = folder / "export.csv", folder / "short.csv"
    return Workplace(folder, export, rows, short, min(rows, short_rows), url)


def take_turns(
    contenders: list[Contender], place: Workplace, sink: SinkProcess, rounds: int
) -> dict[str, list[Measurement]]:
    """Measure one after the other, round after round, so that all meet the machine's moods."""
    measured: dict[str, list[Measurement]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            if contender.is_slow and number:
                continue
            try:
                measurement = measure(contender, place, sink, f"{contender.name}-{number}")
            except FailedError as error:
                if contender.requirements is None:
                    raise
                print(f"{contender.name} is left out: {error}", flush=True)
                continue
            measured[contender.name].append(measurement)
            speed = place.rows_of(contender) / measurement.seconds
            print(f"round {number + 1}: {contender.name} {speed:,.0f} rows/s", flush=True)
    return measured


if __name__ == "__main__":
    main()

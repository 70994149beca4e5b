"""Fills in the tables of docs/scale.md: constants, the plan for large imports, and the times.

`python -m benchmarks.scale` simulates (half a minute) and writes; `benchmarks.constants` measures.
"""

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from benchmarks.queueing import simulate
from benchmarks.scale_model import (
    LAPTOP,
    MACHINE,
    SITES,
    Constants,
    Estimate,
    Service,
    Site,
    at_quota,
    estimate,
    load_constants,
    runs_needed,
)
from pipelines.report.cost import unpaced
from pipelines.report.durations import say_duration
from schemas.batch import DEFAULT_IN_FLIGHT
from schemas.limits import BATCH_ITEMS, BATCH_RATE

DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"
SIZES = (100_000_000, 1_000_000_000)
QUOTAS = (float(BATCH_RATE.value), 50.0, 500.0, None)
ANSWERS_S = (0.005, 0.05, 0.2)
MOST_IN_FLIGHT = 64
PER_LANE = 200
"""Requests simulated for each that is in flight: few enough, and starts and ends do not tell."""
LEAST_REQUESTS = 3_000
SOAK_ROWS, SOAK_QUOTA, SOAK_S = 1_000_000, 70.0, 153
"""What `benchmarks.soak` measured, as docs/benchmarks.md says: a real run to compare with."""
CONSTANTS = {
    "startup_s": ("start-up, Prefect's above all, and first use of everything", "{:.1f} s"),
    "stage_us": (
        "stage: read, number, cut, write, and most of preparing meanwhile",
        "{:.1f} µs of processor time a row",
    ),
    "prepare_us": (
        "prepare: what is left of mapping, normalizing, validating, encoding",
        "{:.1f} µs a row",
    ),
    "resolve_us": ("resolve: compare the keys of all rows", "{:.1f} µs a row"),
    "report_us": ("report: outcomes and books", "{:.1f} µs a row"),
    "request_ms": ("deliver: build, sign, send, note a request of 100", "{:.2f} ms a request"),
    "busy_cores": ("cores that stage and prepare keep busy, of two", "{:.2f}"),
    "request_bytes": ("body of a request", "{:,.0f} bytes"),
    "working_bytes": ("disk until a run has ended cleanly", "{:,.0f} bytes a row"),
    "kept_bytes": ("disk afterwards", "{:,.1f} bytes a row"),
    "resolve_bytes": ("memory for the keys of all rows, in resolve", "{:,.0f} bytes a row"),
    "partition_mb": ("memory for everything else: 2 partitions of 50,000 rows", "{:,.0f} MB"),
}


def constant_table(constants: Constants) -> list[str]:
    """Give what was measured."""
    rows = [
        f"| `{name}` | {what} | {form.format(getattr(constants, name))} |"
        for name, (what, form) in CONSTANTS.items()
    ]
    return ["| constant | what it is | measured |", "|---|---|---:|", *rows]


def plan_table(constants: Constants) -> list[str]:
    """Give what large imports need, whatever the service."""

    def work(rows: int) -> str:
        return say_duration(rows * constants.before_sending_s)

    def send(rows: int, quota: float) -> str:
        return say_duration(rows / BATCH_ITEMS.value / quota)

    own = 1e3 / constants.request_ms
    figures = {
        "requests": lambda rows: f"{rows / BATCH_ITEMS.value:,.0f}",
        "over the wire": lambda rows: _gb(rows / BATCH_ITEMS.value * constants.request_bytes),
        "disk while it goes on": lambda rows: _gb(rows * constants.working_bytes),
        "disk afterwards": lambda rows: _gb(rows * constants.kept_bytes),
        "memory of resolve, in one run": lambda rows: _gb(rows * constants.resolve_bytes),
        "so runs to divide it among, with 8 GB each": lambda rows: (
            f"{runs_needed(constants, rows, LAPTOP.memory_gb):,}"
        ),
        "all phases but deliver, one run after the other": work,
        f"deliver, our own work alone ({own:,.0f} requests/s)": lambda rows: send(rows, own),
        "deliver at 2 requests/s": lambda rows: send(rows, BATCH_RATE.value),
        "the same for 1 % of the rows": lambda rows: send(rows // 100, BATCH_RATE.value),
    }
    lines = [
        f"| {name} | {' | '.join(give(rows) for rows in SIZES)} |" for name, give in figures.items()
    ]
    return ["| | 100 million | 1 billion |", "|---|---:|---:|", *lines]


def _gb(size: float) -> str:
    return f"{size / 1e9:,.0f} GB" if size < 1e12 else f"{size / 1e12:,.1f} TB"


def in_flight_for(quota: float | None, answer_s: float, runs: int) -> int:
    """Give what each run needs under way: Little's law, and half as much again for slow answers."""
    if quota is None:
        return MOST_IN_FLIGHT
    needed = math.ceil(1.5 * quota * answer_s / runs)
    return min(MOST_IN_FLIGHT, max(DEFAULT_IN_FLIGHT, needed))


@lru_cache
def simulate_row(constants: Constants, site: Site, service: Service, *, is_told: bool) -> float:
    """Simulate a small import; give the seconds of a row in it."""
    lanes = site.runs * service.in_flight
    requests = max(LEAST_REQUESTS, math.ceil(PER_LANE * max(lanes, service.quota or 0)))
    rows = requests * BATCH_ITEMS.value
    return simulate(constants, rows, site, service, is_quota_told=is_told).seconds / rows


def compare(
    constants: Constants, rows: int, site: Site, service: Service
) -> tuple[Estimate, float]:
    """Give the closed form for so many rows, and the seconds that a small simulation leads to."""
    site = at_quota(site, service.quota)
    steady = replace(constants, startup_s=0.0)  # start-up does not grow with the rows
    seconds = constants.startup_s + rows * simulate_row(steady, site, service, is_told=True)
    return estimate(constants, rows, site, service), seconds


def in_flight_table(constants: Constants) -> list[str]:
    """Give what one run can send where nothing but answers and its own work holds it back."""
    head = " | ".join(f"answers in {answer_s * 1000:g} ms" for answer_s in ANSWERS_S)
    lines = [f"| `--max-in-flight` | {head} |", "|---:|---:|---:|---:|"]
    for in_flight in (2, DEFAULT_IN_FLIGHT, 16, MOST_IN_FLIGHT):
        paces = [unpaced(in_flight, answer_s, constants.request_ms / 1e3) for answer_s in ANSWERS_S]
        cells = " | ".join(f"{pace:,.0f} requests/s" for pace in paces)
        lines.append(f"| {in_flight} | {cells} |")
    return lines


def shared_table(constants: Constants) -> list[str]:
    """Simulate runs side by side at one quota, told their share of it or not."""
    steady = replace(constants, startup_s=0.0)
    lines = ["| quota | each told its share (`--rate`) | not told |", "|---:|---|---|"]
    for quota in (2.0, 50.0, 500.0):
        service = Service(quota, ANSWERS_S[1], DEFAULT_IN_FLIGHT)
        rows = math.ceil(max(LEAST_REQUESTS, PER_LANE * quota)) * BATCH_ITEMS.value
        alone_s = estimate(steady, rows, MACHINE, service).total_s
        cells = []
        for is_told in (True, False):
            tally = simulate(steady, rows, MACHINE, service, is_quota_told=is_told)
            share = tally.throttled / (tally.taken + tally.throttled)
            cells.append(f"{tally.seconds / alone_s:.1f} times as long, {share:.0%} throttled")
        lines.append(f"| {quota:g} requests/s | {' | '.join(cells)} |")
    return lines


def time_table(constants: Constants, rows: int) -> tuple[list[str], float]:
    """Simulate all cases; give the table and the largest error of the closed form."""
    head = " | ".join(f"answers in {answer_s * 1000:g} ms" for answer_s in ANSWERS_S)
    lines = [f"| where | requests/s | {head} |", "|---|---:|---:|---:|---:|"]
    worst = 0.0
    for site in SITES:
        fits = runs_needed(constants, rows, site.memory_gb) <= site.runs
        for quota in QUOTAS:
            cells = []
            for answer_s in ANSWERS_S:
                runs = at_quota(site, quota).runs
                service = Service(quota, answer_s, in_flight_for(quota, answer_s, runs))
                told, seconds = compare(constants, rows, site, service)
                worst = max(worst, abs(seconds / told.total_s - 1))
                cells.append(f"{say_duration(seconds)}, {told.bound}")
            name = f"{site.name}{'' if fits else ' †'}"
            limit = "unlimited" if quota is None else f"{quota:g}"
            lines.append(f"| {name} | {limit} | {' | '.join(cells)} |")
    return lines, worst


def fill(text: str, name: str, lines: list[str]) -> str:
    """Put lines between their markers in a text."""
    begin, end = f"<!-- {name}: generated -->", f"<!-- /{name} -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return "\n".join((f"{before}{begin}", *lines, f"{end}{after}"))


def main() -> None:
    """Simulate, print, and fill in the document."""
    constants = load_constants()
    tables = {
        "constants": constant_table(constants),
        "plan": plan_table(constants),
        "in-flight": in_flight_table(constants),
        "shared": shared_table(constants),
    }
    worst = 0.0
    for name, rows in zip(("hundred-million", "billion"), SIZES, strict=True):
        tables[name], error = time_table(constants, rows)
        worst = max(worst, error)
    service = Service(SOAK_QUOTA, ANSWERS_S[0], DEFAULT_IN_FLIGHT)
    soak_s = estimate(replace(constants, startup_s=0.0), SOAK_ROWS, LAPTOP, service).total_s
    tables["error"] = [
        f"The closed form is off by at most {worst:.1%} in these cases. A real run of "
        f"{SOAK_ROWS:,} rows at {SOAK_QUOTA:g} requests/s took {SOAK_S} s without start-up "
        f"([benchmarks.md](benchmarks.md)); the closed form says {soak_s:.0f} s."
    ]
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, lines in tables.items():
        text = fill(text, name, lines)
        print("\n".join(["", *lines]))
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

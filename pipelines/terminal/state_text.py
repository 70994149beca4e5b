"""States for people: which there are, what they know, and what reading back has found."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines import progress
from pipelines.report.state_overview import StateOverview
from pipelines.report.verification import Verification
from pipelines.state.base import StateKey, StateReader
from pipelines.syncing.rebuilding import Rebuilt
from pipelines.terminal.consoles import make_console
from pipelines.terminal.plain_text import write_plainly
from pipelines.terminal.progress_bar import ProgressBar

WIDEST = 200
"""Columns that a table may take, whatever the terminal's: a name that is cut cannot be copied."""
MANY = 2_000_000
"""Records that take long enough to count for progress to be shown."""
MOST_COMMITS = 10
"""Commits that are shown; --json has all that are kept."""
COUNTS = ("endpoints", "opted_out", "inactive", "retired", "due_again", "from_export")


def progress_over(states: Sequence[StateReader]) -> AbstractContextManager[object]:
    """Show progress in a `with` block in which large states are read."""
    records = sum(state.count() for state in states)
    if records < MANY:
        return nullcontext()
    bar = ProgressBar()
    progress.begin("look", records)
    return bar


def print_states(overviews: Sequence[StateOverview]) -> None:
    """Print a table of states."""
    table = Table(box=None, pad_edge=False)
    for name in ("application", "destination"):
        table.add_column(name, no_wrap=True)
    for name in COUNTS:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for name in ("last run", "at (UTC)", "held by"):
        table.add_column(name, no_wrap=True)
    for overview in overviews:
        table.add_row(
            *map(write_plainly, (overview.application_id, overview.destination)),
            *(f"{getattr(overview, name):,}" for name in COUNTS),
            _say_size(overview.size_bytes),
            overview.last_run_id or "",
            _say_time(overview.last_at),
            overview.owner or "",
        )
    _console().print(table)


def print_state(overview: StateOverview) -> None:
    """Print one state in detail."""
    console = _console()
    name = f"Application {overview.application_id} of {overview.destination}"
    console.print(Text(write_plainly(name), style="bold"), soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for count in COUNTS:
        table.add_row(f"  {count.replace('_', ' ')}", f"{getattr(overview, count):,}")
    table.add_row("  size", _say_size(overview.size_bytes))
    table.add_row("  held by", overview.owner or "nobody")
    if overview.born is not None:
        table.add_row("  application made", write_plainly(overview.born))
    console.print(table)
    if overview.feeds:
        console.print(Text("Feeds", style="bold"))
    for feed in overview.feeds:
        told = "no run of it came to its end"
        if feed.run_id is not None:
            rows = "" if feed.rows is None else f"{_count(feed.rows)} of "
            told = f"{rows}run {feed.run_id}, {_say_time(feed.at)}"
        console.print(Text(f"  {feed.name}: {told}"), soft_wrap=True)
    console.print(Text("Last commits", style="bold"))
    for note in overview.commits[-MOST_COMMITS:]:
        by = f" by run {note.run_id}" if note.run_id else ""
        end = "" if note.is_final or note.kind != "accepted" else ", which did not come to its end"
        console.print(Text(f"  {_say_time(note.at)}  {note.kind}{by}{end}"), soft_wrap=True)


def print_record(endpoint_id: str, record: dict[str, Any] | None) -> None:
    """Print what is known of an endpoint."""
    console = _console()
    if record is None:
        console.print(Text(write_plainly(f"Nothing is known of {endpoint_id}.")), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    for name, value in record.items():
        told = "no" if name == "retired" and value is None else _say_value(value)
        table.add_row(f"  {name.replace('_', ' ')}", Text(write_plainly(told)))
    console.print(table)


def print_verification(found: Verification, *, is_quiet: bool = False) -> None:
    """Print what reading back has found, or the verdict alone."""
    console = _console()
    differ = found.drifted + found.missing
    looked_at = _count(found.same + differ)
    verdict = f"Of {looked_at} that could be compared all are as they were accepted."
    if differ:
        verdict = f"Of {looked_at} that could be compared {differ:,} differ from what was accepted."
    console.print(Text(verdict, style="bold"), soft_wrap=True)
    if is_quiet:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for count, what in (
        (found.same, "the same"),
        (found.drifted, "drifted"),
        (found.missing, "missing at the service"),
        (found.not_comparable, "not comparable: the next run sends them anyway"),
    ):
        if count:
            table.add_row(f"  {count:,}", what)
    for column in found.columns:
        table.add_row(f"{column.endpoints:,}", Text(write_plainly(f"  in {column.name}")))
        table.add_row("", Text(f"    e.g. {write_plainly(', '.join(column.examples))}", "dim"))
    console.print(table)
    if found.missing_examples:
        told = write_plainly(", ".join(found.missing_examples))
        console.print(Text(f"Missing, e.g. {told}"), soft_wrap=True)
    told = f"{found.sampled:,} of at most {found.records:,} records were looked at."
    console.print(Text(told, "dim"))
    if found.resent:
        console.print(Text(f"{found.resent:,} are due again: the next run sends them."))
    elif differ:
        console.print(Text("To send them again with the next run: --resend"))


def print_rebuilt(key: StateKey, rebuilt: Rebuilt) -> None:
    """Print what an export gave."""
    console = _console()
    name = f"The state of application {key.application_id} has {_count(rebuilt.records)}, "
    counts = f"{rebuilt.opted_out:,} opted out and {rebuilt.inactive:,} inactive."
    console.print(Text(write_plainly(name + counts), style="bold"), soft_wrap=True)
    for count, noun, what in (
        (rebuilt.without_id, "line", "without an Id"),
        (rebuilt.malformed, "line", "that could not be read"),
        (rebuilt.repeated, "line", "with the Id of a later one"),
        (rebuilt.forgotten, "endpoint", "known before, and not in the export"),
    ):
        if count:
            console.print(Text(f"  {_count(count, noun)} {what}"))
    console.print("With --sync-mode changed the next run sends what says something else.")


def _count(count: int, noun: str = "endpoint") -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _say_value(value: object) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return _say_time(value) + " UTC" if isinstance(value, datetime) else str(value)


def _say_time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _say_size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"


def _console() -> Console:
    return make_console(at_least=WIDEST)

"""The diff of a plan for people: what would change, with examples, and what could not be seen."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.report.diff import Diff, DiffExample, DiffKind, StateAge
from pipelines.terminal.plain_text import write_plainly
from schemas.sync import SyncMode

MOST_COLUMNS = 12
"""Columns that are listed of each kind; diff.json has them all."""
KINDS = (
    ("new", "green", "never sent before"),
    ("changed", "green", "differ from what the service last accepted"),
    ("doubtful", "yellow", "would be sent: what the service has of them is not known for sure"),
    ("returned", "yellow", "were retired, and are back"),
    ("unchanged", "dim", "the service has exactly this"),
    ("opts_in", "red", "held: would turn an OptOut ALL into NONE"),
    ("reactivates", "red", "held: would activate what was set INACTIVE"),
    ("to_retire", "magenta", "are gone from the source"),
)


def print_diff(console: Console, diff: Diff, now: datetime) -> None:
    """Print it."""
    console.print(Text("Compared with what the service last accepted", style="bold"))
    console.print(Text(f"  {_say_age(diff.state, now)}"), soft_wrap=True)
    console.print(_table(diff))
    console.print(Text("What this could not see", style="bold"))
    for line in _say_unseen(diff):
        console.print(Text(f"  {line}"), soft_wrap=True)


def _say_age(age: StateAge, now: datetime) -> str:
    if not age.generation:
        return "There is no state yet: as far as it knows, nothing was ever sent."
    told = f"{age.records:,} endpoints are known"
    if age.last_at is not None:
        by = f", by run {age.last_run_id}" if age.last_run_id else ""
        told += f"; last written {_ago(age.last_at, now)}{by}"
    if age.rebuilt_at is not None:
        told += f"; made from an export {_ago(age.rebuilt_at, now)}"
    return write_plainly(told) + "."


def _ago(at: datetime, now: datetime) -> str:
    minutes = (now - at).total_seconds() / 60
    age = "just now" if minutes < 2 else f"{minutes:,.0f} minutes ago"
    age = age if minutes < 120 else f"{minutes / 60:,.0f} hours ago"
    age = age if minutes < 48 * 60 else f"{minutes / 60 / 24:,.0f} days ago"
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({age})"


def _table(diff: Diff) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    table.add_column()
    for name, style, meaning in KINDS:
        kind: DiffKind = getattr(diff, name)
        if not kind.endpoints:
            continue
        if name == "unchanged" and diff.sync_mode == SyncMode.UPSERT:
            meaning += "; sent all the same, as upsert sends everything"
        share = "" if name == "to_retire" else f" ({kind.endpoints / diff.compared:.1%})"
        label = Text(f"{name.replace('_', ' ')}{share}", style=style)
        table.add_row(f"  {kind.endpoints:,}", label, Text(meaning, style="dim"))
        for count, what in _say_columns(kind):
            table.add_row("", Text(f"{count:,}", justify="right"), what)
        for example in kind.examples if name != "unchanged" else []:
            table.add_row("", "", Text(_say_example(example), style="dim"))
    return table


def _say_columns(kind: DiffKind) -> Iterator[tuple[int, str]]:
    for change in kind.columns[:MOST_COLUMNS]:
        yield change.endpoints, write_plainly(change.name)
    if len(kind.columns) > MOST_COLUMNS:
        left = kind.columns[MOST_COLUMNS:]
        yield sum(change.endpoints for change in left), f"in {len(left)} more columns"
    if kind.alike:
        yield kind.alike, "with the same in every column that is known"
    if kind.unknown:
        yield kind.unknown, "in columns that are not known"


def _say_example(example: DiffExample) -> str:
    where = (
        "" if example.source_row is None else f", {example.source_file} row {example.source_row:,}"
    )
    columns = f": {', '.join(example.columns[:MOST_COLUMNS])}" if example.columns else ""
    return write_plainly(f"e.g. {example.endpoint_id}{where}{columns}")


def _say_unseen(diff: Diff) -> Iterator[str]:
    unseen = diff.unseen
    if unseen.invalid:
        yield f"{unseen.invalid:,} invalid: what they would change, were they valid"
    if unseen.unidentified:
        yield f"{unseen.unidentified:,} rows whose Id cannot be told: whose they are"
    unknown = sum(getattr(diff, name).unknown for name, *_ in KINDS)
    if unknown:
        yield f"{unknown:,} endpoints known without their columns: which of these differ"
    if unseen.is_limited:
        yield "records behind --limit"
    if diff.sync_mode != SyncMode.MIRROR:
        yield "endpoints that are gone from the source (only --sync-mode mirror looks for them)"
    yield (
        "changes made at the service by others since then: opt-outs, edits, deletions "
        "(`endpoint-import state verify` looks for them in a sample)"
    )

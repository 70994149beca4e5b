"""The list of past runs."""

from typing import NamedTuple

import click
from rich.console import Console
from rich.table import Table

from pipelines.errors import RunStateError
from pipelines.report.summary import Summary
from pipelines.storage.manifest import Manifest
from pipelines.storage.places import Place
from pipelines.storage.run_dir import RunDirectory, list_runs
from pipelines.terminal.running import read_run, say_status

WIDEST = 200
"""Columns that the list may take: a run id alone may take 100."""


class PastRun(NamedTuple):
    """One run."""

    run: RunDirectory
    manifest: Manifest
    status: str
    summary: Summary | None


def read_all_runs(runs_dir: Place) -> list[PastRun]:
    """Read the runs that can be read, newest first; say on stderr which cannot."""
    found = []
    for run in list_runs(runs_dir):
        try:
            manifest, summary = read_run(run)
            found.append(PastRun(run, manifest, say_status(run, manifest), summary))
        except RunStateError as error:
            click.echo(f"Warning: {error.message}", err=True)
    return sorted(found, key=lambda past: past.manifest.started_at, reverse=True)


def print_runs(found: list[PastRun]) -> None:
    """Print a table of runs."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "started (UTC)", "command", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "accepted", "to fix", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for run, manifest, status, summary in found:
        counts = ["", "", "", ""]
        if summary is not None:
            to_fix = summary.invalid + summary.rejected + summary.held
            numbers = (summary.rows, summary.accepted, to_fix)
            counts = [*(f"{number:,}" for number in numbers), f"{summary.seconds:,.1f}"]
        started = f"{manifest.started_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(run.run_id, started, manifest.command, status, *counts)
    # A run id that is folded or cut cannot be copied: a line may be longer than the terminal.
    console = Console()
    console.width = max(console.width, WIDEST)
    console.print(table)

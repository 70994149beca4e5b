"""The list of past runs."""

from collections.abc import Iterable
from typing import NamedTuple

import click
from rich.table import Table
from rich.text import Text

from pipelines.errors import RunStateError
from pipelines.report.summary import Summary
from pipelines.sending import count_answered
from pipelines.storage.answer_log import read_answers
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.places import Place, S3Folder
from pipelines.storage.run_dir import RunDirectory, list_runs, open_run_directory, run_at
from pipelines.terminal.consoles import is_terminal, make_console
from pipelines.terminal.plain_text import write_plainly
from pipelines.terminal.running import read_run, say_status

LATEST = "latest"
"""How the newest run is named, unless a run has that name."""
RESUMABLE = ("stopped", "interrupted")
"""Statuses of runs that `resume` goes on with."""
GAP = 2
"""Spaces between columns."""
SHORTEST_SOURCE = 12
"""Characters of a source below which the column is left out."""
COLOURS = {
    "completed": "green",
    "completed_with_errors": "yellow",
    "guarded": "red",
    "failed": "red",
    "stopped": "yellow",
    "interrupted": "yellow",
}


class PastRun(NamedTuple):
    """One run."""

    run: RunDirectory
    manifest: Manifest
    status: str
    summary: Summary | None


class Column(NamedTuple):
    """A column of the list."""

    name: str
    cells: list[str]
    rank: int
    """When it is left out where there is no room: the highest number first, 0 never."""
    is_number: bool = False

    @property
    def width(self) -> int:
        """Give the characters that it takes."""
        return max(map(len, [self.name, *self.cells]))


def find_run(runs_dir: Place, run_id: str) -> RunDirectory:
    """Find a run by its name; `latest` is the newest one.

    Raises:
        RunStateError: There is none.
    """
    if run_id != LATEST or run_at(runs_dir, run_id).manifest.exists():
        return open_run_directory(runs_dir, run_id)
    found = read_all_runs(runs_dir)
    if not found:
        raise RunStateError(f"There are no runs in {runs_dir}, and so no latest one.")
    return found[0].run


def find_resumable(runs_dir: Place, run_id: str) -> RunDirectory:
    """Find a run to go on with by its name; `latest` is the newest one that is not done.

    Of those an import comes before a check, as it has something left to send.

    Raises:
        RunStateError: There is none.
    """
    if run_id != LATEST or run_at(runs_dir, run_id).manifest.exists():
        return open_run_directory(runs_dir, run_id)
    found = read_all_runs(runs_dir)
    left = [past for past in found if past.status in RESUMABLE]
    if left:
        return min(left, key=lambda past: past.manifest.command != "run").run
    if not found:
        raise RunStateError(f"There are no runs in {runs_dir}, and so none to resume.")
    newest = found[0]
    raise RunStateError(
        f"No run in {runs_dir} can be resumed: none is {' or '.join(RESUMABLE)}. The newest, "
        f"{newest.run.run_id} ({newest.manifest.command}), is {newest.status}."
    )


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
    """Print a table of runs, of what fits into the width of the terminal.

    A run id is never cut, as it is there to be copied.
    """
    console = make_console()
    columns = _list_columns(found)
    if is_terminal(stderr=False):
        columns = fit_columns(columns, console.width)
    widest = sum(column.width + GAP for column in columns)
    console.width = max(console.width, widest)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for column in columns:
        justify = "right" if column.is_number else "left"
        table.add_column(column.name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in cells))
    console.print(table)


def fit_columns(columns: list[Column], width: int) -> list[Column]:
    """Shorten the names of sources, and leave columns out, until the others fit."""
    while (over := sum(column.width + GAP for column in columns) - GAP - width) > 0:
        last = max(columns, key=lambda column: column.rank)
        if last.rank == 0:
            break
        place = columns.index(last)
        room = last.width - over
        if last.name == "source" and room >= SHORTEST_SOURCE:
            columns[place] = last._replace(cells=[_shorten(cell, room) for cell in last.cells])
        else:
            columns = [*columns[:place], *columns[place + 1 :]]
    return columns


def _shorten(text: str, width: int) -> str:
    """Leave out the beginning: names of files differ in their ends."""
    return text if len(text) <= width else "..." + text[3 - width :]


def _list_columns(found: list[PastRun]) -> list[Column]:
    manifests = [past.manifest for past in found]
    columns = [
        Column("run", [past.run.run_id for past in found], 0),
        Column("started (UTC)", [f"{m.started_at:%Y-%m-%d %H:%M}" for m in manifests], 5),
        Column("command", [m.command for m in manifests], 4),
        Column("source", [_say_sources(m) for m in manifests], 8),
        Column("status", [past.status for past in found], 0),
    ]
    counts = [_count(past) for past in found]
    for name, rank in (
        *(("rows", 1), ("accepted", 2), ("unchanged", 6), ("importable", 3), ("to fix", 1)),
        *(("warnings", 1), ("seconds", 7)),
    ):
        cells = [of_run.get(name, "") for of_run in counts]
        if any(cells):
            columns.append(Column(name, cells, rank, is_number=True))
    return columns


def _count(past: PastRun) -> dict[str, str]:
    """Give what is known of a run by column; a check accepts nothing, and says nothing of it."""
    summary, manifest = past.summary, past.manifest
    known: dict[str, int] = {}
    if summary is None:
        known["rows"] = manifest.rows
        if past.status == "interrupted" and manifest.command == "run":
            known["accepted"] = _count_accepted(past.run)
        return {name: f"{count:,}" for name, count in known.items() if count}
    known["rows"] = summary.rows
    if manifest.command == "run":
        known["accepted"] = summary.accepted
    elif manifest.status is not RunStatus.STOPPED:
        known["importable"] = summary.unprocessed
    told = {name: f"{count:,}" for name, count in known.items()}
    if summary.unchanged:
        told["unchanged"] = f"{summary.unchanged:,}"
    if warnings := sum(not breach.is_stop for breach in summary.breaches):
        told["warnings"] = f"{warnings:,}"
    to_fix = summary.invalid + summary.rejected + summary.held
    return {**told, "to fix": f"{to_fix:,}", "seconds": f"{summary.seconds:,.1f}"}


def _count_accepted(run: RunDirectory) -> int:
    """Count what the service took of a run that was killed, as far as its logs tell."""
    if isinstance(run.runs_dir, S3Folder):  # every log would have to be fetched
        return 0
    logs = (read_answers(path).records for path in run.list_files("delivered", ".log"))
    return sum(count_answered(_accepted(records)) for records in logs)


def _accepted(records: Iterable[dict[str, list[list[object]]]]) -> list[dict[str, object]]:
    return [
        {"deliveries": [each for each in record["deliveries"] if each[2] == "accepted"]}
        for record in records
    ]


def _say_sources(manifest: Manifest) -> str:
    sources = [str(source) for source in manifest.settings.get("sources", [])]
    more = f" (+{len(sources) - 1})" if len(sources) > 1 else ""
    return write_plainly(sources[0] + more) if sources else ""

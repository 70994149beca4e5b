"""Progress for people: a bar on a terminal, plain lines in a log."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipelines import progress

WORDS = {
    "start": "starting",
    "stage": "reading",
    "prepare": "validating",
    "resolve": "comparing rows",
    "compare": "comparing with the last import",
    "deliver": "sending",
    "retire": "retiring",
    "record": "noting what was accepted",
    "report": "writing the results",
    "look": "reading the state",
    "verify": "reading back",
}
LINE_EVERY_S = 10.0
"""Seconds between the lines of a long phase in a log."""


class _Rows(ProgressColumn):
    """Rows so far, of how many where that is known."""

    def render(self, task: Task) -> Text:
        done = f"{task.completed:,.0f}"
        if task.total is not None:
            return Text(f"{done} of {task.total:,.0f}", no_wrap=True)
        return Text(f"{done} rows" if task.completed else "", no_wrap=True)


class _Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} rows/s" if speed else "", style="dim", no_wrap=True)


class ProgressBar:
    """Shows the phases of a run on stderr while the `with` block runs."""

    def __init__(self) -> None:
        """Look at whether stderr is a terminal."""
        self._console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            _Rows(),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._lines = _Lines()

    def __enter__(self) -> Self:
        """Start to listen."""
        if self._console.is_terminal:
            self._bar.start()
        progress.listen(self)
        progress.begin("start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the bar."""
        progress.listen(None)
        if self._console.is_terminal:
            self._bar.stop()
        else:
            self._lines.end()

    def begin(self, phase: str, total_rows: int | None) -> None:
        """See `progress.ProgressListener`."""
        if not self._console.is_terminal:
            self._lines.begin(phase, total_rows)
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(WORDS[phase], total=total_rows)

    def advance(self, phase: str, rows: int) -> None:
        """See `progress.ProgressListener`."""
        if not self._console.is_terminal:
            self._lines.advance(rows)
        elif self._task is not None:
            self._bar.advance(self._task, rows)

    def skip(self, phase: str, rows: int) -> None:
        """See `progress.ProgressListener`."""
        if not self._console.is_terminal:
            self._lines.skip(rows)
        elif self._task is not None:
            done = next(task.completed for task in self._bar.tasks if task.id == self._task)
            self._bar.reset(self._task, completed=int(done) + rows)  # the rate begins anew


class _Lines:
    """A line at the end of each phase, and now and then within a long one."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._rows = self._skipped = 0
        self._total: int | None = None
        self._began_s = self._told_s = time.monotonic()

    def begin(self, phase: str, total_rows: int | None) -> None:
        self.end()
        self._phase, self._rows, self._skipped, self._total = phase, 0, 0, total_rows
        self._began_s = self._told_s = time.monotonic()
        if phase == "start":
            _write("starting\n")

    def advance(self, rows: int) -> None:
        self._rows += rows
        if time.monotonic() - self._told_s >= LINE_EVERY_S:
            self._told_s = time.monotonic()
            self._tell("")

    def skip(self, rows: int) -> None:
        self._skipped += rows

    def end(self) -> None:
        if self._phase is not None and self._rows:
            self._tell("")
        self._phase = None

    def _tell(self, ending: str) -> None:
        seconds = max(time.monotonic() - self._began_s, 0.001)
        speed = self._rows / seconds
        of_total = f" of {self._total:,}" if self._total and not ending else ""
        left = ""
        done = self._skipped + self._rows
        if self._total and not ending and done < self._total and speed:
            left = f", {(self._total - done) / speed:,.0f} s left"
        what = f"{WORDS[self._phase or 'start']}{ending}: {done:,}{of_total} rows"
        _write(f"{what} in {seconds:,.1f} s ({speed:,.0f} rows/s{left})\n")


def _write(line: str) -> None:
    with suppress(OSError):  # whoever reads it may be gone; the run goes on
        sys.stderr.write(line)
        sys.stderr.flush()

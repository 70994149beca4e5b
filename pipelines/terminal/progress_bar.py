"""Progress for people: a line that is written over on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.cells import cell_len
from rich.console import Group
from rich.live import Live
from rich.text import Text

from pipelines import progress
from pipelines.terminal.consoles import is_terminal, make_console
from pipelines.terminal.output import Output
from pipelines.terminal.phase_state import WORDS, PhaseState, say_left
from pipelines.terminal.plain_text import write_plainly

LINE_EVERY_S = 10.0
"""Seconds between the lines of a long phase in a log."""
BAR_WIDTH = 16
SPINS = ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\")
"""What turns while something goes on: in any character, and in those of ASCII."""
BARS = (("━", "╸", " "), ("=", "=", " "))
"""What is done, its tip, and what is not."""


class ProgressBar:
    """Shows the phases of a run on stderr while the `with` block runs."""

    def __init__(self, output: Output | None = None) -> None:
        """Look at whether stderr is a terminal, and what is wanted."""
        self._output = output or Output()
        self._console = make_console(stderr=True)
        self._state = PhaseState("start", None, time.monotonic)
        self._is_plain = self._console.options.ascii_only
        self._live: Live | None = None
        self._told_s = time.monotonic()
        if is_terminal(stderr=True) and not self._output.is_quiet:
            self._live = Live(
                console=self._console,
                get_renderable=self._render,
                refresh_per_second=8,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )

    def __enter__(self) -> Self:
        """Start to listen."""
        if self._live is not None:
            self._live.start()
        progress.listen(self)
        progress.begin("start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the line."""
        progress.listen(None)
        if self._live is not None:
            self._live.stop()
        self._end()

    def begin(self, phase: str, total_rows: int | None) -> None:
        """See `progress.ProgressListener`."""
        self._end()
        self._state = PhaseState(phase, total_rows, time.monotonic)
        self._told_s = time.monotonic()
        if self._live is None and phase == "start":
            self._write(WORDS[phase])

    def advance(self, phase: str, rows: int) -> None:
        """See `progress.ProgressListener`."""
        self._state.advance(rows)
        if self._live is None and time.monotonic() - self._told_s >= LINE_EVERY_S:
            self._told_s = time.monotonic()
            self._tell(is_over=False)

    def skip(self, phase: str, rows: int) -> None:
        """See `progress.ProgressListener`."""
        self._state.skip(rows)

    def measure(self, phase: str, total_bytes: int) -> None:
        """See `progress.ProgressListener`."""
        self._state.total_bytes = total_bytes

    def take(self, phase: str, size_bytes: int) -> None:
        """See `progress.ProgressListener`."""
        self._state.taken_bytes += size_bytes

    def count(self, phase: str, counts: Mapping[str, int]) -> None:
        """See `progress.ProgressListener`."""
        self._state.add(counts)

    def note(self, text: str) -> None:
        """See `progress.ProgressListener`."""
        if self._output.is_verbose:
            self._write(f"{datetime.now(UTC):%H:%M:%SZ} {write_plainly(text)}")

    def _end(self) -> None:
        """Tell of a phase that is over; on a terminal only if all is to be told."""
        if self._live is not None and not self._output.is_verbose:
            return
        if self._state.moved:
            self._tell()
        elif self._output.is_verbose and self._state.name != "start":
            self._write(f"{WORDS[self._state.name]}: {self._state.seconds:,.1f} s")

    def _render(self) -> Group:
        """Draw the phase, in as many pieces as fit into a line."""
        state, width = self._state, self._console.width - 1
        spins = SPINS[self._is_plain]
        spin = spins[int(time.monotonic() * 8) % len(spins)]
        share, left_s = state.done_share(), state.left_s()
        pace = state.pace()
        pieces = [
            # What it says, and when it is left out: the highest number goes first.
            (f"{spin} {WORDS[state.name]}", 0),
            (self._draw_bar(share) if share is not None else "", 4),
            (f"{share:.0%}" if share is not None and state.total is None else "", 3),
            (state.say_done() if state.done or state.total else "", 1),
            (f"{pace:,.0f}/s" if pace else "", 5),
            (f"{say_left(left_s)} left" if left_s else "", 2),
        ]
        for dropped in (5, 4, 3, 2, 1):
            if sum(cell_len(text) + 1 for text, _ in pieces if text) <= width:
                break
            pieces = [(text, rank) for text, rank in pieces if rank != dropped]
        line = Text(" ".join(text for text, _ in pieces if text), no_wrap=True, overflow="crop")
        counts = state.say_counts()
        if not counts:
            return Group(line)
        return Group(line, Text(f"  {counts} so far", style="dim", no_wrap=True, overflow="crop"))

    def _draw_bar(self, share: float) -> str:
        full, tip, empty = BARS[self._is_plain]
        done = int(share * BAR_WIDTH)
        drawn = full * done + (tip if done < BAR_WIDTH else "")
        return drawn.ljust(BAR_WIDTH, empty)

    def _tell(self, *, is_over: bool = True) -> None:
        """Write a line about the phase; what is left of one that is over is nothing."""
        state, left_s = self._state, None if is_over else self._state.left_s()
        done = f"{state.done:,} {state.unit}" if is_over else state.say_done()
        share = state.done_share()
        told_share = "" if is_over or state.total or share is None else f" ({share:.0%})"
        pace = state.moved / state.seconds if is_over else state.pace()
        left = "" if left_s is None else f", {left_s:,.0f} s left"
        counts = state.say_counts()
        told = f"; {counts}" if counts else ""
        self._write(
            f"{WORDS[state.name]}: {done}{told_share} in {state.seconds:,.1f} s "
            f"({pace:,.0f} {state.unit}/s{left}){told}"
        )

    def _write(self, line: str) -> None:
        if self._output.is_quiet:
            return
        if self._live is not None:
            self._console.print(Text(line, style="dim"), soft_wrap=True)
            return
        with suppress(OSError):  # whoever reads it may be gone; the run goes on
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

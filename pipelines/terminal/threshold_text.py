"""Thresholds that a run exceeded, for people."""

from rich.console import Console
from rich.text import Text

from pipelines.report.summary import Summary
from pipelines.terminal.plain_text import write_plainly


def print_breaches(console: Console, summary: Summary) -> None:
    """Print those that warn; those that stop are the reason for which the run ended."""
    for breach in summary.breaches:
        if not breach.is_stop:
            text = Text("Warning: ", style="bold yellow")
            text.append(write_plainly(breach.message), style="not bold default")
            console.print(text, soft_wrap=True)

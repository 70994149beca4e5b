"""--help as a page that one reads: commands by purpose, options under headings, exit codes."""

from collections.abc import Iterable
from typing import Any

import click

NARROWEST, WIDEST = 60, 100
"""Columns that a page takes."""
EXIT_CODES = (
    "0 every row imported, or could be",
    "1 finished, and some rows were not",
    "2 usage or settings: nothing was read",
    "3 a source cannot be read: nothing was sent",
    "4 a threshold was exceeded: nothing was sent",
    "5 stopped part-way: `endpoint-import resume` goes on",
)
OPTIONS = "Options"
"""Heading of what has no other."""
HEADINGS: dict[str, tuple[str, ...]] = {
    OPTIONS: (),
    "What to read": (
        *("--mapping", "--delimiter", "--encoding", "--quote", "--escape", "--no-header"),
        *("--sheet", "--limit"),
    ),
    "How rows are judged": ("--default-country", "--default-channel", "--phone-check"),
    "When to stop before anything is sent, or to warn": (
        *("--max-invalid", "--warn-invalid", "--max-row-change", "--on-row-change"),
        *("--on-empty-column", "--on-lost-channel"),
        *("--max-opt-ins", "--max-removals", "--max-shrink", "--max-unidentified"),
    ),
    "Where to send, and how fast": (
        *("--local", "--db", "--application-id", "--endpoint-url", "--region", "--profile"),
        *("--rate", "--max-in-flight"),
    ),
    "What is sent, and what is remembered of it": (
        *("--sync-mode", "--state-dir", "--no-state", "--full-refresh", "--allow-opt-in"),
        *("--feed", "--retire", "--every", "--unfinished"),
    ),
    "The run": (
        *("--runs-dir", "--run-id", "--partition-rows", "--runner", "--dask-address"),
        "--keep-staged",
    ),
    "Output": (
        *("--json", "--quiet", "--verbose", "--diff", "--open", "--show-addresses", "--output"),
        *("--force", "--help"),
    ),
}
"""Headings of options, in the order of a page, and of the options under each."""
PURPOSES = {
    "Import": ("run", "check", "plan", "resume"),
    "Look at past runs": ("runs", "report"),
    "Prepare": ("map", "serve", "completion"),
    "What services accepted": ("state",),
}
"""Headings of commands, and the commands under each."""


def find_heading(name: str) -> str:
    """Give the heading that an option stands under, by its long name."""
    return next((heading for heading, names in HEADINGS.items() if name in names), OPTIONS)


class Command(click.Command):
    """A command whose page has headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings, each above what it does."""
        by_heading: dict[str, list[tuple[str, str]]] = {heading: [] for heading in HEADINGS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                by_heading[find_heading(_long_name(parameter))].append(record)
        _write_options(formatter, by_heading)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes of what works on a run."""
        super().format_epilog(ctx, formatter)
        if self.name in PURPOSES["Import"]:
            _write_lines(formatter, "Exit codes", EXIT_CODES)


class Group(click.Group):
    """Commands, listed by purpose."""

    command_class = Command
    group_class = type

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and then the commands."""
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        records = [record for option in options if (record := option.get_help_record(ctx))]
        self.format_commands(ctx, formatter)
        _write_options(formatter, {OPTIONS: records})

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, what belongs together side by side."""
        known = {n for names in PURPOSES.values() for n in names}
        others = [name for name in self.list_commands(ctx) if name not in known]
        for heading, names in {**PURPOSES, "Commands": others}.items():
            there = [name for name in names if self.get_command(ctx, name) is not None]
            rows = [(name, self.commands[name].get_short_help_str(WIDEST)) for name in there]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl([(name.ljust(10), text) for name, text in rows])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes below the page of the program itself."""
        super().format_epilog(ctx, formatter)
        if ctx.parent is None:
            _write_lines(formatter, "Exit codes", EXIT_CODES)


def _long_name(option: click.Option) -> str:
    return next((name for name in option.opts if name.startswith("--")), option.opts[0])


def _write_options(
    formatter: click.HelpFormatter, by_heading: dict[str, list[tuple[str, str]]]
) -> None:
    for heading, records in by_heading.items():
        if not records:
            continue
        with formatter.section(heading):
            for names, text in records:
                formatter.write(f"{'':>{formatter.current_indent}}{names}\n")
                formatter.indent()
                formatter.indent()
                formatter.write_text(text)
                formatter.dedent()
                formatter.dedent()


def _write_lines(formatter: click.HelpFormatter, heading: str, lines: Iterable[str]) -> None:
    with formatter.section(heading):
        for line in lines:
            formatter.write_text(line)


CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}
"""Settings of the program's context."""

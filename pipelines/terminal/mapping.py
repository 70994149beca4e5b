"""The suggested mapping: the file, a table for people, and the table as JSON."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from pipelines.errors import ConfigurationError
from pipelines.mapping_suggestion import suggest_mapping
from pipelines.report.shell_words import join_command
from pipelines.settings import ImportSettings
from pipelines.suggesting.assembling import NO_ADDRESS
from pipelines.suggesting.mapping_text import write_mapping
from pipelines.suggesting.suggestion import SuggestedColumn, Suggestion
from pipelines.terminal.consoles import make_console
from pipelines.terminal.plain_text import write_plainly
from schemas.masking import looks_personal, mask

NOTHING_TO_IMPORT = 1
"""Exit code where no column of addresses was found."""
WIDEST = 140
"""Columns that the table may take where the terminal is narrower or none."""


def print_suggestion(
    settings: ImportSettings, preset: str | None, output: Path | None, *, force: bool, as_json: bool
) -> None:
    """Suggest a mapping for a source, write it, and say what was decided and why.

    Raises:
        ConfigurationError: The file is there already, cannot be written, or there is no such
            preset.
        SourceError: The source cannot be read.
        SystemExit: Nothing of the source can be imported, as it has no addresses.
    """
    if output is not None and output.exists() and not force:
        raise ConfigurationError(f"{output} is there already. Name another file, or give --force.")
    source = settings.sources[0]
    file, looked_at, suggestion = suggest_mapping(
        source, settings.reading, preset=preset, default_country=settings.default_country
    )
    name = str(output) if output is not None else "mapping.yaml"
    try_next = join_command(
        ["endpoint-import", "plan", source, "--mapping", name, *_same_options(settings)]
    )
    opening = (
        f"Suggested for {file.name} by its header and its first {looked_at:,} records.",
        f"Look through it, then try: {try_next}",
    )
    # On a terminal, the warnings are told below the table: once is enough.
    written = suggestion if output is not None else replace(suggestion, warnings=())
    text = write_mapping(written, opening if suggestion.has_address else opening[:1])
    if output is not None:
        _write(output, text)
    if as_json:
        document = orjson.dumps(_as_json(suggestion, looked_at), option=orjson.OPT_INDENT_2)
        sys.stdout.buffer.write(document + b"\n")
    elif output is None:
        click.echo(text, nl=False)
    _show(suggestion)
    if not suggestion.has_address:
        sys.exit(NOTHING_TO_IMPORT)
    if output is None:
        try_next += "  (with the mapping in that file: -o)"
    click.echo(f"Next: {try_next}", err=True)


def _same_options(settings: ImportSettings) -> list[str]:
    """Repeat what was said of the source, which holds for the next command too."""
    names = ("delimiter", "encoding", "quote", "escape", "sheet", "default_country")
    given = {name: getattr(settings, name) for name in names}
    options = [
        part
        for name, value in given.items()
        if value is not None
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    return [*options, *(["--no-header"] if settings.no_header else [])]


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"Cannot write {output}: {error.strerror}.") from error


def _show(suggestion: Suggestion) -> None:
    """Print what each column becomes, on stderr; what was left open comes last."""
    table = Table(box=None, pad_edge=False)
    for name in ("column", "becomes", "confidence", "why"):
        table.add_column(name, overflow="fold")
    for column in sorted(suggestion.columns, key=_place):
        becomes = column.becomes or ("(left open)" if column.confidence is None else "(left out)")
        cells = (_shown(column.header), becomes, column.confidence or "", column.why)
        table.add_row(*(Text(cell) for cell in cells))
    make_console(stderr=True, at_least=WIDEST).print(table)
    if suggestion.preset:
        told = (
            f"Looks like an export that the preset {suggestion.preset} knows: the mapping begins "
        )
        told += "with it."
        if not suggestion.warnings:
            told += f" --mapping {suggestion.preset} takes it as it is."
        click.echo(told, err=True)
    for warning in suggestion.warnings:
        kind = "" if warning == NO_ADDRESS else "Warning: "
        click.echo(f"{kind}{write_plainly(warning)}", err=True)


def _as_json(suggestion: Suggestion, looked_at: int) -> dict[str, Any]:
    """Give the table as a document."""
    return {
        "preset": suggestion.preset,
        "records": looked_at,
        "columns": [_column(column) for column in suggestion.columns],
        "warnings": list(suggestion.warnings),
    }


def _place(column: SuggestedColumn) -> int:
    """Put what is imported first, and what is to be decided last, where it is seen."""
    return 0 if column.becomes is not None else 1 if column.confidence is not None else 2


def _column(column: SuggestedColumn) -> dict[str, Any]:
    return {
        "column": _shown(column.header),
        "becomes": column.becomes,
        "confidence": column.confidence,
        "why": column.why,
    }


def _shown(header: str) -> str:
    """Write a header; one that is somebody's address or number is masked."""
    plain = write_plainly(header)
    return mask(plain) if looks_personal(plain) else plain

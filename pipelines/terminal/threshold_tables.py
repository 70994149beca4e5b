"""Thresholds of single sources in the settings file: a table for each SOURCE or pattern.

[thresholds."exports/crm-*.csv"]
max-row-change = "20%"
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipelines.source_thresholds import SourceThresholds

TABLES = "thresholds"
"""Their name in the settings file, and of what is kept of them with a command."""


def read_tables(path: Path, tables: object) -> "dict[str, SourceThresholds]":
    """Check the tables of a settings file; other names and values than there are are refused."""
    if not tables:
        return {}
    from pydantic import ValidationError

    from pipelines.source_thresholds import NAMES, SourceThresholds

    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise click.UsageError(
            f"The settings file {path}: {TABLES} is for tables, one for each SOURCE, such as "
            f'[{TABLES}."exports/crm-*.csv"]'
        )
    found = {}
    for source, table in tables.items():
        place = f'The settings file {path}: {TABLES}."{source}"'
        written = {name.replace("-", "_"): name for name in table}
        given = {name: table[as_written] for name, as_written in written.items()}
        if unknown := sorted(set(given).difference(NAMES)):
            as_written = written[unknown[0]]
            close = get_close_matches(unknown[0], NAMES, n=1)
            meant = f" Did you mean {_spell(close[0], as_written)}?" if close else ""
            known = ", ".join(_spell(name, as_written) for name in NAMES)
            raise click.UsageError(
                f"{place} has an unknown name: {as_written}.{meant} Known are {known}"
            )
        try:
            found[source] = SourceThresholds.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            reason = str(first["msg"]).removeprefix("Value error, ")
            name = written[str(first["loc"][0])]
            raise click.UsageError(f"{place}.{name}: {reason}") from error
    return found


def _spell(name: str, like: str) -> str:
    """Spell a name with underscores only if another one has them."""
    return name if "_" in like else name.replace("_", "-")


def tables_of_file() -> "Mapping[str, SourceThresholds]":
    """Give the tables of the settings file that this command has read."""
    tables: Mapping[str, SourceThresholds] = click.get_current_context().meta.get(TABLES, {})
    return tables

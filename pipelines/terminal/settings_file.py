"""The settings file: defaults of options, in TOML, under the names of the options."""

import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from pipelines.terminal.threshold_tables import TABLES, read_tables
from pipelines.terminal.usage_errors import SETTINGS_FILE_KEY

SETTINGS_FILE = Path("endpoint-import.toml")
"""The settings file that is read if it is there and no other is named."""


def read_settings_file(
    context: click.Context, _: click.Parameter, path: Path | None
) -> Path | None:
    """Take defaults of all commands from a TOML file; unknown names are refused."""
    if path is None:
        path = SETTINGS_FILE if SETTINGS_FILE.is_file() else None
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"The settings file {path} cannot be read: {error}") from error
    given = {name.replace("-", "_"): value for name, value in values.items()}
    group = context.command
    assert isinstance(group, click.Group)  # noqa: S101 (for the type checker)
    unknown = sorted(set(given).difference({TABLES}, *_names(group)))
    if unknown:
        close = get_close_matches(unknown[0], {TABLES}.union(*_names(group)), n=1)
        meant = f" Did you mean {close[0].replace('_', '-')}?" if close else ""
        told = f"has an unknown name: {unknown[0]}."
        raise click.UsageError(
            f"The settings file {path} {told}{meant} Names are those of the options."
        )
    context.meta[TABLES] = read_tables(path, given.pop(TABLES, {}))
    wrong = [name for name, value in given.items() if isinstance(value, list | dict)]
    if wrong:
        raise click.UsageError(f"The settings file {path}: {wrong[0]} takes a single value")
    context.meta[SETTINGS_FILE_KEY] = path
    context.default_map = _defaults(group, given)
    return path


def _names(group: click.Group) -> Iterator[set[str]]:
    """Yield the names that the commands of a group know, and those of the groups in it."""
    for command in group.commands.values():
        yield {_setting(p) for p in command.params if isinstance(p, click.Option)}
        if isinstance(command, click.Group):
            yield from _names(command)


def _defaults(group: click.Group, given: dict[str, Any]) -> dict[str, Any]:
    """Give what was given by command, under the names of its parameters."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found[name] = _defaults(command, given)
            continue
        known = {_setting(p): p for p in command.params if isinstance(p, click.Option)}
        found[name] = {
            str(option.name): _as_default(option, given[setting])
            for setting, option in known.items()
            if setting in given
        }
    return found


def _setting(option: click.Option) -> str:
    """Give the name of an option in the settings file: its own, not its parameter's."""
    return option.opts[0].lstrip("-").replace("-", "_")


def _as_default(option: click.Option, value: object) -> object:
    return [value] if option.multiple else value

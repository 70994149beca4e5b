"""Completion for shells: the scripts, and what may stand where; quick, and never in the way.

Nothing that takes a while is imported here, and a fault leaves nothing to choose from.
"""

import os
import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from importlib import resources
from pathlib import Path

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from pipelines.terminal.help_pages import Command

PROGRAM = "endpoint-import"
VARIABLE = "_ENDPOINT_IMPORT_COMPLETE"
"""Tells the program that the shell asks what may stand there."""
SHELLS = ("bash", "zsh", "fish")
MOST_RUNS = 50
"""Run ids to choose from, the newest ones."""


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what lets a shell complete commands, options, run ids, presets and files.

    \b
    bash: put this line into ~/.bashrc (bash 4.4 or newer)
      eval "$(endpoint-import completion bash)"

    \b
    zsh: put this line into ~/.zshrc, below compinit
      eval "$(endpoint-import completion zsh)"

    \b
    fish: once
      endpoint-import completion fish > ~/.config/fish/completions/endpoint-import.fish
    """  # noqa: D301
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 (for the type checker: it is one of click's own)
    script = found(click.get_current_context().find_root().command, {}, PROGRAM, VARIABLE)
    # Not bash's own, which asks the bash that is installed for its version.
    click.echo(ShellComplete.source(script))


def answer_shell(cli: click.Command) -> None:
    """Answer a shell that asks what may stand there, and end; do nothing for anybody else."""
    instruction = os.environ.get(VARIABLE)
    if instruction is None:
        return
    shell, _, action = instruction.partition("_")
    found = get_completion_class(shell)
    if found is not None and action == "complete":
        warnings.simplefilter("ignore")
        with suppress(Exception):  # whoever types is not to be shown a fault
            click.echo(found(cli, {}, PROGRAM, VARIABLE).complete())
    sys.exit(0)


def complete_run_ids(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Give the runs of --runs-dir, newest first by the time of their folders."""
    names = [folder.name for folder in _list_runs(context, incomplete)[:MOST_RUNS]]
    return _items([*names, "latest"], incomplete)


def complete_resumable(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Give the runs of --runs-dir that can be resumed, of the newest ones."""
    folders = _list_runs(context, incomplete)[:MOST_RUNS]
    return _items([*(f.name for f in folders if _is_resumable(f)), "latest"], incomplete)


def _list_runs(context: click.Context, incomplete: str) -> list[Path]:
    place = context.params.get("runs_dir") or Path("runs")
    if not isinstance(place, Path):  # on S3 they would have to be asked for
        return []
    found = [
        (folder.stat().st_mtime, folder.name)
        for folder in os.scandir(place)
        if folder.name.startswith(incomplete) and (Path(folder.path) / "manifest.json").is_file()
    ]
    return [place / name for _, name in sorted(found, reverse=True)]


def _is_resumable(folder: Path) -> bool:
    """Say whether a run stopped, or says that it is running and nobody works on it."""
    import orjson

    with suppress(OSError, orjson.JSONDecodeError, AttributeError):
        manifest = orjson.loads((folder / "manifest.json").read_bytes())
        if manifest.get("superseded_by") is not None:
            return False
        if manifest.get("status") == "running":
            from pipelines.storage.file_lock import read_owner  # takes a while, and is rare

            return read_owner(folder / "lock") is None
        return bool(manifest.get("status") == "stopped")
    return False


def complete_mappings(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Give presets, and mapping files."""
    return [*_items(_presets(), incomplete), *_find_files(incomplete, (".yaml", ".yml"))]


def complete_presets(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Give presets, and none."""
    return _items([*_presets(), "none"], incomplete)


def complete_countries(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Give the codes of countries: those of the package that the check uses."""
    import orjson

    content = (resources.files("pycountry") / "databases" / "iso3166-1.json").read_bytes()
    countries = orjson.loads(content)["3166-1"]
    return [
        CompletionItem(country["alpha_2"], help=country["name"])
        for country in countries
        if country["alpha_2"].startswith(incomplete.upper())
    ]


def complete_files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete names of files and folders."""
    return [CompletionItem(incomplete, type="file")]


def complete_folders(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete names of folders."""
    return [CompletionItem(incomplete, type="dir")]


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _presets() -> list[str]:
    folder = resources.files("pipelines") / "presets"
    names = (path.name for path in folder.iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def _find_files(incomplete: str, endings: tuple[str, ...]) -> list[CompletionItem]:
    """Find files of these endings, and folders that they may be in."""
    before, _, begin = incomplete.rpartition("/")
    folder = Path(before or ("/" if incomplete.startswith("/") else "."))
    prefix = incomplete[: len(incomplete) - len(begin)]
    if not folder.is_dir():
        return []
    return [
        CompletionItem(prefix + path.name + ("/" if path.is_dir() else ""))
        for path in sorted(folder.iterdir())
        if path.name.startswith(begin)
        and (begin or not path.name.startswith("."))
        and (path.is_dir() or path.name.endswith(endings))
    ]

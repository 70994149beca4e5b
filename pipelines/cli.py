"""The command line."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import orjson
from click.core import ParameterSource
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from pipelines.errors import (
    ConfigurationError,
    DestinationError,
    EndpointImportError,
    GuardError,
    RunStateError,
)
from pipelines.terminal.options import (
    DATABASE,
    DESTINATION_OPTIONS,
    JSON,
    RUNS_DIR,
    SETTINGS_FILE,
    SOURCE_OPTIONS,
    option,
    read_settings_file,
    with_options,
)
from pipelines.terminal.process import prepare_process

if TYPE_CHECKING:
    from pipelines.report.plan import ImportPlan
    from pipelines.report.summary import Summary
    from pipelines.settings import ImportSettings
    from pipelines.storage.manifest import Manifest
    from pipelines.storage.run_dir import RunDirectory

NOT_ALL_IMPORTED = 1
STOPPED = 5
WIDEST = 200
"""Columns that the list of runs may take: a run id alone may take 100."""
API_UNREACHABLE = "Failed to reach API at "
"""How Prefect begins the message of the RuntimeError that it raises then."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 every row imported; 1 finished, some rows were not; 2 usage or settings; "
    "3 a source cannot be read; 4 a threshold stopped the run before sending; 5 stopped part-way.",
)
@click.version_option(package_name="endpoint-import")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="ENDPOINT_IMPORT_CONFIG",
    show_envvar=True,
    is_eager=True,
    expose_value=False,
    callback=read_settings_file,
    help=f"Settings file (TOML) with defaults for options. [default: {SETTINGS_FILE} if present]",
)
def cli() -> None:
    """Bring an audience export into a service that speaks the Amazon Pinpoint endpoint API.

    Every row of the input ends in exactly one outcome, and the books balance.
    """


@cli.command()
@with_options(SOURCE_OPTIONS, DESTINATION_OPTIONS)
def run(sources: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Import CSV or Parquet files, globs or directories.

    \b
    Examples:
      endpoint-import run audience.csv --local
      endpoint-import run 'exports/*.parquet' --application-id 5e1f... --region eu-west-1
      endpoint-import run runs/LAST/errors.csv --local      (after correcting it)
    """  # noqa: D301 (click's mark for lines to keep)
    settings = make_settings(sources, given)
    origin = click.get_current_context().get_parameter_source("endpoint_url")
    if settings.local and origin is ParameterSource.COMMANDLINE:
        raise ConfigurationError("--local and --endpoint-url exclude each other. Leave one out.")
    with ExitStack() as stack:
        if settings.local:
            settings = start_local_server(stack, settings)
        sys.exit(run_flow("run", settings, as_json=as_json))


@cli.command()
@with_options(SOURCE_OPTIONS, DESTINATION_OPTIONS)
def check(sources: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Report what is wrong with an export.

    Sends nothing and needs no destination: options about one are taken and not used.

    \b
    Example:
      endpoint-import check audience.csv --default-country US
    """  # noqa: D301
    sys.exit(run_flow("check", make_settings(sources, given), as_json=as_json))


@cli.command()
@with_options(SOURCE_OPTIONS, DESTINATION_OPTIONS)
def plan(sources: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Say what `run` would do; sends nothing.

    Rows by outcome, requests, and the time that these take at the quota.

    \b
    Example:
      endpoint-import plan audience.csv --rate 2
    """  # noqa: D301
    sys.exit(run_flow("plan", make_settings(sources, given), as_json=as_json))


@cli.command()
@RUNS_DIR
@JSON
def runs(runs_dir: Path, *, as_json: bool) -> None:
    """List past runs, newest first."""
    from pipelines.storage.run_dir import list_runs

    found = sorted(
        read_runs(list_runs(runs_dir)), key=lambda read: read[1].started_at, reverse=True
    )
    if as_json:
        listed = [manifest.model_dump(mode="json") for _, manifest, _ in found]
        sys.stdout.buffer.write(orjson.dumps(listed, option=orjson.OPT_INDENT_2) + b"\n")
        return
    if not found:
        click.echo(f"No runs in {runs_dir}.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run", "started (UTC)", "command", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "accepted", "to fix", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for run, manifest, summary in found:
        counts = ["", "", "", ""]
        if summary is not None:
            to_fix = summary.invalid + summary.rejected
            numbers = (summary.rows, summary.accepted, to_fix)
            counts = [*(f"{number:,}" for number in numbers), f"{summary.seconds:,.1f}"]
        started = f"{manifest.started_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(run.run_id, started, manifest.command, manifest.status.value, *counts)
    # A run id that is folded or cut cannot be copied: a line may be longer than the terminal.
    console = Console()
    console.width = max(console.width, WIDEST)
    console.print(table)


@cli.command()
@click.argument("run_id")
@RUNS_DIR
@JSON
def report(run_id: str, runs_dir: Path, *, as_json: bool) -> None:
    """Show the summary of a run again, and where its files are."""
    from pipelines.storage.run_dir import open_run_directory

    run = open_run_directory(runs_dir, run_id)
    manifest, summary = read_run(run)
    if summary is None:
        raise RunStateError(
            f"Run {run_id} has no summary: it is {manifest.status.value}. {manifest.message or ''}"
        )
    show(run, manifest, summary, as_json=as_json)


@cli.command()
@option(
    "--host",
    default="127.0.0.1",
    help="Address to listen on; the default serves this machine alone.",
)
@option("--port", type=click.IntRange(0, 65535), default=8765, help="Port; 0 takes a free one.")
@DATABASE
@option(
    "--application-id",
    multiple=True,
    metavar="ID",
    help="Application to make if it is not there; may be repeated. [default: local]",
)
@option(
    "--credentials",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Check signatures against the keys in this file (AWS's credentials format).",
)
@option("--verbose", is_flag=True, help="Log each request.")
def serve(
    host: str,
    port: int,
    db: Path,
    application_id: tuple[str, ...],
    credentials: Path | None,
    *,
    verbose: bool,
) -> None:
    """Start the Pinpoint-compatible local server."""
    from pipelines.local_server.process import ServerOptions, serve
    from pipelines.settings import LOCAL_APPLICATION

    applications = application_id or (LOCAL_APPLICATION,)
    options = ServerOptions(host, port, db, applications, credentials, verbose)
    serve(options, lambda line: click.echo(line, err=True))


def make_settings(sources: tuple[str, ...], given: dict[str, Any]) -> "ImportSettings":
    """Check what was given and make settings of it.

    Raises:
        ConfigurationError: A value is not allowed; names the option.
    """
    from pipelines.settings import ImportSettings

    try:
        return ImportSettings(sources=list(sources), **given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + str(first["loc"][0]).replace("_", "-")
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigurationError(f"{name}: {reason}.") from error


def start_local_server(stack: ExitStack, settings: "ImportSettings") -> "ImportSettings":
    """Start the embedded server for the time of this command and point the settings at it."""
    from pipelines.local_server.process import LocalServer, ServerOptions

    applications = (settings.application or "",)
    server = stack.enter_context(
        LocalServer(ServerOptions(port=0, db=settings.db, applications=applications))
    )
    return settings.model_copy(update={"endpoint_url": server.url})


def run_flow(
    command: Literal["run", "check", "plan"], settings: "ImportSettings", *, as_json: bool
) -> int:
    """Run a flow with progress, show its summary, and give the exit code."""
    from pipelines.preflight import check_settings
    from pipelines.terminal.progress_bar import ProgressBar

    check_settings(settings, sends=command == "run")
    with ProgressBar():
        from datetime import UTC, datetime

        from pipelines.flows import (
            check_quality,
            import_endpoints,
            new_run_id,
            start_prefect_api,
        )
        from pipelines.report.plan import make_plan
        from pipelines.storage.run_dir import open_run_directory

        run_id = settings.run_id or new_run_id(datetime.now(UTC))
        settings = settings.model_copy(update={"run_id": run_id})
        stopped: EndpointImportError | None = None
        try:
            start_prefect_api()
            if command == "run":
                import_endpoints(settings)
            else:
                check_quality(settings, command)
        except (GuardError, DestinationError) as error:
            stopped = error
        except KeyboardInterrupt as error:
            if not (settings.runs_dir / run_id).exists():
                raise
            raise DestinationError(
                f"Stopped by a signal. Run {run_id} is not complete: start the command again."
            ) from error
        except RuntimeError as error:
            if not str(error).startswith(API_UNREACHABLE):
                raise
            url = str(error).removeprefix(API_UNREACHABLE).rstrip("/.")
            raise ConfigurationError(
                f"The Prefect API at {url} cannot be reached. Start it, or unset PREFECT_API_URL "
                "(also in the Prefect profile) to run without one."
            ) from error
    run = open_run_directory(settings.runs_dir, run_id)
    manifest, summary = read_run(run)
    if summary is None:
        raise stopped or ConfigurationError(f"Run {run_id} left no summary.")
    import_plan = make_plan(run, settings) if command == "plan" else None
    show(run, manifest, summary, import_plan, as_json=as_json)
    if stopped is not None:
        click.echo(f"Error: {stopped.message}", err=True)
        return stopped.exit_code
    return 0 if manifest.status.value == "completed" else NOT_ALL_IMPORTED


def read_runs(
    runs: "list[RunDirectory]",
) -> "Iterator[tuple[RunDirectory, Manifest, Summary | None]]":
    """Read the runs that can be read; say on stderr which cannot."""
    for run in runs:
        try:
            yield (run, *read_run(run))
        except RunStateError as error:
            click.echo(f"Warning: {error.message}", err=True)


def read_run(run: "RunDirectory") -> "tuple[Manifest, Summary | None]":
    """Read a run's manifest, and its summary if it has one."""
    from pipelines.report.summary import Summary
    from pipelines.storage.manifest import load_manifest

    manifest = load_manifest(run)
    if not run.summary.is_file():
        return manifest, None
    try:
        return manifest, Summary.model_validate_json(run.summary.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunStateError(
            f"{run.summary} cannot be read: it is damaged or of another version."
        ) from error


def show(
    run: "RunDirectory",
    manifest: "Manifest",
    summary: "Summary",
    import_plan: "ImportPlan | None" = None,
    *,
    as_json: bool,
) -> None:
    """Print a summary, and the plan of an import, for people; and as JSON where asked for."""
    from pipelines.terminal.summary_text import print_summary

    print_summary(
        Console(stderr=as_json), run, manifest, summary, import_plan.text if import_plan else None
    )
    if as_json:
        document = summary.model_dump(mode="json")
        document |= import_plan.as_json() if import_plan is not None else {}
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def main() -> None:
    """Run the command line; a known error becomes one line and its exit code."""
    prepare_process()
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except EndpointImportError as error:
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Error: Stopped by a signal before anything was read or sent.", err=True)
        sys.exit(STOPPED)
    except Exception as error:  # noqa: BLE001 (the last place that can tell the user)
        click.echo(f"Error: unexpected {type(error).__name__}: {error}", err=True)
        if os.environ.get("ENDPOINT_IMPORT_DEBUG"):
            traceback.print_exc()
        else:
            click.echo("Set ENDPOINT_IMPORT_DEBUG=1 to see where it happened.", err=True)
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()

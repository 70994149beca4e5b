"""The command line."""

import os
import sys
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pipelines.defaults import LOCAL_APPLICATION
from pipelines.errors import ConfigurationError, EndpointImportError
from pipelines.prefect_api import start_prefect_api
from pipelines.storage.places import Place
from pipelines.terminal.completion import (
    PROGRAM,
    answer_shell,
    complete_countries,
    complete_files,
    complete_presets,
    complete_resumable,
    completion,
)
from pipelines.terminal.given_settings import (
    choose_service,
    given_on_command_line,
    make_settings,
    refuse_idle_options,
    start_local_server,
)
from pipelines.terminal.help_pages import CONTEXT, Group
from pipelines.terminal.leaving import STOPPED, STOPPED_EARLY
from pipelines.terminal.options import (
    DATABASE,
    DESTINATION_OPTIONS,
    READING_OPTIONS,
    REHEARSAL_OPTIONS,
    SOURCE_OPTIONS,
    SOURCES,
    SYNC_OPTIONS,
    option,
    with_options,
)
from pipelines.terminal.output import OUTPUT_NAMES, Output, take_output
from pipelines.terminal.past_commands import report, runs
from pipelines.terminal.process import finish_process, prepare_process
from pipelines.terminal.settings_file import SETTINGS_FILE, read_settings_file
from pipelines.terminal.state_commands import state
from pipelines.terminal.threshold_options import THRESHOLD_OPTIONS
from pipelines.terminal.usage_errors import describe_usage

if TYPE_CHECKING:
    from pipelines.prefect_api import PrefectApi
    from pipelines.settings import ImportSettings


@click.group(cls=Group, context_settings=CONTEXT)
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

    \b
    First steps:
      endpoint-import check audience.csv         what is wrong with it; sends nothing
      endpoint-import run audience.csv --local   import it into the embedded server
      endpoint-import report latest --open       look at what became of it

    Other column names? `endpoint-import map contacts.csv -o mapping.yaml` suggests a mapping.
    Options may also stand in the environment and in a settings file: `endpoint-import run --help`
    names the variables.
    """  # noqa: D301 (click's mark for lines to keep)


@cli.command()
@with_options(SOURCES, SOURCE_OPTIONS, THRESHOLD_OPTIONS, DESTINATION_OPTIONS, SYNC_OPTIONS)
def run(sources: tuple[str, ...], **given: Any) -> None:
    """Import files, globs, directories, s3://BUCKET/PREFIX or - (standard input).

    \b
    Examples:
      endpoint-import run audience.csv --local
      endpoint-import run 'exports/*.parquet' --application-id 5e1f... --region eu-west-1
      endpoint-import run runs/LAST/errors.csv --local      (after correcting it)
    """  # noqa: D301
    output = take_output(given)
    prefect_api = start_prefect_api()  # takes longest, and does not wait
    settings = choose_service(make_settings(sources, given))
    refuse_idle_options(settings)
    with ExitStack() as stack:
        if settings.local:
            settings = start_local_server(stack, settings)
        sys.exit(begin("run", settings, prefect_api, output))


@cli.command()
@with_options(SOURCES, SOURCE_OPTIONS, THRESHOLD_OPTIONS, DESTINATION_OPTIONS, SYNC_OPTIONS)
def check(sources: tuple[str, ...], **given: Any) -> None:
    """Report what is wrong with an export.

    Sends nothing and needs no destination: options about one are taken and not used.

    \b
    Example:
      endpoint-import check audience.csv --default-country US
    """  # noqa: D301
    output = take_output(given)
    prefect_api = start_prefect_api()
    sys.exit(begin("check", make_settings(sources, given), prefect_api, output))


@cli.command()
@with_options(SOURCES, SOURCE_OPTIONS, THRESHOLD_OPTIONS, DESTINATION_OPTIONS, SYNC_OPTIONS)
@option("--diff", is_flag=True, help="Show what differs from what the service last accepted.")
def plan(sources: tuple[str, ...], *, diff: bool, **given: Any) -> None:
    """Say what `run` would do; sends nothing.

    Rows by outcome, requests, and the time that these take at the quota.

    \b
    Examples:
      endpoint-import plan audience.csv --rate 2
      endpoint-import plan audience.csv --local --sync-mode mirror --diff
    """  # noqa: D301
    output = take_output(given)
    prefect_api = start_prefect_api()
    settings = choose_service(make_settings(sources, given))
    refuse_idle_options(settings)
    if diff and settings.no_state:
        raise ConfigurationError("--diff compares with the state; leave --no-state out.")
    sys.exit(begin("plan", settings, prefect_api, output, diff=diff))


@cli.command()
@click.argument("run", metavar="RUN_ID", shell_complete=complete_resumable)
@with_options(SOURCE_OPTIONS, THRESHOLD_OPTIONS, DESTINATION_OPTIONS, SYNC_OPTIONS)
def resume(run: str, runs_dir: Place, **given: Any) -> None:
    """Go on with a run that stopped, wherever that was; `latest` is the newest that did.

    Nothing that was done is done again, and no row is left out or counted twice. Settings are
    those that the run began with. Only --rate, --max-in-flight, --keep-staged, --runner and
    --dask-address may be given anew; any other option is compared with what it was.

    \b
    Example:
      endpoint-import resume latest
      endpoint-import resume 20261122T020000Z-4f1c --rate 1
    """  # noqa: D301
    output = take_output(given)
    prefect_api = start_prefect_api()
    from pipelines.resuming import CHANGEABLE, is_finished, refuse_other_settings, require_resumable
    from pipelines.storage.manifest import load_manifest
    from pipelines.storage.run_lock import locked
    from pipelines.terminal.run_list import find_resumable
    from pipelines.terminal.running import run_flow

    known = find_resumable(runs_dir, run)
    run_id = known.run_id
    manifest = load_manifest(known)
    asked = given_on_command_line() - {"run", "runs_dir", *OUTPUT_NAMES}
    values = {name: click.get_current_context().params[name] for name in asked}
    changes = {name: values.get(name) for name in sorted(CHANGEABLE)}
    with locked(known):  # refused here, before Prefect starts, and for good where the work begins
        settings = require_resumable(known, manifest, {**changes, "runs_dir": runs_dir})
    refuse_other_settings(run_id, settings, values)
    if is_finished(manifest) and not output.is_quiet:
        click.echo(f"Run {run_id} is finished: there is nothing to resume.", err=True)
    with ExitStack() as stack:
        if settings.embedded and not is_finished(manifest):
            settings = start_local_server(stack, settings)
        embedded_url = settings.endpoint_url if settings.embedded else None
        code = run_flow(
            lambda flows: flows.resume_run(run_id, runs_dir, **changes, embedded_url=embedded_url),
            runs_dir,
            run_id,
            prefect_api,
            output,
            planned=settings if manifest.command == "plan" else None,
        )
        sys.exit(code)


@cli.command(name="map")
@click.argument("source", metavar="SOURCE", shell_complete=complete_files)
@with_options(READING_OPTIONS)
@option(
    "--default-country",
    metavar="CODE",
    shell_complete=complete_countries,
    help="Country for phone numbers in national form, such as US.",
)
@option(
    "--preset",
    metavar="NAME",
    shell_complete=complete_presets,
    help="Preset to begin with, or none. Else the one whose export it looks like.",
)
@option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the mapping there instead of on stdout.",
)
@option("--force", is_flag=True, help="Write over a file that is there.")
@option(
    "--json", "as_json", is_flag=True, help="Print the table as JSON on stdout, not the mapping."
)
def suggest_mapping(
    source: str, *, output: Path | None, force: bool, as_json: bool, **given: Any
) -> None:
    """Suggest a mapping file for an export with other column names.

    Looks at the header and the first 10,000 records, and sends nothing. Says on stderr what
    becomes of each column, how sure that is and why, and what is left for you to decide.

    \b
    Examples:
      endpoint-import map contacts.csv -o mapping.yaml
      endpoint-import map contacts.csv --default-country DE -o mapping.yaml
      endpoint-import map hubspot-export.csv --preset hubspot -o mapping.yaml
      endpoint-import plan contacts.csv --mapping mapping.yaml      (what to try next)
    """  # noqa: D301
    from pipelines.terminal.mapping import print_suggestion

    settings = make_settings((source,), {k: v for k, v in given.items() if k != "preset"})
    print_suggestion(settings, given["preset"], output, force=force, as_json=as_json)


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
@with_options(REHEARSAL_OPTIONS)
@option("--verbose", is_flag=True, help="Log each request.")
def serve(application_id: tuple[str, ...], **given: Any) -> None:
    """Start the Pinpoint-compatible local server.

    \b
    Examples:
      endpoint-import serve
      endpoint-import serve --quota 2/s --fault 429=0.1,500=0.05,reset=0.02,drop=0.02 --seed 1
    """  # noqa: D301
    from pipelines.local_server.faults import parse_faults, parse_latency, parse_quota
    from pipelines.local_server.process import ServerOptions, serve

    fault, latency, quota = (given.pop(name) for name in ("fault", "latency", "quota"))
    options = ServerOptions(
        applications=application_id or (LOCAL_APPLICATION,),
        faults=parse_faults(fault) if fault else (),
        latency=parse_latency(latency) if latency else None,
        quota=parse_quota(quota) if quota else None,
        **given,
    )
    serve(options, lambda line: click.echo(line, err=True))


cli.add_command(state)
cli.add_command(runs)
cli.add_command(report)
cli.add_command(completion)


def begin(
    command: Literal["run", "check", "plan"],
    settings: "ImportSettings",
    prefect_api: "PrefectApi | None",
    output: Output,
    *,
    diff: bool = False,
) -> int:
    """Begin a run, show its summary, and give the exit code."""
    from pipelines.preflight import check_settings
    from pipelines.storage.run_dir import new_run_id
    from pipelines.terminal.running import run_flow

    check_settings(settings, sends=command == "run")
    run_id = settings.run_id or new_run_id(datetime.now(UTC))
    settings = settings.model_copy(update={"run_id": run_id})
    return run_flow(
        lambda flows: (
            flows.import_endpoints(settings)
            if command == "run"
            else flows.check_quality(settings, command, diff=diff)
        ),
        settings.runs_dir,
        run_id,
        prefect_api,
        output,
        planned=settings if command == "plan" else None,
    )


def main() -> None:
    """Run the command line; a known error becomes one line and its exit code."""
    answer_shell(cli)
    prepare_process()
    from pipelines.terminal.consoles import say_error  # needs rich, which completion does not

    try:
        code = cli.main(prog_name=PROGRAM, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        say_error(describe_usage(error))
        sys.exit(error.exit_code)
    except EndpointImportError as error:
        say_error(error.message)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        say_error(STOPPED_EARLY)
        sys.exit(STOPPED)
    except Exception as error:  # noqa: BLE001 (the last place that can tell the user)
        say_error(f"Unexpected {type(error).__name__}: {error}")
        if os.environ.get("ENDPOINT_IMPORT_DEBUG"):
            traceback.print_exc()
        else:
            click.echo("Set ENDPOINT_IMPORT_DEBUG=1 to see where it happened.", err=True)
        sys.exit(STOPPED)
    finally:
        finish_process()


if __name__ == "__main__":
    main()

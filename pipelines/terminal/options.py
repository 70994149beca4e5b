"""Options that commands share, each with an environment variable and a place in the settings file.

A value is taken from the command line, else the environment, else the settings file, else the
default.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipelines.defaults import PARTITION_ROWS
from pipelines.storage.places import Place, parse_place
from pipelines.terminal.completion import (
    complete_countries,
    complete_files,
    complete_folders,
    complete_mappings,
)
from schemas.channels import ChannelType
from schemas.sync import RetirePolicy, SyncMode

ENVIRONMENT_PREFIX = "ENDPOINT_IMPORT_"

Command = TypeVar("Command", bound=Callable[..., Any])


def _variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.lstrip("-").replace("-", "_").upper()


def option(
    name: str, *parameter: str, also_env: str | None = None, **settings: Any
) -> Callable[..., Any]:
    """Make an option with its environment variable, both shown in --help."""
    variables = [_variable(name), *([also_env] if also_env else [])]
    return click.option(
        name, *parameter, envvar=variables, show_envvar=True, show_default=True, **settings
    )


def _read_place(value: Any) -> Place:
    try:
        place = parse_place(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if isinstance(place, Path):
        click.Path(file_okay=False).convert(place, None, None)
    return place


RUNS_DIR = option(
    "--runs-dir",
    type=_read_place,
    shell_complete=complete_folders,
    metavar="DIRECTORY",
    default=Path("runs"),
    help="Where run directories are kept: a folder, or s3://BUCKET/PREFIX.",
)
JSON = option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the summary as JSON on stdout, all else on stderr.",
)
OUTPUT_OPTIONS = (
    JSON,
    option(
        "--quiet",
        "-q",
        is_flag=True,
        help="Print the verdict alone, warnings of thresholds, and errors; of JSON the "
        "document alone.",
    ),
    option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Tell what is done, too: what is read and how, seconds, requests made again and why.",
    ),
)
"""How much is told."""
DATABASE = option(
    "--db",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("local-server.sqlite3"),
    help="Database file of the local server.",
)

SOURCES = (
    click.argument(
        "sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=complete_files
    ),
)
READING_OPTIONS = (
    option(
        "--delimiter",
        metavar="CHARACTER",
        help="Between the fields of CSV: a character, or comma, semicolon, tab or pipe. Found out "
        "if not given.",
    ),
    option(
        "--encoding",
        metavar="NAME",
        help="Of CSV and JSON, such as utf-8, cp1252 or utf-16. Found out if not given.",
    ),
    option(
        "--quote",
        metavar="CHARACTER",
        help="Around fields of CSV: a character, or double, single or none. Found out if not "
        "given.",
    ),
    option(
        "--escape",
        metavar="CHARACTER",
        help="Before a quote or delimiter that is meant: backslash or none. Found out if not "
        "given; a doubled quote is always one that is meant.",
    ),
    option(
        "--no-header",
        is_flag=True,
        help="CSV files begin with data; the mapping names their columns.",
    ),
    option("--sheet", metavar="NAME", help="Worksheet of Excel files; the first one if not given."),
)
"""How sources are written; what is not given is found out."""

SOURCE_OPTIONS = (
    option(
        "--mapping",
        metavar="FILE|PRESET",
        shell_complete=complete_mappings,
        help="Mapping file (YAML), or the name of a preset, that says what other columns mean.",
    ),
    *READING_OPTIONS,
    option(
        "--default-country",
        metavar="CODE",
        shell_complete=complete_countries,
        help="Country for phone numbers in national form whose row names none, such as US.",
    ),
    option(
        "--default-channel",
        type=click.Choice([channel.value for channel in ChannelType], case_sensitive=False),
        metavar="CHANNEL",
        help="Channel of rows that name none: "
        f"{', '.join(channel.value for channel in ChannelType)}.",
    ),
    option(
        "--phone-check",
        type=click.Choice(["format", "possible", "valid"]),
        default="valid",
        help="How strictly phone numbers are judged: E.164 form, length, or numbering plan.",
    ),
    option(
        "--limit", type=click.IntRange(min=1), metavar="N", help="Read only the first N records."
    ),
    option(
        "--partition-rows",
        type=click.IntRange(100, 1_000_000),
        default=PARTITION_ROWS,
        help="Records per partition, and rows sent by one task; memory grows with it.",
    ),
    option(
        "--runner",
        type=click.Choice(["threads", "dask"]),
        default="threads",
        help="What works on partitions: threads of this process, or a Dask cluster.",
    ),
    option(
        "--dask-address",
        metavar="URL",
        help="Scheduler of the Dask cluster, such as tcp://10.0.0.5:8786.",
    ),
    RUNS_DIR,
    option("--run-id", metavar="NAME", help="Name of the run; made from the time if not given."),
    option("--keep-staged", is_flag=True, help="Keep the working files after a clean finish."),
    option(
        "--show-addresses",
        is_flag=True,
        help="Show addresses and Ids in report.html as they are, not masked.",
    ),
    *OUTPUT_OPTIONS,
)
"""What to read and how to judge it."""

SERVICE_OPTIONS = (
    option("--application-id", metavar="ID", help="Pinpoint application that endpoints go into."),
    option(
        "--endpoint-url",
        also_env="AWS_ENDPOINT_URL_PINPOINT",
        metavar="URL",
        help="Where the service is; AWS's own address if not given.",
    ),
    option("--region", metavar="NAME", help="AWS region; else from AWS's configuration."),
    option("--profile", metavar="NAME", help="Profile of AWS's configuration files."),
    option("--local", is_flag=True, help="Start the embedded server for this command and use it."),
    DATABASE,
)
"""Which application of which service."""

DESTINATION_OPTIONS = (
    *SERVICE_OPTIONS,
    option(
        "--rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        help="Requests per second. Default: 2 on AWS, its published quota; elsewhere no limit.",
    ),
    option(
        "--max-in-flight",
        type=click.IntRange(1, 64),
        metavar="N",
        help="Requests under way at once. Default: 2 on AWS, elsewhere 4.",
    ),
)
"""Where to send and how fast."""

STATE_DIR = option(
    "--state-dir",
    type=_read_place,
    shell_complete=complete_folders,
    metavar="DIRECTORY",
    help="Where it is kept what services accepted: a folder, or s3://BUCKET/PREFIX. "
    "Default: .state in the folder of the runs.",
)
SYNC_OPTIONS = (
    option(
        "--sync-mode",
        type=click.Choice([mode.value for mode in SyncMode]),
        default=SyncMode.UPSERT.value,
        help="What is sent: upsert, everything; changed, rows whose content is not what the "
        "service last accepted; mirror, as changed, and endpoints that are gone from the source "
        "are retired.",
    ),
    STATE_DIR,
    option(
        "--no-state",
        is_flag=True,
        help="Keep nothing of what the service accepts: for a service that is imported into once.",
    ),
    option(
        "--full-refresh",
        is_flag=True,
        help="Send unchanged rows too; consent is guarded all the same.",
    ),
    option(
        "--allow-opt-in",
        is_flag=True,
        help="Send rows that turn an accepted OptOut ALL into NONE, or activate an endpoint that "
        "was set INACTIVE. Without it they are held.",
    ),
    option(
        "--max-opt-ins",
        metavar="SHARE|N",
        default="1%",
        help="Send nothing if a mapped column of consent would opt in again more endpoints than "
        "this; a share lets 20 pass in any case.",
    ),
    option(
        "--feed",
        metavar="NAME",
        default="main",
        help="Name of what the sources are, where several imports keep one application up to date; "
        "mirror retires only what was in this one.",
    ),
    option(
        "--retire",
        type=click.Choice([policy.value for policy in RetirePolicy]),
        default=RetirePolicy.OPTOUT.value,
        help="What mirror does with endpoints that are gone: opt them out of everything, set them "
        "INACTIVE, or delete them.",
    ),
    option(
        "--max-removals",
        metavar="SHARE|N",
        default="1%",
        help="Send nothing if mirror would retire more endpoints than this.",
    ),
    option(
        "--max-shrink",
        metavar="SHARE|N",
        default="20%",
        help="Send nothing if mirror finds the source smaller than last time by more than this.",
    ),
    option(
        "--max-unidentified",
        metavar="SHARE|N",
        default="0",
        help="Send nothing if mirror cannot tell the Id of more rows than this: any of them could "
        "be one that seems to be gone.",
    ),
    option(
        "--every",
        metavar="TIME",
        help="Time between two runs, such as 24h: it is told if an import would take longer.",
    ),
    option(
        "--unfinished",
        type=click.Choice(["supersede", "resume", "refuse"]),
        default="supersede",
        help="What becomes of an earlier run into this application that was not finished: this one "
        "takes its place, it is resumed first, or this one is refused.",
    ),
)
"""What is sent of what was read, and what is done about the rest."""

REHEARSAL_OPTIONS = (
    option(
        "--fault",
        metavar="NAME=SHARE,...",
        help="Meet a share of updates with trouble: an HTTP status such as 429 or 500, reset (of "
        "the connection, nothing is done), drop or half (done, but no or half an answer), hang.",
    ),
    option("--latency", metavar="TIME", help="Hold each answer back, such as 50ms or 10ms-80ms."),
    option("--quota", metavar="N/s", help="Answer 429 to more updates than that, such as 2/s."),
    option("--seed", type=int, metavar="N", help="Make the faults repeatable."),
)
"""Trouble on purpose, to rehearse an import."""


def with_options(*groups: tuple[Callable[..., Any], ...]) -> Callable[[Command], Command]:
    """Add options to a command, in the order in which --help shows them."""

    def add(command: Command) -> Command:
        for group in reversed(groups):
            for decorate in reversed(group):
                command = decorate(command)
        return command

    return add

"""Commands about the sync state: what is remembered of what services accepted."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import orjson

from pipelines.errors import ConfigurationError
from pipelines.terminal.given_settings import choose_service, make_settings, start_local_server
from pipelines.terminal.help_pages import Group
from pipelines.terminal.options import (
    JSON,
    OUTPUT_OPTIONS,
    RUNS_DIR,
    SERVICE_OPTIONS,
    STATE_DIR,
    option,
    with_options,
)
from pipelines.terminal.output import take_output

if TYPE_CHECKING:
    from pipelines.settings import ImportSettings
    from pipelines.state.base import StateKey
    from pipelines.storage.places import Place

PLACE_OPTIONS = (*SERVICE_OPTIONS, RUNS_DIR, STATE_DIR)
NO_SOURCE = ("-",)
"""What settings are given of sources where none is read."""
NOT_THE_SAME = 1
"""Exit code where the service has something else than it accepted."""


@click.group(cls=Group)
def state() -> None:
    """Look after what is remembered of what services accepted.

    There is a state for each application of each service, in --state-dir.
    """


@state.command()
@with_options(PLACE_OPTIONS)
@click.option("--id", "endpoint_id", metavar="ID", help="Show what is known of this endpoint.")
@JSON
def show(endpoint_id: str | None, *, as_json: bool, **given: Any) -> None:
    """Show all states, or that of one application.

    \b
    Examples:
      endpoint-import state show
      endpoint-import state show --local
      endpoint-import state show --application-id 5e1f... --region eu-west-1 --id customer-1
    """  # noqa: D301
    from pipelines.report.state_overview import look_at
    from pipelines.state.store import list_states
    from pipelines.syncing.keeping import describe_record, find_records, open_known_state
    from pipelines.syncing.place import state_key
    from pipelines.terminal import state_text

    settings = choose_service(make_settings(NO_SOURCE, given))
    if settings.application is None:
        if endpoint_id is not None:
            raise ConfigurationError("--id needs an application: give --application-id or --local.")
        found = list_states(settings.state_place)
        with state_text.progress_over(found):
            overviews = [look_at(one) for one in found]
        if as_json:
            _write_json([overview.model_dump(mode="json") for overview in overviews])
        elif overviews:
            state_text.print_states(overviews)
        else:
            click.echo(f"No states in {settings.state_place}.")
        return
    known = open_known_state(settings.state_place, state_key(settings))
    if endpoint_id is not None:
        records = find_records(known, [endpoint_id])
        told = [describe_record(known, record) for record in records.iter_rows(named=True)]
        if as_json:
            _write_json(told[0] if told else None)
        else:
            state_text.print_record(endpoint_id, told[0] if told else None)
        return
    with state_text.progress_over([known]):
        overview = look_at(known)
    if as_json:
        _write_json(overview.model_dump(mode="json"))
    else:
        state_text.print_state(overview)


@state.command()
@with_options(PLACE_OPTIONS)
@option(
    "--sample",
    type=click.IntRange(min=1),
    default=100,
    metavar="N",
    help="Endpoints to read back, drawn by lot.",
)
@option("--seed", type=int, metavar="N", help="Draw the same ones each time.")
@option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Requests per second, at the most: on AWS 10, the published quota of reads, is never "
    "exceeded; elsewhere there is no limit.",
)
@click.option("--resend", is_flag=True, help="Let the next run send again what differs.")
@with_options(OUTPUT_OPTIONS)
def verify(sample: int, seed: int | None, *, resend: bool, **given: Any) -> None:
    """Read a sample of endpoints back and say where they are not as they were accepted.

    Exits with 0 if nothing differs, else with 1. What was never sent is not compared.

    \b
    Examples:
      endpoint-import state verify --application-id 5e1f... --region eu-west-1
      endpoint-import state verify --local --sample 1000 --resend
    """  # noqa: D301
    from pipelines.state.store import locked_state
    from pipelines.syncing.keeping import open_known_state
    from pipelines.syncing.place import state_key
    from pipelines.syncing.verifying import make_due
    from pipelines.syncing.verifying import verify as verify_sample
    from pipelines.terminal.progress_bar import ProgressBar
    from pipelines.terminal.state_text import print_verification

    output = take_output(given)
    settings = choose_service(make_settings(NO_SOURCE, given))
    key = state_key(settings)
    # Before the server is started, which would make an application that it does not have.
    known = open_known_state(settings.state_place, key)
    with ExitStack() as stack:
        settings = _with_service(stack, settings)
        with ProgressBar(output):
            verified = verify_sample(settings, known, sample, seed)
        result = verified.result
        if resend and not verified.suspects.is_empty():
            with locked_state(settings.state_place, key, run_id=None) as held:
                resent = make_due(held, verified.suspects, datetime.now(UTC))
            result = result.model_copy(update={"resent": resent})
    if output.as_json:
        _write_json(result.model_dump(mode="json"))
    else:
        print_verification(result, is_quiet=output.is_quiet)
    sys.exit(0 if result.is_clean else NOT_THE_SAME)


@state.command()
@click.argument("exports", nargs=-1, required=True, metavar="EXPORT...")
@with_options(PLACE_OPTIONS)
@click.option("--force", is_flag=True, help="Replace a state that is there.")
@with_options(OUTPUT_OPTIONS)
def rebuild(exports: tuple[str, ...], *, force: bool, **given: Any) -> None:
    """Make a state anew from files that an export job of the service wrote.

    Remembers what the service has, and who has opted out or is inactive: --sync-mode changed sends
    what says something else. Reads files, globs, directories and s3://BUCKET/PREFIX.

    \b
    Example:
      endpoint-import state rebuild s3://bucket/export/ --application-id 5e1f...
    """  # noqa: D301
    from pipelines.state.store import locked_state
    from pipelines.syncing.place import state_key
    from pipelines.syncing.rebuilding import rebuild as rebuild_state
    from pipelines.terminal.progress_bar import ProgressBar
    from pipelines.terminal.state_text import print_rebuilt

    output = take_output(given)
    with ExitStack() as stack:
        settings = _with_service(stack, make_settings(exports, given))
        key = state_key(settings)
        held = stack.enter_context(locked_state(settings.state_place, key, run_id=None))
        with ProgressBar(output):
            rebuilt = rebuild_state(settings, held, datetime.now(UTC), may_replace=force)
    if output.as_json:
        _write_json(rebuilt.model_dump(mode="json"))
    elif not output.is_quiet:
        print_rebuilt(key, rebuilt)


@state.command()
@with_options(PLACE_OPTIONS)
@click.option(
    "--id",
    "endpoint_ids",
    multiple=True,
    metavar="ID",
    help="Take only this endpoint out; may be repeated.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON
def forget(endpoint_ids: tuple[str, ...], *, yes: bool, as_json: bool, **given: Any) -> None:
    """Remove the state of an application, or single endpoints from it.

    Nothing happens at the service. The next run sends everything, and what was remembered of
    opt-outs does not hold rows back any more.

    \b
    Examples:
      endpoint-import state forget --application-id 5e1f...
      endpoint-import state forget --local --id customer-1 --id customer-2 --yes
    """  # noqa: D301
    from pipelines.state.store import locked_state, remove_state
    from pipelines.syncing.keeping import forget_endpoints, open_known_state
    from pipelines.syncing.place import state_key

    settings = choose_service(make_settings(NO_SOURCE, given))
    place, key = settings.state_place, state_key(settings)
    known: int | None
    if endpoint_ids:
        open_known_state(place, key)
        what = f"{len(endpoint_ids):,} endpoint{'' if len(endpoint_ids) == 1 else 's'}"
        _confirm(
            f"Whatever the state of application {key.application_id} knows of {what} is forgotten, "
            "opt-outs too: a row of theirs may opt them in again.",
            yes=yes,
        )
        with locked_state(place, key, run_id=None) as held:
            known = forget_endpoints(held, endpoint_ids, datetime.now(UTC))
        told = f"Forgot {what}."
        if known < len(endpoint_ids):
            told = f"Forgot {known:,} of {what}; of the others nothing was known."
    else:
        known = _count_records(place, key)
        _confirm(
            f"The state of application {key.application_id} of {key.destination} is removed"
            f"{'' if known is None else f', with what it knows of {known:,} endpoints'}. The next "
            "run sends everything, and who had opted out or was inactive is not held back by it.",
            yes=yes,
        )
        remove_state(place, key)
        told = f"Forgot the state of application {key.application_id} of {key.destination}."
    if as_json:
        _write_json({"application_id": key.application_id, "forgotten": known})
    else:
        click.echo(told)


def _count_records(place: "Place", key: "StateKey") -> int | None:
    """Count what a state has; None of one that is damaged, which may be removed all the same."""
    from pipelines.errors import StateError
    from pipelines.state.store import open_state
    from pipelines.syncing.keeping import open_known_state

    try:
        open_state(place, key)
    except StateError:
        return None
    return open_known_state(place, key).count()


def _confirm(text: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{text} Give --yes if that is meant.")
    click.echo(text, err=True)
    if not click.confirm("Go on?", err=True):
        raise ConfigurationError("Nothing was forgotten.")


def _with_service(stack: ExitStack, settings: "ImportSettings") -> "ImportSettings":
    settings = choose_service(settings)
    return start_local_server(stack, settings) if settings.local else settings


def _write_json(document: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")

"""Settings as a command is given them, and the server that --local asks for."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pipelines.errors import ConfigurationError
from pipelines.terminal.threshold_tables import tables_of_file
from pipelines.terminal.usage_errors import name_as_given

if TYPE_CHECKING:
    from pipelines.settings import ImportSettings

_OF_MIRROR = frozenset({"retire", "max_removals", "max_shrink", "max_unidentified"})
_OF_A_STATE = frozenset({"state_dir", "full_refresh", "allow_opt_in", "feed", "unfinished"})


def given_on_command_line() -> set[str]:
    """Name the parameters that stand on the command line itself."""
    return _given_by(ParameterSource.COMMANDLINE)


def _given_by(*origins: ParameterSource) -> set[str]:
    context = click.get_current_context()
    return {name for name in context.params if context.get_parameter_source(name) in origins}


def refuse_idle_options(settings: "ImportSettings") -> None:
    """Refuse options that were given for this import and would do nothing in it.

    What stands in the environment or the settings file is for other commands too.

    Raises:
        ConfigurationError: Names the first one.
    """
    given = given_on_command_line()
    if settings.sync_mode != "mirror" and (idle := sorted(given & _OF_MIRROR)):
        raise ConfigurationError(
            f"{_as_option(idle[0])} is about endpoints that are gone from the source, which only "
            "--sync-mode mirror looks for. Give that too, or leave it out."
        )
    if settings.no_state and (idle := sorted(given & _OF_A_STATE)):
        raise ConfigurationError(
            f"{_as_option(idle[0])} is about the state, and --no-state keeps none. Leave one out."
        )


def make_settings(sources: tuple[str, ...], given: dict[str, Any]) -> "ImportSettings":
    """Check what was given and make settings of it.

    Raises:
        ConfigurationError: A value is not allowed; names the option.
    """
    from pydantic import ValidationError

    from pipelines.settings import ImportSettings
    from pipelines.source_thresholds import drop_names

    # These come before the settings file, and so before its tables.
    by_hand = _given_by(ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    tables = drop_names(tables_of_file(), frozenset(by_hand))
    try:
        return ImportSettings(sources=list(sources), thresholds=tables, **given)
    except ValidationError as error:
        first = error.errors()[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        if not first["loc"]:  # about several of them, which the reason names
            raise ConfigurationError(f"{reason}.") from error
        name = _name_as_given(str(first["loc"][0]))
        raise ConfigurationError(f"{name}: {reason}.") from error


def _name_as_given(name: str) -> str:
    context = click.get_current_context()
    known = {parameter.name: parameter for parameter in context.command.params}
    parameter = known.get(name)
    return _as_option(name) if parameter is None else name_as_given(context, parameter)


def _as_option(name: str) -> str:
    return "--" + name.replace("_", "-")


def choose_service(settings: "ImportSettings") -> "ImportSettings":
    """Let --local win over a URL from elsewhere than the command line.

    Raises:
        ConfigurationError: Both were given there.
    """
    if not settings.local:
        return settings
    origin = click.get_current_context().get_parameter_source("endpoint_url")
    if origin is ParameterSource.COMMANDLINE:
        raise ConfigurationError("--local and --endpoint-url exclude each other. Leave one out.")
    return settings.model_copy(update={"endpoint_url": None})


def start_local_server(stack: ExitStack, settings: "ImportSettings") -> "ImportSettings":
    """Start the embedded server for the time of this command and point the settings at it."""
    from pipelines.local_server.process import LocalServer, ServerOptions

    db = settings.db.absolute()
    applications = (settings.application or "",)
    server = stack.enter_context(
        LocalServer(ServerOptions(port=0, db=db, applications=applications))
    )
    # The path as it is from everywhere: a run may be resumed from another folder.
    return settings.model_copy(update={"endpoint_url": server.url, "embedded": True, "db": db})

"""Settings as a command is given them, and the server that --local asks for."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from pipelines.settings import ImportSettings


def make_settings(sources: tuple[str, ...], given: dict[str, Any]) -> "ImportSettings":
    """Check what was given and make settings of it.

    Raises:
        ConfigurationError: A value is not allowed; names the option.
    """
    from pydantic import ValidationError

    from pipelines.settings import ImportSettings

    try:
        return ImportSettings(sources=list(sources), **given)
    except ValidationError as error:
        first = error.errors()[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        if not first["loc"]:  # about several of them, which the reason names
            raise ConfigurationError(f"{reason}.") from error
        name = "--" + str(first["loc"][0]).replace("_", "-")
        raise ConfigurationError(f"{name}: {reason}.") from error


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

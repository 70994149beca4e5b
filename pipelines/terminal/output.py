"""How much a command says: the summary for people or as JSON, less of it, or more."""

from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from pipelines.errors import ConfigurationError

_STRENGTH = (
    ParameterSource.COMMANDLINE,
    ParameterSource.ENVIRONMENT,
    ParameterSource.DEFAULT_MAP,
    ParameterSource.DEFAULT,
)
OUTPUT_NAMES = ("as_json", "quiet", "verbose")
"""Parameters that an `Output` is made of."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command is to say."""

    as_json: bool = False
    """A document on stdout, all else on stderr."""
    is_quiet: bool = False
    """The verdict, warnings of thresholds, and errors alone."""
    is_verbose: bool = False
    """What is done, too, line by line."""


def take_output(given: dict[str, Any]) -> Output:
    """Take what is about output out of a command's parameters.

    Raises:
        ConfigurationError: --quiet and --verbose were given in the same place.
    """
    as_json, quiet, verbose = (given.pop(name, False) for name in OUTPUT_NAMES)
    if quiet and verbose:
        context = click.get_current_context()
        origins = [context.get_parameter_source(name) for name in ("quiet", "verbose")]
        is_quieter, is_louder = (_STRENGTH.index(o) if o else 0 for o in origins)
        if is_quieter == is_louder:
            raise ConfigurationError("--quiet and --verbose exclude each other. Leave one out.")
        quiet, verbose = is_quieter < is_louder, is_louder < is_quieter
    return Output(as_json, quiet, verbose)

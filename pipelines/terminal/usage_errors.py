"""Usage errors in the form that all errors have: what is wrong, and the remedy, in one line."""

import re
import sys

import click
from click.core import ParameterSource

SETTINGS_FILE_KEY = "endpoint_import.settings_file"
"""Where the context keeps the path of the settings file that was read."""


def describe_usage(error: click.ClickException) -> str:
    """Say what is wrong with a command line, and where to look."""
    context = getattr(error, "ctx", None) or click.get_current_context(silent=True)
    path = context.command_path if context is not None else "endpoint-import"
    if isinstance(error, click.NoSuchOption):
        told = f"No such option {error.option_name}.{_say_meant(error.possibilities)}"
        if context is not None and (known := _find_knowing(context, error.option_name)):
            return f"{told} It belongs behind the command: `{path} {known} {error.option_name}`."
        return f"{told} `{path} --help` lists them."
    if isinstance(error, click.exceptions.NoSuchCommand):
        told = f"No such command {error.command_name!r}.{_say_meant(error.possibilities)}"
        return f"{told} `{path} --help` lists them."
    if isinstance(error, click.MissingParameter):
        return f"{_end(error.format_message())} `{path} --help` shows an example."
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = name_as_given(context, error.param) if context is not None else error.param.name
        return f"{name}: {_end(error.message)}"
    told = _end(error.format_message())
    if isinstance(error, click.UsageError) and context is not None and context.info_name:
        return told if "settings file" in told else f"{told} See: {path} --help"
    return told


def name_as_given(context: click.Context, parameter: click.Parameter) -> str:
    """Name a parameter as whoever gave it knows it: an option, a variable, a line in a file."""
    name = parameter.opts[0]
    if not isinstance(parameter, click.Option):
        return parameter.human_readable_name
    origin = context.get_parameter_source(str(parameter.name))
    if origin is ParameterSource.ENVIRONMENT:
        variables = parameter.envvar or ()
        listed = [variables] if isinstance(variables, str) else list(variables)
        given = [variable for variable in listed if parameter.resolve_envvar_value(context)]
        return f"{name} ({given[0]})" if given else name
    if origin is ParameterSource.DEFAULT_MAP:
        file = context.meta.get(SETTINGS_FILE_KEY)
        return f"{name.lstrip('-')} in {file}" if file else name
    return name


def _find_knowing(context: click.Context, name: str) -> str | None:
    """Find the command that an option was meant for: the one that follows, else any that has it."""
    group = context.command
    if not isinstance(group, click.Group):
        return None
    knowing = [
        command.name
        for command in group.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option) and name in parameter.opts
    ]
    following = [word for word in sys.argv if word in knowing]
    return next(iter([*following, *knowing]), None)


def _say_meant(possibilities: list[str] | None) -> str:
    if not possibilities:
        return ""
    return f" Did you mean {' or '.join(possibilities[:2])}?"


def _end(text: str) -> str:
    """End a sentence, and keep it on one line."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if line.endswith((".", "?", "!")) else f"{line}."

"""Mapping files: from the name that --mapping gives to a checked mapping.

A name with an ending or a slash is a file, any other one a preset of this package.
"""

from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipelines.errors import ConfigurationError
from pipelines.plain_yaml import MOST_BYTES, Document, read_yaml
from schemas.mapping import AnyOf, ColumnRule, Condition, EndpointRule, Mapping, RuleError

ENDING: Final = ".yaml"
_LONGEST_SHOWN = 60


def load_mapping(name: str | None) -> Mapping | None:
    """Give the mapping that a setting names; None for none.

    Raises:
        ConfigurationError: It is not there, or not a mapping; names file, line, rule and remedy.
    """
    if name is None:
        return None
    if not is_preset(name):
        return read_mapping(_read_file(Path(name)), name)
    known = {preset.casefold(): preset for preset in list_presets()}
    preset = known.get(name.casefold())
    if preset is None:
        raise ConfigurationError(_unknown_preset(name))
    content = (presets_folder() / f"{preset}{ENDING}").read_bytes()
    return read_mapping(content, f"The preset {preset}")


def is_preset(name: str) -> bool:
    """Say whether a setting names a preset, and not a file."""
    return not ("/" in name or "\\" in name or Path(name).suffix)


def presets_folder() -> Traversable:
    """Give the folder of the presets, which are files of the package."""
    return resources.files("pipelines") / "presets"


def list_presets() -> list[str]:
    """Give the names of the presets."""
    folder = presets_folder()
    if not folder.is_dir():
        return []
    names = [path.name for path in folder.iterdir()]
    return sorted(name.removesuffix(ENDING) for name in names if name.endswith(ENDING))


def _unknown_preset(name: str) -> str:
    known = list_presets()
    close = get_close_matches(name.casefold(), known, n=1)
    meant = f" Did you mean {close[0]}?" if close else ""
    local = next((path for path in (name + ENDING, name) if Path(path).is_file()), None)
    hint = f" For the file of this folder write ./{local}." if local else ""
    return (
        f"There is no preset {name!r}.{meant} Presets are: {', '.join(known)}.{hint} "
        "A mapping file is named with its ending, such as crm.yaml."
    )


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The mapping file {path} cannot be read: {error.strerror}. Check --mapping."
        ) from error


def read_mapping(content: bytes, name: str) -> Mapping:
    """Read and check a mapping.

    Args:
        content: The text of a mapping file.
        name: The file, as errors are to call it.

    Raises:
        ConfigurationError: It is no mapping; names the line, the rule and the remedy.
    """
    document = read_yaml(content, name)
    if document.content is None:
        raise ConfigurationError(f"{name} is empty. docs/mapping.md shows what a mapping holds.")
    try:
        return Mapping.model_validate(document.content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        # A name that is misspelt often makes another fault: of what it should have been.
        first = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
        raise _explain(first, document, len(faults) - 1) from error


def _explain(fault: ErrorDetails, document: Document, others: int) -> ConfigurationError:
    reason = fault.get("ctx", {}).get("error")
    deeper = reason.path if isinstance(reason, RuleError) else ()
    path, value = _follow(document.content, (*fault["loc"], *deeper))
    more = f" There are {others} more faults." if others > 1 else ""
    more = " There is one more fault." if others == 1 else more
    text = _say(fault, path, value)
    return document.fault(path, f"{text}{'' if text.endswith(('.', '?')) else '.'}{more}")


def _follow(content: Any, loc: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Any]:
    """Give the path within a file that pydantic means: it also names the kinds of unions."""
    path: list[str | int] = []
    for step in loc:
        is_place = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if is_place or (isinstance(content, dict) and step in content):
            content = content[step]
            path.append(step)
    return tuple(path), content


def _say(fault: ErrorDetails, path: tuple[str | int, ...], value: Any) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        return _say_unknown(str(path[-1]), _names_beside(path))
    if kind == "missing":
        return f"has no `{fault['loc'][-1]}`. Add it"
    if kind in ("value_error", "assertion_error"):
        text = str(fault["ctx"]["error"])
        return f"{text}{_shown(value)}"
    expected = {
        "string_type": "is to be a text",
        "dict_type": "is to be a table (name: value)",
        "model_type": "is to be a table (name: value)",
        "model_attributes_type": "is to be a table (name: value)",
        "tuple_type": "is to be a list (- value)",
        "bool_parsing": "is to be true or false",
        "bool_type": "is to be true or false",
        "too_short": "is to hold something",
        "string_too_short": "is to hold something",
        "too_long": "holds too many",
        "string_pattern_mismatch": "is to be of lower-case letters, digits and _, a letter first",
    }
    if kind == "literal_error":
        return f"is to be {fault['ctx']['expected']}{_shown(value)}"
    return f"{expected.get(kind, fault['msg'])}{_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return ""
    text = "nothing" if value is None else repr(value)
    cut = text[:_LONGEST_SHOWN] + ("..." if len(text) > _LONGEST_SHOWN else "")
    return f" (it is {cut})"


def _say_unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name.casefold(), known, n=1)
    meant = f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(known)}."
    return f"is not known here. {meant}"


def _names_beside(path: tuple[str | int, ...]) -> list[str]:
    """Give the names that are known where an unknown one stands."""
    model: type[Any] = Mapping
    parts = [part for part in path[:-1] if isinstance(part, str)]
    if "any_of" in parts:
        model = Condition
    elif "where" in parts:
        return [*Condition.model_fields, *AnyOf.model_fields]
    elif "columns" in parts:
        model = ColumnRule
    elif "endpoints" in parts:
        model = EndpointRule
    return [info.alias or name for name, info in model.model_fields.items()]

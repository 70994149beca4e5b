"""YAML of people: a file to plain values, each scalar as it was written, and where it stands.

Nothing is turned into a date, a number or a yes; whoever uses a value knows what it should be.
What YAML offers beyond lists, tables and texts (aliases, tags, several documents) is refused: in a
mapping it is a mistake, or an attack.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipelines.errors import ConfigurationError

MOST_BYTES = 1 << 20
"""Bytes of a mapping file; a long one has some thousand."""
DEEPEST = 20
"""Levels of lists and tables in each other; a mapping needs eight."""
_TAB = re.compile(r"[ -]*\t")
"""In the space before the first text of a line."""
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str | int, ...]
"""Keys and positions that lead to a value."""


@dataclass(slots=True)
class Document:
    """What a file holds."""

    name: str
    """The file, as errors are to call it."""
    content: Any = None
    """Dictionaries, lists, texts and None."""
    lines: dict[Path, int] = field(default_factory=dict)
    """In which line a value begins, from 1."""

    def fault(self, path: Path, text: str) -> ConfigurationError:
        """Make the error about a value; of one that is missing, the line of what lacks it."""
        known = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in self.lines), ())
        where = f"{self.name}, line {self.lines.get(known, 1)}"
        shown = show_path(path)
        return ConfigurationError(f"{where}: {shown + ': ' if shown else ''}{text}")


def show_path(path: Path) -> str:
    """Write a path as people would.

    >>> show_path(("endpoints", 0, "columns", "Address", "from"))
    'endpoints[1].columns.Address.from'
    """
    parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part[:80]}" for part in path]
    return "".join(parts).removeprefix(".")


@dataclass(slots=True)
class _Open:
    """A list or table that is being read."""

    path: Path
    value: dict[str, Any] | list[Any]
    key: str | None = None

    def place(self) -> Path:
        """Give the path of the value that comes next."""
        if isinstance(self.value, list):
            return (*self.path, len(self.value))
        return (*self.path, self.key or "")

    def put(self, value: Any) -> None:
        """Take the value that came."""
        if isinstance(self.value, list):
            self.value.append(value)
        else:
            self.value[self.key or ""] = value
            self.key = None


def read_yaml(content: bytes, name: str) -> Document:
    """Read a file.

    Raises:
        ConfigurationError: It is no YAML, or holds what is refused; names the line.
    """
    if len(content) > MOST_BYTES:
        raise ConfigurationError(
            f"{name} is larger than {MOST_BYTES >> 20} MiB: that is no mapping file."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{name}, line {line}: this is not UTF-8. Save the file in that encoding."
        ) from error
    document = Document(name)
    try:
        _read_events(text, document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        if _TAB.match("".join(text.splitlines()[line - 1 : line])):
            raise ConfigurationError(
                f"{name}, line {line}: indent with spaces, not tabs."
            ) from error
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigurationError(f"{name}, line {line}: this is no YAML: {reason}.") from error
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"{name} is no YAML: {reason}.") from error
    return document


def _read_events(text: str, document: Document) -> None:
    levels: list[_Open] = []
    documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refusal(document, line, "a second document begins here; leave it out")
        elif isinstance(event, yaml.NodeEvent):
            _require_plain(event, document, line)
            _take(event, levels, document, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            levels.pop()


def _take(event: yaml.NodeEvent, levels: list[_Open], document: Document, line: int) -> None:
    """Put a value where it belongs, or a key before its value."""
    parent = levels[-1] if levels else None
    if parent is not None and isinstance(parent.value, dict) and parent.key is None:
        parent.key = _read_key(event, parent, document, line)
        return
    path = parent.place() if parent is not None else ()
    document.lines.setdefault(path, line)
    value: Any
    if isinstance(event, yaml.ScalarEvent):
        is_null = event.implicit[0] and event.value in _NULLS
        value = None if is_null else event.value
    else:
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
        if len(levels) == DEEPEST:
            raise _refusal(document, line, "lists and tables are nested too deep")
        levels.append(_Open(path, value))
    if parent is None:
        document.content = value
    else:
        parent.put(value)


def _read_key(event: yaml.NodeEvent, table: _Open, document: Document, line: int) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise _refusal(
            document,
            line,
            "a name is expected here; put quotes around text that begins with [ or {",
        )
    key = str(event.value)
    path = (*table.path, key)
    if key in table.value:
        raise _refusal(
            document, line, f"{show_path(path)} stands here a second time; put the two together"
        )
    document.lines[path] = line
    return key


def _require_plain(event: yaml.NodeEvent, document: Document, line: int) -> None:
    if event.anchor is not None:
        raise _refusal(
            document, line, "anchors (&) and aliases (*) are not read; put quotes around such text"
        )
    if getattr(event, "tag", None) is not None:
        raise _refusal(document, line, "tags (!) are not read; put quotes around such text")


def _refusal(document: Document, line: int, text: str) -> ConfigurationError:
    return ConfigurationError(f"{document.name}, line {line}: {text}.")

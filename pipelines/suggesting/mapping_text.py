"""A mapping as a file for people: YAML with a comment on every line that was guessed."""

import re
from collections.abc import Iterator
from typing import Any, Final

from pipelines.suggesting.suggestion import SuggestedColumn, Suggestion
from schemas.mapping import ColumnRule, Condition, EndpointRule, Mapping

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_RESERVED: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"))
"""Words that are no texts without quotes, to one reader of YAML or another."""


def write_mapping(suggestion: Suggestion, opening: tuple[str, ...] = ()) -> str:
    """Write a suggestion as a mapping file.

    What is read back is `suggestion.mapping`, whatever characters the headers have.

    Args:
        suggestion: What was suggested.
        opening: Lines of the comment at its top.
    """
    mapping = suggestion.mapping
    why = {column.header: column for column in suggestion.columns}
    lines = [_comment(line) for line in (*opening, *suggestion.warnings)]
    if mapping.description is not None:
        lines.append(f"description: {quote(mapping.description)}")
    if mapping.header is not None:
        lines.append(f"header: {_flow(mapping.header)}")
    lines.append(f"keep_canonical: {_flow(mapping.keep_canonical)}")
    if mapping.where:
        lines += ["where:", *_where(mapping, "  ")]
    if mapping.columns:
        lines += ["columns:", *_columns(mapping.columns, why, "  ")]
    if mapping.endpoints:
        lines.append("endpoints:")
        for endpoint in mapping.endpoints:
            lines += _endpoint(endpoint, why)
    if mapping.ignore:
        lines += ["ignore:", *(f"  - {quote(name)}" for name in mapping.ignore)]
    lines += _left_open(suggestion)
    return "\n".join(lines) + "\n"


def quote(text: str) -> str:
    """Write a text so that it is read back as itself.

    >>> quote("EMAIL"), quote("no"), quote("a: b")
    ('EMAIL', '"no"', '"a: b"')
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def _comment(text: str) -> str:
    return "# " + "".join(c if c.isprintable() else _escape(c) for c in text)


def _left_open(suggestion: Suggestion) -> Iterator[str]:
    if suggestion.left_open:
        yield ""
        yield "# Left open. Give each a line under columns, or name it under ignore:"
    for column in suggestion.left_open:
        yield _comment(f"  {quote(column.header)}: {column.why}")


def _columns(
    rules: dict[str, ColumnRule], why: dict[str, SuggestedColumn], indent: str
) -> Iterator[str]:
    for target, rule in rules.items():
        told = [why[source] for source in rule.source or () if source in why]
        texts = (f"{one.confidence}: {one.why}" for one in told if one.becomes is not None)
        yield from (indent + _comment(text) for text in dict.fromkeys(texts))
        yield f"{indent}{quote(target)}: {_flow(_rule(rule))}"


def _endpoint(endpoint: EndpointRule, why: dict[str, SuggestedColumn]) -> Iterator[str]:
    yield f"  - name: {quote(endpoint.name)}"
    yield "    columns:" + ("" if endpoint.columns else " {}")
    yield from _columns(endpoint.columns, why, "      ")
    if endpoint.where:
        yield "    where:"
        yield from _where(endpoint, "      ")


def _where(holder: Mapping | EndpointRule, indent: str) -> Iterator[str]:
    for part in holder.where:
        dumped = part.model_dump(exclude_defaults=True)
        if isinstance(part, Condition):
            yield f"{indent}- {_flow(dumped)}"
        else:
            yield f"{indent}- any_of:"
            yield from (f"{indent}    - {_flow(one)}" for one in dumped["any_of"])


def _rule(rule: ColumnRule) -> Any:
    dumped = rule.model_dump(exclude_defaults=True, by_alias=True)
    sources = dumped.get("from")
    if sources is not None:
        dumped["from"] = sources[0] if len(sources) == 1 else list(sources)
    return (
        sources[0]
        if sources is not None and dumped.keys() == {"from"} and len(sources) == 1
        else dumped
    )


def _flow(value: Any) -> str:
    """Write a value on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{quote(str(key))}: {_flow(member)}" for key, member in value.items())
        return "{" + inner + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(member) for member in value) + "]"
    return quote(str(value))

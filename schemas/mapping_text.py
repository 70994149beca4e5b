"""Texts in a mapping that follow rules of their own: templates, date formats, patterns, globs."""

import re
from datetime import datetime
from typing import NamedTuple

import polars as pl
from polars.exceptions import ComputeError

LONGEST_PATTERN = 1000
"""Characters of a regular expression; what it may compile to is limited by polars (10 MiB)."""
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

_TEMPLATE_PART = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:$|[T ])")
_DIRECTIVE = re.compile(r"%(-|_|0)?(\.[369]?f|[369]f|:z|.|$)", re.DOTALL)
_DATE_DIRECTIVES = frozenset("YymbBhdeaAjDFxvnt%")
_TIME_DIRECTIVES = frozenset("HkIlMSpPTRrXcs+z") | {
    *(":z", ".f", ".3f", ".6f", ".9f", "3f", "6f", "9f"),
}
_WITH_YEAR = frozenset("YyDFxvcs+")


class TemplatePart(NamedTuple):
    """A piece of a template."""

    text: str
    """The text as it is, or the name of a column."""
    is_column: bool


def parse_template(template: str) -> tuple[TemplatePart, ...]:
    """Take a template apart; double braces stand for single ones.

    >>> [part.text for part in parse_template("Dear {First Name}!")]
    ['Dear ', 'First Name', '!']

    Raises:
        ValueError: A brace is not closed, or no column is named.
    """
    parts: list[TemplatePart] = []
    end = 0
    for match in _TEMPLATE_PART.finditer(template):
        parts.append(_plain(template[end : match.start()]))
        name = match.group(1)
        parts.append(TemplatePart(name or match.group()[0], name is not None))
        end = match.end()
    parts.append(_plain(template[end:]))
    if not any(part.is_column for part in parts):
        raise ValueError("names no column in braces; for one value in every row use `constant`")
    return tuple(part for part in parts if part.text)


def _plain(text: str) -> TemplatePart:
    if "{" in text or "}" in text:
        raise ValueError("has a brace without its other one; write {{ or }} for a brace itself")
    return TemplatePart(text, is_column=False)


def has_time(date_format: str) -> bool:
    """Say whether a date format tells the time of day."""
    return any(match.group(2) in _TIME_DIRECTIVES for match in _DIRECTIVE.finditer(date_format))


def check_date_format(date_format: str) -> None:
    """Refuse a format that dates cannot be read with.

    Raises:
        ValueError: Says why.
    """
    used = [match.group(2) for match in _DIRECTIVE.finditer(date_format)]
    if "Z" in used:
        raise ValueError("has %Z, but names of zones are ambiguous: use `timezone`, or %z")
    if "f" in used:
        raise ValueError("has %f: write %.f, point included, for fractions of a second")
    unknown = [name for name in used if name not in _DATE_DIRECTIVES | _TIME_DIRECTIVES]
    if unknown:
        raise ValueError(f"has %{unknown[0]}, which is not known; such as %d/%m/%Y %H:%M is")
    if not _WITH_YEAR & set(used):
        raise ValueError("has no year; a date is written such as %d/%m/%Y")
    try:
        pl.Series(["?"]).str.to_datetime(date_format, time_unit="ms", strict=False)
    except ComputeError as error:
        raise ValueError(_first_line(error)) from error


def check_pattern(pattern: str) -> None:
    """Refuse what is no regular expression of Rust's, which needs linear time only.

    Raises:
        ValueError: Says why.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"has more than {LONGEST_PATTERN} characters")
    try:
        pl.Series(["?"]).str.contains(pattern)
    except ComputeError as error:
        reasons = [line for line in str(error).splitlines() if line.startswith("error: ")]
        reason = reasons[0].removeprefix("error: ") if reasons else _first_line(error)
        raise ValueError(f"is no regular expression: {reason}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].removeprefix("Invalid format string: ")


def is_iso_date(text: str) -> bool:
    """Say whether a text is a date such as 2026-01-31, with or without a time."""
    if not _DATE.match(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def fits_glob(name: str, glob: str) -> bool:
    """Say whether a name is what a glob means, in which * stands for any text.

    Case and surrounding spaces do not matter.

    >>> fits_glob("Internal: Owner", "internal:*")
    True
    """
    text = name.strip().casefold()
    first, *others = glob.strip().casefold().split("*")
    if not others:
        return text == first
    *middle, last = others
    if not text.startswith(first):
        return False
    place = len(first)
    for part in middle:  # the first place where each fits is as good as any other
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(text) >= place + len(last) and text.endswith(last)

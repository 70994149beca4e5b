"""Masking: enough of a personal value to recognize it beside the source, not enough to use it."""

import re

USER_ATTRIBUTES = "User.UserAttributes."
PERSONAL_COLUMNS = frozenset({"Id", "Address", "User.UserId"})
"""Columns that are masked always, as all user attributes are; others where a value looks so."""
NUMBER_COLUMNS = frozenset({"EffectiveDate", "Location.Latitude", "Location.Longitude"})
"""Columns whose values look like phone numbers and are none."""
_LONG_NUMBER = re.compile(r"(?:\d[ ().-]?){7,}")
_MAILBOX = re.compile(r"([^@\s,;:<>\"]+)@([A-Za-z0-9.-]+)")
_DATE = re.compile(
    r"\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?"
)
"""A moment in ISO 8601, whose digits are no phone number."""
_DOT = "•"


def mask(value: str) -> str:
    """Hide the middle of a value; of a single e-mail address keep the domain.

    >>> mask("+12065550100")
    '+12••••••••0'
    >>> mask("ana@example.com")
    'a••@example.com'
    >>> mask("4")
    '•'
    """
    if mailbox := _MAILBOX.fullmatch(value):
        local, domain = mailbox[1], mailbox[2]
        first = local[0] if len(local) > 1 else ""
        return f"{first}{_DOT * (len(local) - len(first))}@{domain}"
    has_letters = any(character.isalnum() for character in value)
    if has_letters and looks_personal(value) and not _LONG_NUMBER.fullmatch(value.lstrip("+")):
        return mask_text(value)
    shown = 3 if len(value) >= 8 else 0
    tail = 1 if shown else 0
    hidden = len(value) - shown - tail
    return value[:shown] + _DOT * hidden + value[len(value) - tail :]


def mask_text(text: str) -> str:
    """Hide all letters and digits of a text that may hold several values; keep its shape.

    >>> mask_text("u1,SMS,+12065550100")
    '••,•••,+•••••••••••'
    """
    return "".join(_DOT if character.isalnum() else character for character in text)


def looks_personal(value: str) -> bool:
    """Say whether a value may hold an e-mail address or a phone number.

    >>> [looks_personal(value) for value in ("206 555-0100", "2026-01-12 09:14", "blue")]
    [True, False, False]
    """
    if _DATE.fullmatch(value.strip()):
        return False
    return "@" in value or _LONG_NUMBER.search(value) is not None


def mask_cell(column: str | None, value: str) -> str:
    """Mask a value as far as its column, or its own look, asks for it.

    Args:
        column: The value's column, or None for the text of a whole record.
        value: The value.
    """
    if column is None:
        return mask_text(value)
    if column in PERSONAL_COLUMNS or column.startswith(USER_ATTRIBUTES):
        return mask(value)
    is_number = column in NUMBER_COLUMNS and "@" not in value
    return mask(value) if looks_personal(value) and not is_number else value

"""Masking: enough of a personal value to recognize it beside the source, not enough to use it."""

import re

PERSONAL_COLUMNS = frozenset({"Id", "Address", "User.UserId"})
"""Columns that are masked always; others only where a value looks like an address."""
NUMBER_COLUMNS = frozenset({"EffectiveDate", "Location.Latitude", "Location.Longitude"})
"""Columns whose values look like phone numbers and are none."""
_LONG_NUMBER = re.compile(r"(?:\d[ ().-]?){7,}")
_DOT = "•"


def mask(value: str) -> str:
    """Hide the middle of a value; of an e-mail address keep the domain.

    >>> mask("+12065550100")
    '+12••••••••0'
    >>> mask("ana@example.com")
    'a••@example.com'
    >>> mask("4")
    '•'
    """
    local, at, domain = value.rpartition("@")
    if at and local:
        first = local[0] if len(local) > 1 else ""
        return f"{first}{_DOT * (len(local) - len(first))}@{domain}"
    shown = 3 if len(value) >= 8 else 0
    tail = 1 if shown else 0
    hidden = len(value) - shown - tail
    return value[:shown] + _DOT * hidden + value[len(value) - tail :]


def mask_cell(column: str | None, value: str) -> str:
    """Mask a value as far as its column, or its own look, asks for it."""
    is_number = column not in NUMBER_COLUMNS and _LONG_NUMBER.search(value) is not None
    if column is None or column in PERSONAL_COLUMNS or "@" in value or is_number:
        return mask(value)
    return value

"""Showing: values of sources as text that can be read, masked as far as they are personal."""

import unicodedata
from dataclasses import dataclass

from schemas.masking import mask_cell

SHORT = 80
"""Characters of a value that are shown at once."""
FULL = 1_000
"""Characters of it that are shown when asked for."""
_MASKED = 10_000
"""Characters of it that are looked at: a whole file may be in one unclosed quote."""
_FIRST_PICTURE = 0x2400
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of Unicode that show as nothing, or change how other text shows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as the page shows it."""

    text: str
    more: str | None = None
    """The same, longer; None if that is all."""


def show_plainly(text: str) -> str:
    r"""Write controls, directions and other unseen characters as signs that are seen.

    >>> show_plainly("a\x00b\u202ec\n")
    'a␀b⟨U+202E⟩c␊'
    """
    if text.isprintable():
        return text
    return "".join(_show_character(character) for character in text)


def cut(text: str, most: int = SHORT) -> str:
    """Cut a text, and say so by an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def show_name(name: str) -> str:
    """Show the name of a column or a file; data in the place of a header is masked."""
    return cut(show_plainly(mask_cell("", name[:_MASKED])[: SHORT + 1]))


def show_value(column: str | None, value: str, *, show_addresses: bool) -> Shown:
    """Show a value.

    Args:
        column: Its column; None for the text of a whole record.
        value: As it came.
        show_addresses: Whether to show personal values as they are; else they are masked.
    """
    known = value[:_MASKED]
    masked = known if show_addresses else mask_cell(column, known)
    text = show_plainly(masked[: FULL + 1])
    return Shown(cut(text), cut(text, FULL) if len(text) > SHORT else None)


def say_share(part: float, whole: float) -> str:
    """Say a share in percent; what is neither nothing nor everything never looks so.

    >>> [say_share(part, 10_000) for part in (0, 1, 1234, 9_999, 10_000)]
    ['0%', '<0.1%', '12.3%', '>99.9%', '100%']
    """
    if not whole or not part:
        return "0%"
    share = part / whole
    if share == 1:
        return "100%"
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if share > 0.999 and share < 1 else f"{share:.1%}"


def _show_character(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(_FIRST_PICTURE + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(character) in _UNSEEN:
        return f"⟨U+{code:04X}⟩"
    return character

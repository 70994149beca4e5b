r"""Undecoded bytes: what stands in a text for a byte that its encoding has no character for.

Such a byte becomes one character of a private range, so that it is neither lost nor fatal: its
record is told (`text.undecodable`), all others are read as ever. People see `\xE9` in messages, and
U+FFFD in files.
"""

import codecs
import re
from typing import Final

import polars as pl

from schemas.text_bytes import holds_byte

FIRST: Final = 0x10F800
"""Character that stands for byte 0; those of the others follow. No font and no program uses them:
they lie in the last of Unicode's planes, which is private."""
MARKED: Final = r"[\x{10F800}-\x{10F8FF}]"
"""Pattern (of polars) for them."""
ERRORS: Final = "mark-undecoded"
"""Name of the error handler for Python's decoders."""
_LEAD: Final = b"\xf4"
"""First byte of all of them in UTF-8, and of no other character but such as nobody uses."""
_IN_UTF8: Final = re.compile(rb"\xf4\x8f[\xa0-\xa3]")
_CHARACTERS: Final = [chr(FIRST + byte) for byte in range(256)]
_SHOWN: Final = [f"\\x{byte:02X}" for byte in range(256)]
_IN_MESSAGES: Final = {FIRST + byte: shown for byte, shown in enumerate(_SHOWN)}


def mark(data: bytes) -> str:
    r"""Give the characters that stand for bytes.

    >>> [hex(ord(character)) for character in mark(b"\xe9\x00")]
    ['0x10f8e9', '0x10f800']
    """
    return "".join(_CHARACTERS[byte] for byte in data)


def _mark_fault(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeDecodeError):
        raise fault
    return mark(fault.object[fault.start : fault.end]), fault.end


codecs.register_error(ERRORS, _mark_fault)


def is_marked(text: bytes) -> bool:
    r"""Say whether a text in UTF-8 holds such a character; quick where it does not.

    >>> [is_marked(text.encode()) for text in ("Jos" + mark(b"\xe9"), "\U0010fffd", "José")]
    [True, False, False]
    """
    return _LEAD in text and _IN_UTF8.search(text) is not None


def holds_marked(texts: pl.Series) -> bool:
    """Say whether any value of a text column may hold such a character; quick where none does."""
    return holds_byte(texts, _LEAD) and bool(texts.str.contains(MARKED).any())


def show_marked(text: str) -> str:
    r"""Write the bytes out, for messages.

    >>> show_marked("Jos" + mark(b"\xe9"))
    'Jos\\xE9'
    """
    return text.translate(_IN_MESSAGES)


def write_out_marked(texts: pl.Expr) -> pl.Expr:
    """Write the bytes out in a column, as `show_marked` does."""
    return texts.str.replace_many(_CHARACTERS, _SHOWN)


def replace_marked(frame: pl.DataFrame) -> pl.DataFrame:
    """Put U+FFFD in the place of each such character in the text columns of a frame."""
    held = [n for n, kind in frame.schema.items() if kind == pl.String and holds_marked(frame[n])]
    return frame.with_columns(pl.col(held).str.replace_all(MARKED, "\ufffd")) if held else frame

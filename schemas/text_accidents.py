"""Harmless accidents with text: what a spreadsheet or a web page put around or into a value.

Odd spaces, invisible characters and quotes carry nothing that a service needs, so `clean_texts`
takes them out and says so. Where a character may be meant (a joiner within a word, the space of
Japanese text) it stays, but in ids, addresses, codes and numbers, which nobody could match else.
"""

from typing import Final

import polars as pl

from schemas import issues
from schemas.mojibake import is_mojibake
from schemas.text_bytes import holds_byte

_ODD_SPACES = r"\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}"
"""Unicode's spaces (category Zs) but the plain one and the one of Japanese text."""
_NEXT_LINE = r"\x{85}"
"""A blank in Unicode, but met as a byte of texts in a wrong encoding: so these are looked for."""
_IDEOGRAPHIC_SPACE = r"\x{3000}"
_UNSEEN = r"\x{ad}\x{200b}\x{2060}\x{feff}"
"""Soft hyphen, zero-width space, word joiner, byte order mark: nothing is lost without them."""
_JOINERS = r"\x{200c}\x{200d}"
"""What Persian and Indian words and composed emoji need."""
_DIRECTIONS = r"\x{61c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}"
"""Marks of bidirectional text: within text they order words, at its ends they are left over."""
_DOUBLE, _SINGLE = "“”„‟«»", "‘’‚‛‹›"
_NUMBER_MARKED = r"^\s*['‘’´`]\s*[+-]?[0-9][0-9 ().,:/+-]*$"
"""A number behind the apostrophe by which a spreadsheet knows it for text."""

_ACCIDENT_IN_TEXT = (
    rf"[{_ODD_SPACES}{_UNSEEN}{_NEXT_LINE}{_DIRECTIONS}]|^\s*[{_DOUBLE}{_SINGLE}]|{_NUMBER_MARKED}"
)
_ACCIDENT_IN_CODE = rf"[{_IDEOGRAPHIC_SPACE}{_JOINERS}]|{_ACCIDENT_IN_TEXT}"

KINDS: Final = (issues.ODD_SPACE, issues.INVISIBLE_CHARACTER, issues.QUOTES_REMOVED)
"""What `clean_texts` may find."""


def may_hold_accident(texts: pl.Series, *, is_ascii: bool, is_code: bool) -> bool:
    """Tell whether any text holds a character that accidents are made of.

    Args:
        texts: Strings or nulls.
        is_ascii: Whether all of their characters are ASCII: then a look at the bytes is enough.
        is_code: Whether the texts are ids, addresses, codes or numbers.
    """
    if is_ascii and not holds_byte(texts, b"'"):
        return False
    pattern = _NUMBER_MARKED if is_ascii else _accident(is_code=is_code)
    return bool(texts.str.contains(pattern).any())


def clean_texts(texts: pl.Series, *, is_code: bool) -> pl.DataFrame:
    """Take accidents out of texts; trim and compose (Unicode NFC) those that had any.

    Texts in a wrong encoding stay as they came: in them such characters are bytes of others.
    Idempotent.

    Returns:
        Rows that change: `place` in the column, `text` (null where none is left) and for each of
        `KINDS` a boolean of its code's name.
    """
    frame = texts.to_frame("came").with_row_index("place")
    frame = frame.filter(pl.col("came").str.contains(_accident(is_code=is_code)))
    frame = frame.filter(~is_mojibake(frame["came"]))
    unseen = _UNSEEN + (_JOINERS + _DIRECTIONS if is_code else "")
    spaces = _ODD_SPACES + (_IDEOGRAPHIC_SPACE if is_code else "")
    ends = rf"\s{_DIRECTIONS}"
    seen = pl.col("came").str.replace_all(f"[{unseen}]", "")
    seen = seen.str.replace(rf"^[{ends}]*[{_DIRECTIONS}]\s*", "")
    seen = seen.str.replace(rf"\s*[{_DIRECTIONS}][{ends}]*$", "")
    frame = frame.with_columns(seen=seen)
    plain = pl.col("seen").str.replace_all(f"[{spaces}]", " ").str.normalize("NFC")
    frame = frame.with_columns(plain=plain.str.strip_chars())
    frame = frame.with_columns(bare=_take_quotes(pl.col("plain")))
    is_left = pl.col("bare").str.len_bytes() > 0
    return frame.select(
        "place",
        pl.when(is_left).then("bare").alias("text"),
        (is_left & pl.col("seen").str.contains(f"[{spaces}]")).alias(issues.ODD_SPACE.code),
        (is_left & (pl.col("seen") != pl.col("came"))).alias(issues.INVISIBLE_CHARACTER.code),
        (is_left & (pl.col("bare") != pl.col("plain"))).alias(issues.QUOTES_REMOVED.code),
    )


def _accident(*, is_code: bool) -> str:
    return _ACCIDENT_IN_CODE if is_code else _ACCIDENT_IN_TEXT


def _take_quotes(text: pl.Expr) -> pl.Expr:
    """Take quotes from around a whole text: double, single, and double again within those."""
    ends = rf"\s{_DIRECTIONS}"
    for marks in (_DOUBLE, _SINGLE, _DOUBLE):
        inside = rf"[^{marks}]*[^{marks}{ends}]"
        text = text.str.replace(rf"^[{marks}][{ends}]*({inside})[{ends}]*[{marks}]$", "${1}")
    is_marked = text.str.contains(_NUMBER_MARKED)
    return pl.when(is_marked).then(text.str.slice(1).str.strip_chars()).otherwise(text)

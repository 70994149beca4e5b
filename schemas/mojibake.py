"""Mojibake: UTF-8 that somebody read as Windows-1252 or Latin-1 and wrote down so.

A text counts as such only if all of it goes the way back: each of its characters to the byte that
it was read from, and the bytes to plausible UTF-8. So `São Paulo` and `“IRMÃ”` are none.
"""

import unicodedata
from functools import lru_cache

import polars as pl

_CONTINUATION = r"[\x{80}-\x{bf}ƒ‚„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ€]"
SUSPECT = rf"[Â-ßà-ô]{_CONTINUATION}"
"""Two characters that may have been the first two bytes of a longer sequence of UTF-8."""
_READINGS = 3
"""Times that a text is read back; one that went wrong twice is met, more is not."""
_REMEMBERED = 1 << 14
_ENDING_WORDS = "–—…’”™•›»®©°ªº¹²³"
"""Characters, among those read from later bytes, that stand right behind words."""
_IMPLAUSIBLE = frozenset({"Cc", "Cn", "Co", "Cs"})
"""Categories of characters that no one writes: control, unassigned, private, surrogate."""


def is_mojibake(texts: pl.Series) -> pl.Series:
    """Tell for each text whether it is UTF-8 in the wrong reading; null stays null."""
    suspects = texts.filter(texts.str.contains(SUSPECT)).unique().to_list()
    broken = [text for text in suspects if read_back(text) is not None]
    return texts.is_in(pl.Series(broken, dtype=pl.String).implode())


@lru_cache(maxsize=_REMEMBERED)
def read_back(text: str) -> str | None:
    """Return what a text was before it was read in the wrong encoding, once or twice.

    Returns:
        The text as it was, or None for one that did not go wrong.
    """
    found, last = None, text
    for _ in range(_READINGS):
        read = _read_once(last)
        if read is None or read == last:
            break
        found = read if _is_plausible(last, read) else found
        last = read
    return found


def _read_once(text: str) -> str | None:
    data = bytearray()
    for character in text:
        byte = _byte_of(character)
        if byte is None:
            return None
        data.append(byte)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _byte_of(character: str) -> int | None:
    """Give the byte that Windows-1252 or, where it has none, Latin-1 reads as the character."""
    try:
        return character.encode("cp1252")[0]
    except UnicodeEncodeError:
        return ord(character) if ord(character) < 0x100 else None


def _is_plausible(text: str, read: str) -> bool:
    """Tell whether `read` is what somebody wrote, and not `text`.

    A capital with a dash, a dot or a quote behind (`CAFÉ–BAR`) may be meant as it stands. It is
    taken for mojibake if it makes a Western letter, by far the most frequent case, or stands in a
    word of small letters (`KÄ™pa`, which was `Kępa`).
    """
    made = [character for character in read if ord(character) >= 0x80]
    # The byte order mark and other format characters are plausible: they are invisible.
    if any(unicodedata.category(character) in _IMPLAUSIBLE for character in made):
        return False
    if len(made) > 1 or ord(made[0]) < 0x100 or len(text) - len(read) > 1:
        return True
    if 0x180 <= ord(made[0]) < 0x370 or ord(made[0]) >= 0x700:  # letters that few write
        return False
    place = text.index(next(character for character in text if ord(character) >= 0x80))
    if text[place + 1] not in _ENDING_WORDS:
        return True
    return text[:place][-1:].islower() or text[place + 2 :][:1].islower()

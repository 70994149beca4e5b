"""Encodings: which one a file is in, and its bytes as UTF-8, block by block."""

import codecs
import io
import re
from dataclasses import dataclass
from typing import Any, BinaryIO

from charset_normalizer import from_bytes

from pipelines.errors import SourceError
from pipelines.sources.alphabets import ENCODINGS, judge_words
from pipelines.sources.base import Content
from schemas import undecoded
from schemas.masking import looks_personal, mask

SAMPLE_BYTES = 1 << 20
"""Bytes at the start that are looked at."""
WINDOW_BYTES, WINDOWS = 1 << 16, 8
"""Bytes of a window further on, and how many: a file may be ASCII for its first gigabyte."""
MOST_VALUES = 2000
"""Different values in a legacy encoding that are looked at: more say no more."""
END = "\U0010f900\U0010f901"
"""A last line that a stream may add: where the text's last quote is never closed, it is no line,
but part of a value. Like the marks, characters that nobody uses."""
UTF_8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Where the NULs of ASCII characters are, of four bytes.
_NULS = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
_VALUE = re.compile(rb'[^,;\t\r\n"]*[\x80-\xff][^,;\t\r\n"]*')
_SHOWN_OPTIONS = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """Parts of a file."""

    start: bytes
    """Its first bytes."""
    windows: tuple[bytes, ...] = ()
    """Some of those further on, each from the beginning of a line."""
    is_whole: bool = True
    """Whether the start is all of it."""


def read_sample(content: Content) -> Sample:
    """Read the start of a file, and windows further on if that takes no reading of what is between.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        with content.open() as file:
            start = _read_up_to(file, SAMPLE_BYTES)
            is_whole = len(start) < SAMPLE_BYTES or not file.read(1)
        windows = []
        if content.path is not None and not is_whole:
            step = max(1, (content.path.stat().st_size - SAMPLE_BYTES) // WINDOWS)
            with content.path.open("rb") as file:
                for number in range(WINDOWS):
                    file.seek(SAMPLE_BYTES + number * step)
                    windows.append(file.read(WINDOW_BYTES).partition(b"\n")[2])
    except OSError as error:
        raise SourceError(f"Cannot read {content.name}: {error.strerror or error}.") from error
    return Sample(start, tuple(windows), is_whole)


def detect_encoding(sample: Sample, name: str) -> str:
    """Find the encoding of a file.

    Args:
        sample: Parts of it.
        name: What to call it in errors.

    Raises:
        SourceError: It may be several, which read a value of it differently; or it is no text.
    """
    marked = find_mark(sample)
    if marked is not None:
        return marked
    head = sample.start[:4096]
    nuls = tuple(head[at::4].count(0) * 4 > len(head) // 2 for at in range(4))
    if nuls in _NULS and _NULS[nuls].startswith("utf-32" if sum(nuls) == 3 else "utf-16"):
        return _NULS[nuls]
    if b"\0" in re.split(rb"[\r\n]", head.lstrip(b"\r\n"), maxsplit=1)[0]:
        raise SourceError(f"{name} is binary, not CSV text. Check that it is the right file.")
    parts = (sample.start, *sample.windows)
    if all(part.isascii() for part in parts):
        return UTF_8
    characters, strays = _count_utf8(parts, is_whole=sample.is_whole)
    if characters >= 2 * strays:
        return UTF_8
    values = list(dict.fromkeys(v.strip() for part in parts for v in _VALUE.findall(part)))
    if not sample.is_whole:
        values = values[:-1] or values  # the last one may be cut
    return _choose_legacy(values[:MOST_VALUES], name, is_mixed=3 * characters >= strays)


def find_mark(sample: Sample) -> str | None:
    """Give the encoding that a byte order mark says."""
    found = (encoding for mark, encoding in _MARKS if sample.start.startswith(mark))
    return next(found, None)


def settle_encoding(given: str, sample: Sample) -> str:
    """Give the byte order, too, of an encoding that the user named without one.

    What says of itself that it is UTF-8 is: errors.csv is fed back in with the settings of the
    export that it came from.
    """
    name, marked = codecs.lookup(given).name, find_mark(sample)
    if marked == UTF_8:
        return UTF_8
    if name not in ("utf-16", "utf-32"):
        return name
    return marked if marked and marked.startswith(name) else f"{name}-le"  # as Windows writes it


def _count_utf8(parts: tuple[bytes, ...], *, is_whole: bool) -> tuple[int, int]:
    """Count the characters beyond ASCII that are UTF-8, and the bytes that are not.

    In a legacy encoding there are few such characters: a letter is rarely followed by a sign.
    """
    strays = characters = 0
    for part in parts:
        decoder = codecs.getincrementaldecoder(UTF_8)(undecoded.ERRORS)
        beyond = [c for c in decoder.decode(part, final=is_whole) if c > "\x7f"]
        marked = sum(ord(c) >= undecoded.FIRST for c in beyond)
        strays += marked
        characters += len(beyond) - marked
    return characters, strays


def _choose_legacy(values: list[bytes], name: str, *, is_mixed: bool) -> str:
    """Choose the encoding in which values look like words; ask where several do."""
    costs: dict[str, float] = {}
    readings: dict[str, list[str]] = {}
    for encoding in ENCODINGS:
        read = [value.decode(encoding, undecoded.ERRORS) for value in values]
        broken = sum(any(ord(c) >= undecoded.FIRST for c in text) for text in read)
        # A stray byte is no reason; many are, and so is one if there is nothing else to judge by.
        if broken * 20 > len(values) and (broken > 1 or len(values) == 1):
            continue
        readings[encoding] = read
        costs[encoding] = judge_words([r for r in read if max(r) < "\U0010f800"], encoding)
    ranked = sorted(costs, key=lambda encoding: costs[encoding])  # equal ones by how common
    if ranked:
        best = ranked[0]
        rivals = [
            e for e in ranked[1:] if readings[e] != readings[best] and not _is_clear(costs, best, e)
        ]
        beyond_ascii = sum(not c.isascii() for reading in readings[best] for c in reading)
        if costs[best] <= 0.7 * beyond_ascii + 0.9 and not rivals and not is_mixed:
            return best
        options = list({tuple(readings[e]): e for e in reversed([best, *rivals])}.values())[::-1]
    else:
        found = from_bytes(b"\n".join(values))
        options = [match.encoding for match in found] or ["cp1252", "cp1250"]
    if is_mixed:
        options.insert(0, UTF_8)
    raise _ask(values, options[:_SHOWN_OPTIONS], name)


def _is_clear(costs: dict[str, float], best: str, other: str) -> bool:
    """Say whether an encoding fits so much worse than the best that it is out of the question."""
    return costs[other] >= max(costs[best] + 0.6, 1.4 * costs[best])


def _ask(values: list[bytes], encodings: list[str], name: str) -> SourceError:
    def differs(value: bytes) -> bool:
        return len({value.decode(e, undecoded.ERRORS) for e in encodings}) > 1

    value = next((value for value in values if differs(value)), values[0])
    choices = [
        f"{_show(value.decode(encoding, undecoded.ERRORS))} with --encoding {encoding}"
        for encoding in encodings
    ]
    return SourceError(
        f"{name}: neither UTF-8 nor clearly in another encoding. One value would read "
        f"{'; '.join(choices)}. Give the --encoding that reads it right."
    )


def _show(text: str) -> str:
    shown = undecoded.show_marked(text.strip()[:40])
    return repr(mask(shown)) if looks_personal(shown) else f"'{shown}'"


class Utf8Stream(io.RawIOBase):
    """A file's text in UTF-8, without a byte order mark; to be read forward.

    Bytes that are no characters in its encoding are marked (`schemas.undecoded`).
    """

    def __init__(
        self, file: BinaryIO, encoding: str, *, skip: int = 0, adds_end: bool = False
    ) -> None:
        """Begin to read.

        Args:
            file: The file at its start; closed with this one.
            encoding: How it is encoded.
            skip: Bytes of UTF-8 at the start that are left out.
            adds_end: Whether a last line `END` is added.
        """
        self._last_line = f"\n{END}".encode() if adds_end else b""
        self._file = file
        self._is_utf8 = codecs.lookup(encoding).name in (UTF_8, "utf-8-sig")
        self._decoder = codecs.getincrementaldecoder(encoding)(undecoded.ERRORS)
        self._due = b""
        """What is decoded, and not asked for yet."""
        self._tail = b""
        """In UTF-8: the first bytes of a character that is cut."""
        self._is_at_end = False
        start = self.read(3)
        if start != codecs.BOM_UTF8:
            self._due = start + self._due
        while skip > 0 and (skipped := self.read(skip)):
            skip -= len(skipped)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, as `io.BufferedReader` does."""
        text = self.read(len(buffer))
        buffer[: len(text)] = text
        return len(text)

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """Read bytes; considerably fewer than asked for only at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(SAMPLE_BYTES), b""))
        text = self._due
        # A few bytes fewer are not worth a copy of the others.
        while not self._is_at_end and (text in (b"", b"\r") or len(text) < size - 8):
            block = self._decode_next(size - len(text))
            text = text + block if text else block
        text, self._due = cut_text(text, size)
        return text

    def _decode_next(self, size: int) -> bytes:
        block = self._file.read(max(1, size - len(self._tail)))
        if not block:
            self._is_at_end = True
            return self._decode(block) + self._last_line
        return self._decode(block)

    def _decode(self, block: bytes) -> bytes:
        if not self._is_utf8:
            return encode_text(self._decoder.decode(block, final=self._is_at_end))
        block = self._tail + block if self._tail else block
        self._tail = b""
        if block.isascii():
            return block
        try:
            _, length = codecs.utf_8_decode(block, "strict", self._is_at_end)
        except UnicodeDecodeError:
            text, length = codecs.utf_8_decode(block, undecoded.ERRORS, self._is_at_end)
            self._tail = block[length:]
            return text.encode()
        self._tail = block[length:]
        return block[:length] if self._tail else block


def encode_text(text: str) -> bytes:
    """Give what a decoder made as UTF-8; half a surrogate pair, which some make, is marked."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        half = text.encode("utf-8", "surrogatepass")
        return half.decode("utf-8", undecoded.ERRORS).encode()


def cut_text(text: bytes, size: int) -> tuple[bytes, bytes]:
    """Cut a text where a block may end: not behind a CR.

    Arrow's reader drops a LF at the start of a block if the one before ends with a CR, within
    quotes too (CSVBufferIterator of Arrow 26).
    """
    if len(text) <= size and not text.endswith(b"\r"):
        return text, b""
    end = min(size, len(text))
    if end > 1 and text[end - 1 : end] == b"\r":
        end -= 1
    return text[:end], text[end:]


def _read_up_to(file: BinaryIO, size: int) -> bytes:
    parts, missing = [], size
    while missing and (part := file.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def read_text(sample: Sample, encoding: str) -> str:
    """Give the text at a file's start, with the bytes marked that are none."""
    with Utf8Stream(io.BytesIO(sample.start), encoding) as stream:
        return stream.read().decode(errors=undecoded.ERRORS)

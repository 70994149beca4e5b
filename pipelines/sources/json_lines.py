"""JSON files as blocks of whole lines in UTF-8, one JSON value a line.

A document (an array over the whole file, or objects printed over several lines) becomes such lines
too, as long as it is small enough to be held as a whole.
"""

import json
import re
from collections.abc import Iterator

from pipelines.errors import SourceError
from pipelines.sources.base import Content
from pipelines.sources.encodings import (
    UTF_8,
    Sample,
    Utf8Stream,
    find_mark,
    read_text,
    settle_encoding,
)
from pipelines.sources.formats import refuse_binary

BLOCK_BYTES = 4 << 20
"""Bytes read at once."""
MAX_LINE_BYTES = 8 << 20
"""An endpoint has at most 15 KB; a line of megabytes is not one, but a file without line ends."""
MAX_DOCUMENT_BYTES = 64 << 20
MAX_DOCUMENT_VALUES = 8_000_000
"""Of a document, which is looked at as a whole: a value takes some 60 bytes of memory."""
MAX_DEPTH = 64
"""Objects and lists within each other. Parsers recurse; an endpoint is four deep."""
_HEAD_BYTES = 1 << 16
_SPACE = re.compile(r"[ \t\r\n]*")
_ALL_BUT_STRUCTURE = bytes(sorted(set(range(256)) - set(b'"[]{}\n')))
_STRING = re.compile(rb'"[^"\n]*"')


class JsonLines:
    """The lines of a JSON file, to be read again and again."""

    def __init__(self, content: Content, encoding: str | None) -> None:
        """Look at the start of the file: its encoding, and whether it is a document.

        Raises:
            SourceError: It is empty, no text, in an unknown encoding, or too large a document.
        """
        self._content = content
        self.name = content.name
        with content.open() as file:
            head = file.read(_HEAD_BYTES)
        refuse_binary(head, self.name, "JSON text")
        sample = Sample(head)
        self.encoding = _find_encoding(sample, encoding, self.name)
        text = read_text(sample, self.encoding).lstrip(" \t\r\n")
        if not text:
            raise SourceError(f"{self.name} is empty: it holds no record. Check the export.")
        self.is_document = _is_document(text)

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks of whole lines in order; line ends as they came, the last may have none.

        Raises:
            SourceError: A line is too long, or a document is too large or no JSON.
        """
        lines = self._document_lines() if self.is_document else self._chunks()
        rest: list[bytes] = []
        size = number = 0
        for chunk in lines:
            end = chunk.rfind(b"\n") + 1
            if end:
                block = b"".join([*rest, chunk[:end]])
                self._refuse_long_line(block.index(b"\n"), number)
                number += block.count(b"\n")
                yield block
                rest, size = [], 0
            rest.append(chunk[end:])
            size += len(chunk) - end
            self._refuse_long_line(size, number)
        if size:
            yield b"".join(rest)

    def _refuse_long_line(self, size: int, lines_before: int) -> None:
        if size > MAX_LINE_BYTES and not self.is_document:
            raise SourceError(
                f"{self.name}, line {lines_before + 1}: longer than {MAX_LINE_BYTES >> 20} MiB. "
                "One line is one endpoint; write the export with one JSON object a line "
                f"({_remedy(self.name)})."
            )

    def _chunks(self) -> Iterator[bytes]:
        """Yield the file in UTF-8; bytes that are no characters are marked."""
        with Utf8Stream(self._content.open(), self.encoding) as stream:
            while chunk := stream.read(BLOCK_BYTES):
                yield chunk

    def _document_lines(self) -> Iterator[bytes]:
        """Yield a document value by value, each as a line."""
        chunks: list[bytes] = []
        size = values = 0
        for chunk in self._chunks():
            chunks.append(chunk)
            size += len(chunk)
            values += chunk.count(b",")
            if size > MAX_DOCUMENT_BYTES or values > MAX_DOCUMENT_VALUES:
                raise SourceError(
                    f"{self.name} is one JSON document, too large to be read as a whole (more than "
                    f"{MAX_DOCUMENT_BYTES >> 20} MiB or {MAX_DOCUMENT_VALUES:,} values). Write it "
                    f"with one object a line: {_remedy(self.name)}."
                )
        data = b"".join(chunks)
        if not is_shallow(data):
            raise SourceError(
                f"{self.name} is one JSON document, but not whole, or nested deeper than "
                f"{MAX_DEPTH}. Check the export."
            )
        text = data.decode()
        del chunks, data
        lines: list[str] = []
        size = 0
        for value in _cut_document(text, self.name):
            lines.append(value.replace("\r", " ").replace("\n", " ") + "\n")
            size += len(value)
            if size > BLOCK_BYTES:
                yield "".join(lines).encode()
                lines, size = [], 0
        yield "".join(lines).encode()


def is_shallow(data: bytes) -> bool:
    """Tell whether brackets are balanced, and nested no deeper than `MAX_DEPTH`; in native steps.

    Strings may be open at a line's end only in what is no JSON; then it is False.
    """
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Of strings only quotes are left, most of them in pairs; dropping a pair keeps the others'.
    data = data.translate(None, _ALL_BUT_STRUCTURE).replace(b'""', b"")
    data = _STRING.sub(b"", data).replace(b"\n", b"")
    for _ in range(MAX_DEPTH):
        if not data:
            break
        data = data.replace(b"[]", b"").replace(b"{}", b"")
    return not data


def _find_encoding(sample: Sample, named: str | None, file: str) -> str:
    try:
        " ".encode(named or UTF_8)  # there are codecs that are no encodings of text
        return find_mark(sample) or settle_encoding(named or UTF_8, sample)
    except LookupError as error:
        raise SourceError(f"{file}: there is no encoding {named}. Name another one.") from error


def _is_document(head: str) -> bool:
    first, _, rest = head.partition("\n")
    if head.startswith("["):
        # A line of its own that is a list is a malformed record among others.
        return not (first.rstrip().endswith("]") and rest.lstrip().startswith("{"))
    return first.strip() == "{"


def _cut_document(text: str, file: str) -> Iterator[str]:
    """Yield the text of each value of an array, or of values one behind the other."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    at, number = _skip_space(text, 0), 0
    is_array = text.startswith("[", at)
    if is_array:
        at = _skip_space(text, at + 1)
    is_open = is_array and not text.startswith("]", at)
    while is_open if is_array else at < len(text):
        number += 1
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{file}, record {number}: not valid JSON ({error}).") from error
        yield text[at:end]
        at = _skip_space(text, end)
        if is_array:
            is_open = text.startswith(",", at)
            if is_open:
                at = _skip_space(text, at + 1)
    if is_array and (not text.startswith("]", at) or text[at + 1 :].strip()):
        raise SourceError(
            f"{file}, behind record {number}: the array ends here, or lacks a comma. "
            f"Write the file with one object a line: {_remedy(file)}."
        )


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _remedy(file: str) -> str:
    return f"jq -c '.[]' {file} > lines.ndjson"

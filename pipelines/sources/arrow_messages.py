"""How large the messages of an Arrow stream are once unpacked, found before anything is unpacked.

A buffer of a few bytes may claim to be terabytes. Only the claims are read here: the metadata of
each message (a flatbuffer, as in the Arrow columnar format's "IPC" and "Message.fbs", 2026), and
the first bytes of each packed buffer.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_METADATA_BYTES = 16 << 20
_CONTINUATION = b"\xff" * 4
_FILE_END = b"ARROW1"
_DICTIONARY, _RECORDS = 2, 3
"""Kinds of messages with values."""
_BLOCK_SLOTS = (2, 3)
"""Of a table of contents: where dictionaries are, and where records."""
_BLOCK = struct.Struct("<qi4xq")
_BUFFER = struct.Struct("<qq")
_PREFIX = struct.Struct("<q")
"""Before each packed buffer: its size unpacked; -1 if it is not packed after all."""


class BrokenMessageError(ValueError):
    """A message that cannot be what it says it is."""


@dataclass(frozen=True, slots=True)
class MessageSize:
    """What is known of a message that holds values."""

    is_dictionary: bool
    rows: int
    size_bytes: int
    """Of all buffers, unpacked."""


def measure_stream(file: BinaryIO, file_bytes: int) -> Iterator[MessageSize]:
    """Yield the sizes of a stream's messages with values.

    Raises:
        BrokenMessageError: A message is cut off or malformed.
    """
    file.seek(0)
    while (metadata := _read_metadata(file)) is not None:
        body = file.tell()
        found, body_bytes = _measure(metadata, file, file_bytes)
        if found is not None:
            yield found
        if body_bytes < 0 or body + body_bytes > file_bytes:
            raise BrokenMessageError("a message is cut off")
        file.seek(body + body_bytes)


def measure_file(file: BinaryIO, file_bytes: int) -> Iterator[MessageSize]:
    """Yield the sizes of the messages that a file's table of contents names.

    Raises:
        BrokenMessageError: A message, or the table, is cut off or malformed.
    """
    file.seek(max(0, file_bytes - len(_FILE_END) - 4))
    size = int.from_bytes(file.read(4), "little")
    start = file_bytes - len(_FILE_END) - 4 - size
    if file.read() != _FILE_END or start < 0 or size > MAX_METADATA_BYTES:
        raise BrokenMessageError("its end is missing")
    file.seek(start)
    try:
        contents = _root(file.read(size))
        blocks = [block for slot in _BLOCK_SLOTS for block in contents.structs(slot, _BLOCK)]
    except struct.error as error:
        raise BrokenMessageError("its end is malformed") from error
    for offset, _, _ in blocks:
        if not 0 <= offset < file_bytes:
            raise BrokenMessageError("a message lies outside of the file")
        file.seek(offset)
        found, _ = _measure(_read_metadata(file) or b"", file, file_bytes)
        if found is not None:
            yield found


def _read_metadata(file: BinaryIO) -> bytes | None:
    """Read what stands before a message's body; None at the end of a stream."""
    start = file.read(4)
    if start == _CONTINUATION:
        start = file.read(4)
    if not start or start == bytes(4):
        return None
    size = int.from_bytes(start, "little")
    metadata = b"" if size > MAX_METADATA_BYTES else file.read(size)
    if len(start) < 4 or len(metadata) < size:
        raise BrokenMessageError("a message is cut off")
    return metadata


def _measure(metadata: bytes, file: BinaryIO, file_bytes: int) -> tuple[MessageSize | None, int]:
    """Measure a message at whose body the file stands; give the size of that in the file, too."""
    try:
        message = _root(metadata)
        kind, body_bytes = message.number(1, "<B"), message.number(3, "<q")
        if kind not in (_DICTIONARY, _RECORDS):
            return None, body_bytes
        batch = message.table(2)
        if kind == _DICTIONARY:
            batch = batch.table(1)
        is_packed = batch.find(3) is not None
        body = file.tell()
        size = 0
        for offset, length in batch.structs(2, _BUFFER):
            if offset < 0 or length < 0 or body + offset + length > file_bytes:
                raise BrokenMessageError("a buffer lies outside of the file")
            if is_packed and length >= _PREFIX.size:
                file.seek(body + offset)
                (claim,) = _PREFIX.unpack(file.read(_PREFIX.size))
                size += claim if claim >= 0 else length
            else:
                size += length
        return MessageSize(kind == _DICTIONARY, batch.number(0, "<q"), size), body_bytes
    except struct.error as error:
        raise BrokenMessageError("a message is malformed") from error


def _root(data: bytes) -> "_Table":
    return _Table(data, int.from_bytes(data[:4], "little"))


class _Table:
    """A table of a flatbuffer: fields by slot, each of which may be missing."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._fields = at - struct.unpack_from("<i", data, at)[0]
        if self._fields < 0:
            raise BrokenMessageError("a message is malformed")

    def find(self, slot: int) -> int | None:
        offset = 4 + 2 * slot
        if offset >= struct.unpack_from("<H", self._data, self._fields)[0]:
            return None
        (place,) = struct.unpack_from("<H", self._data, self._fields + offset)
        return self._at + place if place else None

    def number(self, slot: int, form: str) -> int:
        at = self.find(slot)
        return 0 if at is None else int(struct.unpack_from(form, self._data, at)[0])

    def table(self, slot: int) -> "_Table":
        return _Table(self._data, self._follow(slot))

    def structs(self, slot: int, form: struct.Struct) -> Iterator[tuple[int, ...]]:
        if self.find(slot) is None:
            return
        at = self._follow(slot)
        (count,) = struct.unpack_from("<I", self._data, at)
        for number in range(count):
            yield form.unpack_from(self._data, at + 4 + form.size * number)

    def _follow(self, slot: int) -> int:
        at = self.find(slot)
        if at is None:
            raise BrokenMessageError("a message is malformed")
        return at + int(struct.unpack_from("<I", self._data, at)[0])

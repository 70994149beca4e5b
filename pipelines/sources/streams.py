"""Streams: the bytes of a source as a file, whose every fault is an error that names the source."""

import hashlib
import io
import os
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from zipfile import BadZipFile

import pyarrow as pa

from pipelines.errors import SourceError

READ_AHEAD_BYTES = 1 << 20
"""Bytes asked for at once: few enough for memory, and enough for a request to be worth it."""
MOST_UNPACKED_BYTES = 1 << 30
"""Bytes that may come of a packed file, however small it is: a run reads that many in seconds."""
MOST_UNPACKED_RATIO = 100
"""Times its own size that a larger one may hold: exports come to 5 to 30, and text made of the same
few records over and over to 60, while a bomb is made for a thousand or more."""
FAULTS = (OSError, EOFError, zlib.error, BadZipFile, pa.ArrowException)
"""What the system and the unpackers raise for a file that cannot be read on."""

Explain = Callable[[Exception, int], SourceError]
"""Makes the error of a fault behind so many bytes."""


class Readable(Protocol):
    """What a stream reads from."""

    def read(self, size: int, /) -> bytes:
        """Give some of the next bytes; none at the end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Meter:
    """Counts the bytes that were read of sources where they lie, for those who show progress."""

    taken_bytes = 0


METER = Meter()
"""Of this process, which reads one source after the other."""


class SourceStream(io.RawIOBase):
    """Bytes of a source; whatever goes wrong is a SourceError."""

    def __init__(
        self,
        inner: Readable,
        explain: Explain,
        check: Callable[[int], None] | None = None,
        *,
        is_place: bool = False,
    ) -> None:
        """Read from something.

        Args:
            inner: What is read; closed with this.
            explain: What to make of a fault.
            check: Called with the number of bytes read so far; refuses what goes too far.
            is_place: Whether it is the source as it lies there, and not what is unpacked of it.
        """
        self._inner = inner
        self._explain = explain
        self._check = check
        self._is_place = is_place
        self._position = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say whether it can be read here and there."""
        return isinstance(self._inner, io.IOBase) and self._check is None and self._inner.seekable()

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        try:
            data = self._inner.read(len(buffer))
        except FAULTS as error:
            raise self._explain(error, self._position) from error
        buffer[: len(data)] = data
        self._position += len(data)
        if self._is_place:
            METER.taken_bytes += len(data)
        if self._check is not None:
            self._check(self._position)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go elsewhere."""
        if not self.seekable():
            raise io.UnsupportedOperation("seek")
        try:
            self._position = self._inner.seek(offset, whence)  # type: ignore[attr-defined]
        except FAULTS as error:
            raise self._explain(error, self._position) from error
        return self._position

    def tell(self) -> int:
        """Say how far it is read."""
        return self._position

    def close(self) -> None:
        """Close what it is read from."""
        if not self.closed:
            super().close()
            self._inner.close()


def open_stream(
    inner: Readable,
    explain: Explain,
    check: Callable[[int], None] | None = None,
    *,
    is_place: bool = False,
) -> BinaryIO:
    """Give a file that reads from something; see `SourceStream`."""
    stream = SourceStream(inner, explain, check, is_place=is_place)
    return io.BufferedReader(stream, READ_AHEAD_BYTES)


def open_local(path: Path) -> BinaryIO:
    """Open a plain file of this machine.

    Raises:
        SourceError: It cannot be read; likewise later.
    """

    def explain(error: Exception, _: int) -> SourceError:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        return SourceError(f"Cannot read {path}: {reason}.")

    try:
        return open_stream(path.open("rb", buffering=0), explain, is_place=True)
    except OSError as error:
        raise explain(error, 0) from error


def refuse_unpacked(name: str, unpacked_bytes: int, packed_bytes: int) -> None:
    """Refuse a packed source that unpacks to more than anything honest.

    Args:
        name: The source.
        unpacked_bytes: What it has come to so far.
        packed_bytes: What that was made of.

    Raises:
        SourceError: It is too much.
    """
    if unpacked_bytes > max(MOST_UNPACKED_BYTES, MOST_UNPACKED_RATIO * packed_bytes):
        raise SourceError(
            f"{name} unpacks to more than {MOST_UNPACKED_BYTES:,} bytes and to more than "
            f"{MOST_UNPACKED_RATIO} times its size, as files do that are made to fill a disk. "
            "If it is meant to, unpack it yourself, or write it as CSV, and name the result."
        )


class PrivateCopy:
    """A copy of a stream in a temporary file without a name: nobody else can open it.

    It is gone once nobody holds it, however the process ends.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Copy a stream to its end.

        Raises:
            SourceError: It cannot be read, or there is no room.
        """
        self._name = name
        self.size_bytes = 0
        digest = hashlib.sha256()
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (open as long as this)
        except OSError as error:
            raise self._no_room(error) from error
        while part := stream.read(READ_AHEAD_BYTES):
            digest.update(part)
            self.size_bytes += len(part)
            try:
                rest = memoryview(part)
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError as error:
                raise self._no_room(error) from error
        self.sha256 = digest.hexdigest()

    def open(self) -> BinaryIO:
        """Open it at its start, any number of times at once."""

        def explain(error: Exception, _: int) -> SourceError:
            return SourceError(f"Cannot read the copy of {self._name}: {error}.")

        return open_stream(_Window(self._file), explain, is_place=True)

    def _no_room(self, error: OSError) -> SourceError:
        return SourceError(
            f"{self._name} cannot be copied to a temporary file in {tempfile.gettempdir()}: "
            f"{error.strerror}. Make room there, or set TMPDIR to another folder."
        )


class _Window(io.RawIOBase):
    """A position of its own in a file that others read too; keeps the file open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._file.fileno(), len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = 0
        if whence == os.SEEK_CUR:
            start = self._position
        elif whence == os.SEEK_END:
            start = os.fstat(self._file.fileno()).st_size
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

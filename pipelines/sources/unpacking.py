"""Unpacking: all members, streams or frames of a packed file, or an error; never a short read."""

from bz2 import BZ2Decompressor
from typing import BinaryIO

import pyarrow as pa

from pipelines.sources.base import Packing
from pipelines.sources.streams import Readable

BLOCK_BYTES = 1 << 16
"""Packed bytes read at once."""


class CountedFile:
    """A file that counts what is read from it."""

    def __init__(self, file: BinaryIO) -> None:
        """Read from a file, from where it is."""
        self._file = file
        self.taken_bytes = 0

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._file.closed

    def read(self, size: int) -> bytes:
        """Read the next bytes."""
        data = self._file.read(size)
        self.taken_bytes += len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def unpack(file: CountedFile, packing: Packing) -> Readable:
    """Give what unpacks a file; it closes the file."""
    return _Bunzip(file) if packing is Packing.BZIP2 else _Unpacked(file, packing)


class _Unpacked:
    """gzip and zstd, by pyarrow."""

    def __init__(self, file: CountedFile, packing: Packing) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), packing.value)
        self._file = file

    def read(self, size: int) -> bytes:
        return bytes(self._stream.read(size))

    def close(self) -> None:
        self._file.close()


class _Bunzip:
    """bzip2; pyarrow stumbles over streams that are empty, and bz2.BZ2File ignores what follows."""

    def __init__(self, file: CountedFile) -> None:
        self._file = file
        self._stream = BZ2Decompressor()
        self._packed = b""
        """Read and not yet handed to the stream."""
        self._is_begun = False

    def read(self, size: int) -> bytes:
        while True:
            if self._stream.eof:
                self._packed = self._stream.unused_data
                self._stream, self._is_begun = BZ2Decompressor(), False
            if not self._packed and self._stream.needs_input:
                self._packed = self._file.read(BLOCK_BYTES)
                if not self._packed and self._is_begun:
                    raise EOFError("its end is missing")
                if not self._packed:
                    return b""
            data = self._stream.decompress(self._packed, size)
            self._packed, self._is_begun = b"", True
            if data:
                return data

    def close(self) -> None:
        self._file.close()

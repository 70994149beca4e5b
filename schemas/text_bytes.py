"""The bytes of a text column, to rule something out for all of its values in one go.

A pattern costs about 20 ns for each value; a look at the bytes of all of them a tenth of that.
"""

from typing import Final

import polars as pl

CONTROL: Final = bytes(byte for byte in range(0x20) if byte not in b"\t\n\r") + b"\x7f"
"""C0 without tab and line breaks, and DEL."""
ESCAPED_IN_JSON: Final = bytes(range(0x20)) + b'"\\'
"""What JSON writes otherwise in a text (RFC 8259, section 7)."""


def read_bytes(texts: pl.Series) -> bytes:
    """Give the UTF-8 of all values, one behind the other; nulls have none."""
    array = texts.alias("texts").rechunk().to_arrow()  # a name with a NUL would end the process
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return b""
    places = memoryview(offsets).cast("q")
    return bytes(memoryview(data)[places[array.offset] : places[array.offset + len(array)]])


def holds_any(data: bytes, unwanted: bytes) -> bool:
    """Say whether any of the unwanted ASCII bytes is among the data."""
    return len(data.translate(None, unwanted)) != len(data)

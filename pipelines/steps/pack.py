"""Pack: encoded items into batches, and batches into bytes without touching single rows."""

import zlib
from collections.abc import Iterable, Sequence

import polars as pl
import pyarrow as pa

from schemas.batch import Batch, BatchLimits


class ItemBuffer:
    """The encoded items of a shipment in one piece of memory, joined by commas.

    A batch's items are a slice of it, so assembling a request body is one copy.
    """

    def __init__(self, parts: Iterable[pl.Series]) -> None:
        """Join the items.

        Args:
            parts: JSON texts, one per row, no nulls; partition by partition, at least one. Each is
                copied before the next is asked for: a few rows would hold on to the whole of the
                column that they were picked from.
        """
        texts = list(map(_copy, parts))  # holds on to none of them, as a loop's variable would
        joined = texts[0] if len(texts) == 1 else pa.concat_arrays(texts)
        _, offsets, data = joined.buffers()
        self._offsets = memoryview(offsets).cast("q")[joined.offset :] if len(joined) else ()
        self._data = memoryview(data) if data is not None else memoryview(b"")
        self._count = len(joined)

    def __len__(self) -> int:
        """Count the items."""
        return self._count

    def crc32(self) -> int:
        """Give a checksum that tells these items from others."""
        return zlib.crc32(self._data)

    def payload(self, start: int, stop: int) -> bytes:
        """Give items `start` to `stop` (exclusive), comma-separated, without brackets."""
        if start == stop:
            return b""
        return bytes(self._data[self._offsets[start] : self._offsets[stop] - 1])

    def payload_bytes(self, start: int, stop: int) -> int:
        """Measure what `payload` would give."""
        return self._offsets[stop] - self._offsets[start] - 1 if start < stop else 0


def _copy(items: pl.Series) -> pa.Array:
    return pa.array((items + ",").rechunk().to_arrow(), type=pa.large_string())


def pack_batches(items: ItemBuffer, limits: BatchLimits) -> Sequence[Batch]:
    """Group items into requests that the destination accepts.

    Greedy and order-preserving: equal input gives equal ordinals, which resuming relies on. A
    single item over the byte limit still gets a batch of its own; `encode` refuses such items.

    Args:
        items: The shipment's items, in row order.
        limits: Items and bytes per request.
    """
    batches: list[Batch] = []
    start = 0
    while start < len(items):
        stop = min(start + limits.max_items, len(items))
        while stop - start > 1 and items.payload_bytes(start, stop) > limits.max_payload_bytes:
            stop = start + max(1, (stop - start) // 2)
        batches.append(Batch(len(batches), start, stop))
        start = stop
    return batches

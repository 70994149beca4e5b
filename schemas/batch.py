"""Batches: how the items of a shipment are grouped into requests."""

from dataclasses import dataclass
from typing import Protocol

DEFAULT_IN_FLIGHT = 4
"""Requests in flight where no quota is known: enough to hide a round trip, few for a server."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one request may hold."""

    max_items: int
    """Items per request."""
    max_payload_bytes: int
    """Bytes of the items of one request, separators included."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One request's worth of items: positions `start` to `stop` (exclusive) of a shipment."""

    ordinal: int
    """Number of the batch within its shipment, from 0; equal input gives equal ordinals."""
    start: int
    """Position of the first item."""
    stop: int
    """Position behind the last item."""

    def __len__(self) -> int:
        """Count the items."""
        return self.stop - self.start


class Payloads(Protocol):
    """The encoded items of a shipment, by position."""

    def __len__(self) -> int:
        """Count the items."""
        ...

    def payload(self, start: int, stop: int) -> bytes:
        """Give items `start` to `stop` (exclusive), comma-separated, without brackets."""
        ...

"""Shipments: due rows of consecutive partitions, which one delivery task sends."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shipment:
    """What one delivery task sends: the due rows of its partitions, one after the other."""

    number: int
    """Which of the run's shipments, from 0."""
    partitions: tuple[int, ...]
    """Numbers of the partitions, in order."""
    due: tuple[int, ...]
    """Due rows of each of them; at least one."""

    def __len__(self) -> int:
        """Count the items."""
        return sum(self.due)

    def slices(self) -> Iterator[tuple[int, "ShipmentSlice"]]:
        """Give the partitions, each with its slice of the positions."""
        start = 0
        for partition, due in zip(self.partitions, self.due, strict=True):
            is_last = start + due == len(self)
            yield partition, ShipmentSlice(self.number, start, None if is_last else start + due)
            start += due


@dataclass(frozen=True, slots=True)
class ShipmentSlice:
    """The positions of one partition's due rows among the items of its shipment."""

    shipment: int
    """Number of the shipment."""
    start: int
    """Position of the first one."""
    stop: int | None
    """Position behind the last one; None for the last partition, so that an answer for an item
    that there is not is somebody's, and found."""

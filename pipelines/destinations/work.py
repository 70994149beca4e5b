"""The work on one shipment: its batches, and what the sending threads found out about them."""

import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from pipelines.destinations.base import Answer
from pipelines.destinations.delivery import Delivery, SendCounts, find_runs
from schemas.batch import Batch, Payloads
from schemas.outcomes import Outcome


class Journal(Protocol):
    """Writes answers down as they come."""

    def __call__(self, deliveries: Sequence[Delivery], counts: SendCounts) -> None:
        """Keep final answers, and the counts since the call before.

        Raises:
            StorageError: They cannot be written; sending stops.
        """
        ...


class ShipmentWork:
    """What the threads that send a shipment share, behind one lock."""

    def __init__(
        self,
        items: Payloads,
        batches: Iterable[Batch],
        answered: frozenset[int],
        journal: Journal,
    ) -> None:
        """Begin; see `Sender.deliver`."""
        self._items = items
        self._batches = iter(batches)
        self._answered = answered
        self._journal = journal
        self._lock = threading.Lock()
        self._counts = SendCounts()
        self.all_taken = threading.Event()
        """Set when no batch is left to take, or nobody takes one any more."""

    def take(self) -> Batch | None:
        """Give the next batch, each to one thread; None when all are taken."""
        with self._lock:
            batch = next(self._batches, None)
        if batch is None:
            self.all_taken.set()
        return batch

    def note_idle(self, *, is_stopped: bool) -> None:
        """A thread takes no more batches."""
        if is_stopped:
            self.all_taken.set()

    def unanswered(self, batch: Batch) -> Sequence[int]:
        """Give the positions of a batch that are still to be sent."""
        positions = range(batch.start, batch.stop)
        if not self._answered:
            return positions
        return [position for position in positions if position not in self._answered]

    def payload(self, positions: Sequence[int]) -> bytes:
        """Give the items at these positions, comma-separated."""
        first, last = positions[0], positions[-1]
        if isinstance(positions, range):
            return self._items.payload(first, last + 1)
        return b",".join(map(self.read_item, positions))

    def read_item(self, position: int) -> bytes:
        """Give one item."""
        return self._items.payload(position, position + 1)

    def sample(self, count: int) -> list[bytes]:
        """Give so many unanswered items, or fewer, from all over the shipment."""
        open_ones = self.unanswered(Batch(0, 0, len(self._items)))
        return [self.read_item(p) for p in open_ones[:: max(1, -(-len(open_ones) // count))]]

    def halves(self, positions: Sequence[int]) -> list[Sequence[int]]:
        """Split into two parts of about equal bytes, neither empty; the first comes last."""
        sizes = [len(self.read_item(position)) for position in positions]
        left, total, cut = 0, sum(sizes), 1
        for cut in range(1, len(sizes)):
            left += sizes[cut - 1]
            if left * 2 >= total:
                break
        return [positions[cut:], positions[:cut]]

    def count(self, **increments: int) -> None:
        """Add to the counts."""
        with self._lock:
            self._counts.add(SendCounts(**increments))

    def settle(
        self, positions: Sequence[int], outcome: Outcome, code: str | None, answer: Answer
    ) -> None:
        """Write a final answer down."""
        # A service may send what is no text, such as half of a surrogate pair.
        message = answer.message.encode(errors="replace").decode() or None
        request_id = answer.request_id
        deliveries = [
            Delivery(start, stop, outcome.value, code, message, request_id)
            for start, stop in find_runs(positions)
        ]
        with self._lock:
            self._journal(deliveries, self._counts)
            self._counts = SendCounts()  # not before they are written

    def flush_counts(self) -> None:
        """Write down the counts of what led to no answer."""
        with self._lock:
            if self._counts != SendCounts():
                self._journal([], self._counts)
                self._counts = SendCounts()

"""What sending reports: final answers by position, and what it took to get them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """A final answer for the items at positions `start` to `stop` (exclusive)."""

    start: int
    stop: int
    outcome: str
    code: str | None
    message: str | None
    request_id: str | None


@dataclass(slots=True)
class SendCounts:
    """What sending took."""

    requests: int = 0
    """Requests made, repeated ones included."""
    retries: int = 0
    """Requests made again after a failure or throttling."""
    throttled: int = 0
    """Answers that asked to slow down."""
    splits: int = 0
    """Requests of several items that were refused and had to be taken apart."""
    bytes_sent: int = 0
    """Bytes of all items sent, repeated ones included."""

    def add(self, other: "SendCounts") -> None:
        """Add other counts to these."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


def find_runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give what positions cover as ranges (start, stop), in ascending order.

    >>> list(find_runs([4, 5, 9, 3]))
    [(3, 6), (9, 10)]
    """
    ordered = sorted(positions)
    start = 0
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or ordered[end] != ordered[end - 1] + 1:
            yield ordered[start], ordered[end - 1] + 1
            start = end

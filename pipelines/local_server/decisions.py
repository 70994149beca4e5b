"""Decides, request by request, which trouble it meets; and counts. No sockets, no waiting."""

import math
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from pipelines.local_server.faults import BREAKS
from pipelines.local_server.options import ServerOptions

OVER_QUOTA = "429"
"""What a request over the quota meets; the same kind as the fault."""


class Decision(NamedTuple):
    """What becomes of one request."""

    kind: str | None
    """The kind of `Fault` that it meets; None for none."""
    pause_s: float
    """How long its answer is held back, in seconds."""


class QuotaBucket:
    """A token bucket that starts full and holds one second's worth of requests, at least one."""

    def __init__(self, requests_per_second: float, monotonic: Callable[[], float]) -> None:
        self._rate = requests_per_second
        self._capacity = max(1.0, requests_per_second)
        self._tokens = self._capacity
        self._monotonic = monotonic
        self._filled_at_s = monotonic()

    def take(self) -> bool:
        """Take a token if there is one; being refused costs nothing."""
        now_s = self._monotonic()
        earned = (now_s - self._filled_at_s) * self._rate
        self._tokens = min(self._capacity, self._tokens + earned)
        self._filled_at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Decisions:
    """Gives one decision per request.

    The quota comes first: over it, nothing else happens. Every request uses up its draw all the
    same, so the n-th request meets the n-th draw whatever the latency and the quota are.
    """

    def __init__(self, options: ServerOptions, monotonic: Callable[[], float]) -> None:
        self._random = random.Random(options.seed)  # noqa: S311 - chance, not secrecy
        shares = [fault.share for fault in options.faults]
        self._kinds = [*(fault.kind for fault in options.faults), None]
        self._weights = [*shares, 1 - math.fsum(shares)]
        self._latency = options.latency or (0.0, 0.0)
        self._bucket = QuotaBucket(options.quota, monotonic) if options.quota else None
        self._counts: Counter[str | None] = Counter()

    def decide(self) -> Decision:
        """Decide about the next request."""
        kind = self._random.choices(self._kinds, self._weights)[0]
        pause_s = self._random.uniform(*self._latency)
        if self._bucket is not None and not self._bucket.take():
            kind = OVER_QUOTA
        self._counts[kind] += 1
        return Decision(kind, pause_s)

    def summary(self) -> str:
        """Say in one line what the requests so far have met."""
        counts = self._counts
        statuses = sorted(kind for kind in counts if kind is not None and kind not in BREAKS)
        requests = counts.total()
        parts = [
            f"{requests:,} request{'s' * (requests != 1)}",
            f"{counts[None]:,} answered as usual",
            *(f"{counts[status]:,} of {status}" for status in statuses),
            *(f"{counts[kind]:,} {kind}" for kind in BREAKS if kind in counts),
        ]
        return f"Rehearsal: {', '.join(parts)}"

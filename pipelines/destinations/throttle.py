"""Pace: a token bucket in front of every request. Time is injected."""

import threading

from pipelines.destinations.retry import Clock


class TokenBucket:
    """Lets through so many requests per second, one at a time, without a burst.

    Thread-safe. The first request passes at once, each further one a period after the one before.
    """

    def __init__(self, requests_per_second: float | None, clock: Clock) -> None:
        """Start with the first request due now; no rate means no waiting."""
        self._period_s = 1 / requests_per_second if requests_per_second else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next_s = clock.monotonic()

    def acquire(self) -> None:
        """Wait until the next request may go out."""
        if not self._period_s:
            return
        with self._lock:
            due_s = max(self._next_s, self._clock.monotonic())
            self._next_s = due_s + self._period_s
        wait_s = due_s - self._clock.monotonic()
        if wait_s > 0:
            self._clock.sleep(wait_s)

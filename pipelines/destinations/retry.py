"""Retrying: who may try again, how long to wait, and when to give up. Time is injected."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SLICE_S = 0.1
"""Longest that a waiting thread does not look whether its wait is over, in seconds."""


def _never() -> bool:
    return False


class Clock(Protocol):
    """The two things that sending needs of time; tests bring one that does not wait."""

    def monotonic(self) -> float:
        """Give seconds since some moment."""
        ...

    def sleep(self, seconds: float, is_over: Callable[[], bool] = _never) -> None:
        """Wait; come back early once `is_over` says so."""
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Give seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float, is_over: Callable[[], bool] = _never) -> None:
        """Wait; come back early once `is_over` says so."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0 and not is_over():
            time.sleep(min(left_s, SLICE_S))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full-jitter exponential backoff within a budget per batch.

    The defaults give a batch that alone fails about twenty seconds.
    """

    base_s: float = 0.1
    """Upper bound of the first wait, in seconds; it doubles with each attempt."""
    cap_s: float = 8.0
    """Upper bound of any wait, in seconds."""
    max_attempts: int = 12
    """Requests for one batch, the first included, before the run is stopped. A service that answers
    nobody is given up by the run's circuit breaker."""
    max_attempts_throttled: int = 120
    """The same for answers that ask to slow down, which are waited for by the pace alone: with four
    in flight about eight minutes of nothing else."""

    def wait_s(self, attempt: int, draw: random.Random) -> float:
        """Give the seconds to wait after failed attempt number `attempt`, counted from 1."""
        return draw.uniform(0, min(self.cap_s, self.base_s * 2 ** min(attempt - 1, 30)))

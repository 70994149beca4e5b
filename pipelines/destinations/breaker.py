"""Circuit breaker: what all threads of a run know about whether the service answers at all.

A batch that alone fails is the retry policy's concern. When nothing but failures comes, the
service is down: then one request at a time, after growing waits, asks whether it is back, instead
of every thread hammering it, and after long enough the run is given up.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.destinations.retry import SLICE_S, Clock


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to stop asking, when to ask again, and when to give up."""

    failures_in_a_row: int = 10
    """Failures without an answer between them, over all threads, that open the breaker. Ten, so
    that one hiccup which the usual few threads meet at once does not, nor do failures at random: if
    30 % of the requests fail, ten in a row come once in 240,000 requests and cost one short
    cool-down; if 5 % do, they practically never come."""
    base_s: float = 0.5
    """Upper bound of the first cool-down, in seconds; it doubles with each probe that fails."""
    cap_s: float = 15.0
    """Upper bound of any cool-down, in seconds."""
    give_up_after_s: float = 120.0
    """Seconds without an answer since it opened, after which the run is given up: a restart or a
    failover takes a minute."""
    give_up_unanswered_after_s: float = 15.0
    """The same while the service has never answered in this run: it is probably not there."""
    probe_timeout_s: float = 60.0
    """Seconds after which a probe without a result counts as lost; a request ends sooner."""

    def cool_down_s(self, number: int, draw: random.Random) -> float:
        """Give the seconds to wait before probe number `number`, counted from 1: full jitter."""
        return draw.uniform(0, min(self.cap_s, self.base_s * 2 ** min(number - 1, 30)))


class CircuitBreaker:
    """Closed, requests pass. Open, they wait; one at a time passes as a probe. Thread-safe.

    A result does not say which request it belongs to, so that a request from before the breaker
    opened may pass for the probe: its answer closes the breaker with good reason, and its failure
    only adds a cool-down.
    """

    def __init__(
        self, clock: Clock, draw: random.Random, policy: BreakerPolicy = BreakerPolicy()
    ) -> None:
        """Start closed.

        Args:
            clock: Time.
            draw: Where jitter comes from.
            policy: When to open, to ask again and to give up.
        """
        self._clock = clock
        self._draw = draw
        self._policy = policy
        self._changed = threading.Condition()
        self._has_answered = False
        self._failures = 0
        self._opened_s: float | None = None
        self._probes = 0
        self._next_probe_s = 0.0
        self._probe_lost_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether requests have to wait."""
        return self._opened_s is not None

    def acquire(self, is_over: Callable[[], bool]) -> None:
        """Wait until a request may go out, or `is_over`."""
        while not is_over():
            with self._changed:
                now_s = self._clock.monotonic()
                if self._opened_s is None:
                    return
                if self._probe_lost_s is not None and now_s < self._probe_lost_s:
                    # Its result, not time, is what is waited for; a slice, to look at `is_over`.
                    self._changed.wait(SLICE_S)
                    continue
                wait_s = self._next_probe_s - now_s
                if wait_s <= 0:
                    self._probe_lost_s = now_s + self._policy.probe_timeout_s
                    return
            self._clock.sleep(wait_s, lambda: is_over() or self._opened_s is None)

    def note_answer(self) -> None:
        """Learn that the service answered, whatever it said: requests may pass."""
        with self._changed:
            self._has_answered = True
            self._failures = 0
            if self._opened_s is not None:
                self._opened_s = None
                self._changed.notify_all()

    def note_failure(self) -> bool:
        """Learn that a request got no good answer; say whether the run should be given up."""
        with self._changed:
            now_s = self._clock.monotonic()
            self._failures += 1
            if self._opened_s is None:
                if self._failures < self._policy.failures_in_a_row:
                    return False
                self._opened_s = now_s
                self._probes = 0
                self._cool_down(now_s)
            elif self._probe_lost_s is not None:
                self._cool_down(now_s)
            limit_s = (
                self._policy.give_up_after_s
                if self._has_answered
                else self._policy.give_up_unanswered_after_s
            )
            return now_s - self._opened_s > limit_s

    def _cool_down(self, now_s: float) -> None:
        self._probes += 1
        self._next_probe_s = now_s + self._policy.cool_down_s(self._probes, self._draw)
        self._probe_lost_s = None
        self._changed.notify_all()

"""Pace: the requests per second that all threads of a run share. Time is injected.

One thread at a time waits for the next slot; the others stand in line behind it, so that a new
pace holds at once. Where the quota is known, that is all: slots one period apart.

Where it is not, 429 answers tell it. Slowing down at each would starve the run when a service
throttles at random, so the quota is *measured*: a probe asks for somewhat more than was taken so
far, the first 429 says that the service's burst is used up, and what it takes of the next requests
is its quota. That pace is held for a while, until the next probe. 429s change nothing while it is
held unless they are most of the answers: then the quota has dropped. A probe without a 429 is
followed by faster ones. Random 429s hardly slow the run down, as the probes make up for them.
"""

import math
import threading
from collections.abc import Callable

from pipelines.destinations.retry import Clock

PROBE_GAIN = 1.4
"""How much more a probe asks for than was taken; makes up for 1 - 1/1.4 = 28 % of random 429s. The
most with which no run of 2 to 16 in flight at 1 to 200 ms was throttled more than 10 %."""
MEASURED_ANSWERS = 20
"""Answers that make a measurement: more than are in flight, and good for 7 %."""
HOLD_ANSWERS = 200
"""Answers from one probe to the next. A probe costs some 7 429s, so 3 % of the requests, and what
it measures too high about as many again."""
FEW_TAKEN = 0.4
"""Share taken below which the pace is far off, and to be measured again. 20 % of random 429s come
below it once in 60,000 measurements."""
LARGEST_DROP = 4
"""Largest factor by which a measurement lowers the pace: none taken of 20 says little more."""
STEP_GAIN = 2.0
"""Factor of a step up while there is no 429."""
STEP_S = 3.0
"""Time without a 429 before a step up, in seconds: the usual burst, of one second's worth, lasts
2.5 s at 1.4 times the quota."""
SLOWEST_RPS = 1.0
"""The adaptive pace falls no lower, in requests per second, or it would take minutes to recover.
What a gap between answers has more than its period is idle time."""
LATE_S = 0.1
"""Lateness of a thread that the next ones catch up, in seconds: several ticks of a busy machine."""
JITTER_S = 0.02
"""How much nearer than they left two requests may arrive, in seconds."""


def lower_rate(asked: float | None, quota: float | None) -> float | None:
    """Give the pace of an operation whose quota is its own; None where there is no limit.

    Args:
        asked: Requests per second that updates may take (--rate).
        quota: Those that this operation may.
    """
    return min((rate for rate in (asked, quota) if rate is not None), default=None)


class Pace:
    """Says when the next request may go out. Thread-safe; one for all that is sent in a run."""

    def __init__(self, ceiling: float | None, clock: Clock) -> None:
        """Start with the first request due now, at the ceiling.

        Args:
            ceiling: Requests per second that are never exceeded; None or 0 for no known limit.
            clock: Time.
        """
        self._ceiling = ceiling or math.inf
        self._clock = clock
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._tickets = 0
        self._due_s = self._noted_s = clock.monotonic()
        self._set(self._ceiling, hold=0)

    @property
    def requests_per_second(self) -> float | None:
        """The pace now; None while it is unlimited."""
        with self._lock:
            pace = self._pace()
        return None if math.isinf(pace) else pace

    def hold_back(self) -> None:
        """Let the next request wait a period, as if one had just gone out; not without a limit.

        For a pace that goes on where another process left off.
        """
        with self._lock:
            if not math.isinf(self._ceiling):
                self._due_s = max(self._due_s, self._clock.monotonic() + 1 / self._pace())

    def acquire(self, is_over: Callable[[], bool]) -> int:
        """Wait until the next request may go out, or `is_over`; give the request's ticket."""
        with self._turn:
            ticket, wait_s = self.reserve()
            if wait_s > 0:
                self._clock.sleep(wait_s, is_over)
        return ticket

    def reserve(self) -> tuple[int, float]:
        """Take the next slot without waiting for it: give its ticket and the seconds until then.

        A service that counts requests lets a second's worth pass at once, and at least one. Half of
        what that leaves is used to catch up lateness, half is for jitter on the way; a quota up to
        1/s leaves nothing, and its slots are a little further apart instead.
        """
        with self._lock:
            period_s = 1 / self._pace()
            spare_s = (max(1.0, period_s) - period_s) / 2
            now_s = self._clock.monotonic()
            due_s = max(self._due_s, now_s - min(LATE_S, spare_s))
            self._due_s = due_s + period_s + max(0.0, JITTER_S - spare_s)
            self._has_held_back |= due_s > now_s
            self._tickets += 1
            return self._tickets - 1, max(0.0, due_s - now_s)

    def note_accepted(self) -> None:
        """Learn that the service took a request."""
        with self._lock:
            self._note(is_taken=True)

    def note_throttled(self, ticket: int) -> None:
        """Learn that the request with this ticket was answered by 429."""
        with self._lock:
            # A request from before the last change says nothing about the pace since.
            if ticket >= self._first_ticket:
                self._note(is_taken=False)

    def _pace(self) -> float:
        return min(self._proven * (1 if self._hold else PROBE_GAIN), self._ceiling)

    def _set(self, proven: float, hold: int) -> None:
        self._proven = min(max(proven, SLOWEST_RPS), self._ceiling)
        self._hold = hold
        self._first_ticket = self._tickets
        self._has_held_back = False
        self._clean_s = 0.0
        self._count_anew(is_measuring=False)

    def _count_anew(self, is_measuring: bool) -> None:
        self._is_measuring = is_measuring
        self._answers = self._taken = 0
        self._busy_s = 0.0

    def _note(self, is_taken: bool) -> None:
        now_s = self._clock.monotonic()
        passed_s = min(now_s - self._noted_s, 1 / SLOWEST_RPS)
        self._busy_s += passed_s
        self._clean_s = self._clean_s + passed_s if is_taken else 0.0
        self._noted_s = now_s
        self._answers += 1
        self._taken += is_taken
        is_holding = self._hold > 0
        self._hold = max(0, self._hold - 1)
        if is_holding and not self._hold:
            self._set(self._proven, hold=0)
        elif not is_taken and not self._is_measuring:
            self._count_anew(is_measuring=True)
        elif self._clean_s >= STEP_S and not is_holding:
            # A pace that has not held anything back is none.
            self._set(self._proven * STEP_GAIN if self._has_held_back else math.inf, hold=0)
        elif self._is_measuring and self._answers >= MEASURED_ANSWERS:
            self._conclude(is_holding)

    def _conclude(self, is_holding: bool) -> None:
        """End a measurement, and set the pace by it if it says something new."""
        share = self._taken / self._answers
        if is_holding and share >= FEW_TAKEN:
            self._count_anew(is_measuring=False)
            return
        taken = max(self._taken, self._answers / LARGEST_DROP)
        hold = HOLD_ANSWERS if share >= FEW_TAKEN else 0
        self._set(taken / max(self._busy_s, 1e-6), hold)

"""Simulates imports as queues, to check the closed form of `scale_model`.

Partitions are prepared one after the other; then requests of each run wait for a slot of the pace
(the real one, `destinations.throttle`), for the run's processor, for the service, and, where it
answers 429, are sent again. Virtual time, few requests: rates converge long before a billion rows.
"""

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from benchmarks.scale_model import Constants, Service, Site
from pipelines.destinations.throttle import Pace
from schemas.limits import BATCH_ITEMS

ANSWER_SPREAD = 0.5
"""Spread of answer times: sigma of their logarithm; one in a hundred takes three times the mean."""
PREPARE_SPREAD = 0.2
"""Likewise of the time to prepare a partition."""


class Turn:
    """Something that one process at a time has; the others stand in line."""

    def __init__(self, clock: "Clock") -> None:
        """Start free."""
        self._clock = clock
        self._is_taken = False
        self._line: deque[Process] = deque()

    def take(self, process: "Process") -> bool:
        """Take it, or stand in line for it."""
        if self._is_taken:
            self._line.append(process)
            return False
        self._is_taken = True
        return True

    def leave(self) -> None:
        """Hand it to the next in line, if there is one."""
        if self._line:
            self._clock.start(self._line.popleft())
        else:
            self._is_taken = False


Process = Generator[float | Turn, None, None]
"""Yields the seconds that it waits, or what it wants its turn of."""


class Clock:
    """Virtual time, and the processes that live in it."""

    def __init__(self) -> None:
        """Start at zero."""
        self._now_s = 0.0
        self._events: list[tuple[float, int, Process]] = []
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        """Give the time, as `Pace` wants to know it."""
        return self._now_s

    def start(self, process: Process, after_s: float = 0.0) -> None:
        """Let a process go on then."""
        heapq.heappush(self._events, (self._now_s + after_s, next(self._numbers), process))

    def run(self) -> float:
        """Go on until no process is left; give the time."""
        while self._events:
            self._now_s, _, process = heapq.heappop(self._events)
            for wanted in process:
                if isinstance(wanted, Turn):
                    if wanted.take(process):
                        continue
                else:
                    self.start(process, wanted)
                break
        return self._now_s


class Bucket:
    """A service's quota: one second's worth of requests, at least one, is in reserve."""

    def __init__(self, quota: float | None, clock: Clock) -> None:
        """Start full."""
        self._quota = quota or math.inf
        self._clock = clock
        self._most = max(1.0, self._quota)
        self._left = self._most
        self._filled_s = 0.0

    def takes(self) -> bool:
        """Say whether a request that arrives now is within the quota."""
        if math.isinf(self._quota):
            return True
        now_s = self._clock.monotonic()
        earned = (now_s - self._filled_s) * self._quota
        self._left, self._filled_s = min(self._most, self._left + earned), now_s
        if self._left < 1 - 1e-9:  # what floats lose in adding up is no lack
            return False
        self._left -= 1
        return True


@dataclass
class Tally:
    """What a simulation comes to."""

    seconds: float = 0.0
    taken: int = 0
    throttled: int = 0


@dataclass
class SimulatedRun:
    """One run: its partitions, its processor, its pace."""

    constants: Constants
    rows: int
    partition_rows: int
    service: Service
    told_rate: float | None
    """Requests per second that --rate says; None to find out."""
    clock: Clock
    bucket: Bucket
    wire: Turn
    wire_s: float
    """What a request takes on the wire that all runs share."""
    tally: Tally
    draw: random.Random

    def go(self) -> Process:
        """Prepare all partitions, then let the lanes send."""
        for rows in self._partitions():
            # The spread's own mean is taken out, so that partitions take what was measured.
            spread = self.draw.lognormvariate(-(PREPARE_SPREAD**2) / 2, PREPARE_SPREAD)
            yield rows * self.constants.before_sending_s * spread
        if self.told_rate:  # runs that begin in step stay in step: see docs/scale.md
            yield self.draw.uniform(0, 1 / self.told_rate)
        self._left = math.ceil(self.rows / BATCH_ITEMS.value)
        self._pace = Pace(self.told_rate, self.clock)
        self._line, self._processor = Turn(self.clock), Turn(self.clock)
        for _ in range(self.service.in_flight):
            self.clock.start(self._lane())

    def _partitions(self) -> Iterator[int]:
        for first in range(0, self.rows, self.partition_rows):
            yield min(self.partition_rows, self.rows - first)

    def _lane(self) -> Process:
        while self._left:
            self._left -= 1
            while (yield from self._send_once()) is False:
                self.tally.throttled += 1
            self.tally.taken += 1

    def _send_once(self) -> Generator[float | Turn, None, bool]:
        yield self._line
        ticket, wait_s = self._pace.reserve()
        if wait_s:
            yield wait_s
        self._line.leave()
        yield self._processor
        yield self.draw.expovariate(1e3 / self.constants.request_ms)
        self._processor.leave()
        yield self.wire
        yield self.wire_s
        self.wire.leave()
        spread = self.draw.lognormvariate(-(ANSWER_SPREAD**2) / 2, ANSWER_SPREAD)
        yield self.service.answer_s * spread / 2
        is_taken = self.bucket.takes()
        yield self.service.answer_s * spread / 2
        if is_taken:
            self._pace.note_accepted()
        else:
            self._pace.note_throttled(ticket)
        return is_taken


def simulate(
    constants: Constants,
    rows: int,
    site: Site,
    service: Service,
    *,
    is_quota_told: bool,
    partition_rows: int = 5_000,
    seed: int = 1,
) -> Tally:
    """Simulate an import whose rows are divided evenly among the runs of a site.

    Args:
        constants: What rows and requests take.
        rows: All rows; few are enough, but many requests for each that is in flight.
        site: Where the runs are.
        service: What they send to.
        is_quota_told: Whether each run is told its share of the quota (`--rate`).
        partition_rows: Rows per partition, in proportion to `rows`.
        seed: Of all chance.
    """
    clock, tally = Clock(), Tally()
    bucket = Bucket(service.quota, clock)
    wire = Turn(clock)
    told_rate = service.quota / site.runs if service.quota and is_quota_told else None
    for number in range(site.runs):
        run = SimulatedRun(
            constants=constants,
            rows=rows // site.runs,
            partition_rows=partition_rows,
            service=service,
            told_rate=told_rate,
            clock=clock,
            bucket=bucket,
            wire=wire,
            wire_s=constants.request_bytes / site.wire_bytes_s,
            tally=tally,
            draw=random.Random(f"{seed}/{number}"),
        )
        clock.start(run.go(), constants.startup_s)
    tally.seconds = clock.run()
    return tally

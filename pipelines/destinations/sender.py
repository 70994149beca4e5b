"""Sender: delivers the batches of a partition and says what became of every item.

One batch is retried while the service is in trouble, split while it is refused, and given up only
by stopping the whole run: then it and everything after it has no answer and stays unprocessed.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from pipelines.destinations.base import Answer, AnswerKind, Destination
from pipelines.destinations.retry import Clock, RetryPolicy, SystemClock
from pipelines.destinations.throttle import TokenBucket
from pipelines.errors import (
    DestinationError,
    TerminalDestinationError,
    TransientDestinationError,
)
from schemas.batch import Batch, Payloads
from schemas.issues import SERVICE_REFUSED
from schemas.outcomes import Outcome


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
    """Refused batches that were cut in two."""
    bytes_sent: int = 0
    """Bytes of all items sent, repeated ones included."""

    def add(self, other: "SendCounts") -> None:
        """Add another partition's counts to these."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(slots=True)
class SendResult:
    """What became of a partition's batches."""

    deliveries: list[Delivery]
    """Final answers; items without one were not answered."""
    counts: SendCounts
    """What it took."""
    error: DestinationError | None
    """Why sending stopped, if it did."""


@dataclass
class Sender:
    """Sends batches to a destination from several threads."""

    destination: Destination
    """Where to."""
    max_in_flight: int
    """Threads, and so requests under way at once."""
    requests_per_second: float | None
    """Pace; None is as fast as answers come."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    """When to try again."""
    clock: Clock = field(default_factory=SystemClock)
    """Time."""
    draw: random.Random = field(default_factory=random.Random)
    """Where jitter comes from."""
    should_stop: Callable[[], bool] = lambda: False
    """Asked before each request; what is under way is still finished."""

    def __post_init__(self) -> None:
        """Set the pace; it holds over all partitions that this sender delivers."""
        self._pace = TokenBucket(self.requests_per_second, self.clock)
        self._has_answered = False

    def deliver(
        self,
        items: Payloads,
        batches: Iterable[Batch],
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> SendResult:
        """Send all batches, and come back when every one is answered or sending has stopped.

        Args:
            items: The partition's items.
            batches: Positions that do not overlap.
            on_batch: Called with the number of items after each batch.
        """
        work = _Work(iter(batches))
        with ThreadPoolExecutor(self.max_in_flight, thread_name_prefix="send") as pool:
            for _ in range(self.max_in_flight):
                pool.submit(self._drain, work, items, on_batch).add_done_callback(work.note_crash)
        if work.error is None and work.crash is not None:
            # What was answered is still true: the caller writes it down before it stops.
            work.error = DestinationError(
                f"Sending stopped at an unexpected {type(work.crash).__name__}: {work.crash}."
            )
        return SendResult(work.deliveries, work.counts, work.error)

    def _drain(self, work: "_Work", items: Payloads, on_batch: Callable[[int], None]) -> None:
        for batch in work.take():
            try:
                self._deliver_batch(work, items, batch)
            except _StoppedError:
                return
            except DestinationError as error:
                work.stop(error)
                return
            on_batch(len(batch))

    def _deliver_batch(self, work: "_Work", items: Payloads, batch: Batch) -> None:
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            answer = self._send(work, items.payload(part.start, part.stop))
            if answer.kind is AnswerKind.ACCEPTED:
                work.settle(part, Outcome.ACCEPTED, None, answer)
            elif len(part) == 1:
                work.settle(part, Outcome.REJECTED, SERVICE_REFUSED, answer)
            else:
                work.count(splits=1)
                first, second = part.halves()
                waiting += [second, first]

    def _send(self, work: "_Work", payload: bytes) -> Answer:
        """Send until there is an answer that is about the items."""
        attempt = 0
        answers: Counter[AnswerKind] = Counter()
        while True:
            attempt += 1
            self._pace.acquire()
            work.check_stopped()
            if self.should_stop():
                raise DestinationError("A signal stopped the run; what was in flight was finished.")
            answer = self.destination.send(payload)
            work.count(
                requests=1,
                retries=int(attempt > 1),
                throttled=int(answer.kind is AnswerKind.THROTTLED),
                bytes_sent=len(payload),
            )
            if answer.kind is AnswerKind.TERMINAL:
                raise TerminalDestinationError(answer.message)
            if answer.kind is not AnswerKind.FAILED:
                self._has_answered = True
            if answer.kind not in (AnswerKind.THROTTLED, AnswerKind.FAILED):
                return answer
            # Each kind has its own budget: many requests to slow down are no sign of a failure.
            answers[answer.kind] += 1
            if answers[answer.kind] >= self._max_attempts(answer.kind):
                raise TransientDestinationError(
                    f"{self.destination.name} did not take a batch in {attempt} attempts "
                    f"({answer.message}). Check that it is running and try again."
                )
            self.clock.sleep(self.policy.wait_s(attempt, self.draw))

    def _max_attempts(self, kind: AnswerKind) -> int:
        if kind is AnswerKind.THROTTLED:
            return self.policy.max_attempts_throttled
        if self._has_answered:
            return self.policy.max_attempts
        return self.policy.max_attempts_unanswered


class _StoppedError(Exception):
    """Another thread has stopped the work."""


class _Work:
    """What the sending threads share, behind one lock."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._lock = threading.Lock()
        self.deliveries: list[Delivery] = []
        self.counts = SendCounts()
        self.error: DestinationError | None = None
        self.crash: BaseException | None = None

    def take(self) -> Iterator[Batch]:
        while True:
            with self._lock:
                batch = None if self.error or self.crash else next(self._batches, None)
            if batch is None:
                return
            yield batch

    def stop(self, error: DestinationError) -> None:
        with self._lock:
            if self.error is None:
                self.error = error

    def check_stopped(self) -> None:
        if self.error or self.crash:
            raise _StoppedError

    def note_crash(self, future: object) -> None:
        crash = future.exception()  # type: ignore[attr-defined]
        if crash is not None:
            self.crash = crash

    def count(self, **increments: int) -> None:
        with self._lock:
            self.counts.add(SendCounts(**increments))

    def settle(self, batch: Batch, outcome: Outcome, code: str | None, answer: Answer) -> None:
        delivery = Delivery(
            batch.start,
            batch.stop,
            outcome.value,
            code,
            answer.message or None,
            answer.request_id,
        )
        with self._lock:
            self.deliveries.append(delivery)

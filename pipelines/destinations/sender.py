"""Sender: delivers the batches of a shipment and says what became of every item.

One batch is retried while the service is in trouble, searched for its refused items while it is
refused, and given up only by stopping the whole run: then it and everything after it has no answer
and stays unprocessed. Nobody else retries: botocore's own retries are off (`pinpoint`).
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter, thread_time

from pipelines.destinations.base import Answer, AnswerKind, Destination
from pipelines.destinations.breaker import CircuitBreaker
from pipelines.destinations.concurrency import LOOK_S, Concurrency
from pipelines.destinations.isolate import Lessons, Rejected, isolate
from pipelines.destinations.naming import strip_particulars
from pipelines.destinations.refusal_watch import RefusalWatch
from pipelines.destinations.retry import Clock, RetryPolicy, SystemClock
from pipelines.destinations.throttle import Pace
from pipelines.destinations.work import Journal, ShipmentWork
from pipelines.errors import (
    DestinationError,
    EndpointImportError,
    StoppedError,
    TerminalDestinationError,
    TransientDestinationError,
)
from schemas.batch import Batch, Payloads
from schemas.issues import SERVICE_REFUSED
from schemas.outcomes import Outcome

PROBES = 10
"""Rows spread over a shipment that are tried before a service is said to refuse everything."""


@dataclass
class Sender:
    """Sends batches to a destination from several threads; one for a run, over all shipments."""

    destination: Destination
    """Where to."""
    max_in_flight: int
    """Requests under way at once."""
    requests_per_second: float | None
    """Most requests per second; None where no quota is known."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    """When to try again."""
    clock: Clock = field(default_factory=SystemClock)
    """Time."""
    draw: random.Random = field(default_factory=random.Random)
    """Where jitter comes from."""
    should_stop: Callable[[], bool] = lambda: False
    """Asked before each request; what is under way is still finished."""
    note: Callable[[str], None] = lambda _: None
    """Told of each request that is to be made again, why, and when."""
    find_taken: Callable[[], bytes | None] = lambda: None
    """Gives an item that the service took in an earlier attempt at the run, if there is one."""
    error: EndpointImportError | None = field(default=None, init=False)
    """Why sending has stopped, if it has: for good, in all shipments."""

    def __post_init__(self) -> None:
        """Set up what holds over all shipments."""
        self._pace = Pace(self.requests_per_second, self.clock)
        self._breaker = CircuitBreaker(self.clock, self.draw)
        self._lessons = Lessons()
        self._watch = RefusalWatch()
        self._slots = threading.BoundedSemaphore(self.max_in_flight)
        self._concurrency = Concurrency(self.max_in_flight)
        self._turn = threading.Lock()
        self._stop_lock = threading.Lock()
        self._too_large_bytes: int | None = None
        self._taken_bytes = 0

    def deliver(
        self,
        items: Payloads,
        batches: Iterable[Batch],
        journal: Journal,
        *,
        answered: Collection[int] = (),
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> EndpointImportError | None:
        """Send all batches; come back when every one is answered or sending has stopped.

        Shipments may be delivered from several threads: one waits until all batches of the one
        before are taken, and begins while the last of them are under way.

        Args:
            items: The shipment's items.
            batches: Positions that do not overlap.
            journal: Called with answers as they come, one call at a time.
            answered: Positions that were answered before and are not sent again.
            on_batch: Called with the number of items that were sent, after each batch.

        Returns:
            Why sending stopped, if it did, in this shipment or another.
        """
        work = ShipmentWork(items, batches, frozenset(answered), journal)
        # The turn ends before the pool does, whose last requests are still under way.
        with ThreadPoolExecutor(self.max_in_flight, "send") as pool, self._turn:
            sending = 0
            while not work.all_taken.is_set():
                while sending < self._concurrency.threads:
                    pool.submit(self._drain, work, on_batch, sending)
                    sending += 1
                if not work.all_taken.wait(LOOK_S):
                    self._concurrency.look()
        try:
            with self._watch.question:
                pass
            if self.error is None:
                self._watch.release(work)
            self._watch.forget(work)
            work.flush_counts()
        except EndpointImportError as error:
            self.stop(error)
        except Exception as error:  # noqa: BLE001 (as in a sending thread)
            self.stop(_unexpected(error))
        return self.error

    def _drain(self, work: ShipmentWork, on_batch: Callable[[int], None], thread: int) -> None:
        try:
            while self.error is None:
                if thread >= self._concurrency.threads and not work.all_taken.wait(LOOK_S):
                    continue
                batch = work.take()
                if batch is None:
                    break
                positions = work.unanswered(batch)
                if positions:
                    self._deliver(work, positions)
                    on_batch(len(positions))
        except _AlreadyStoppedError:
            pass
        except EndpointImportError as error:
            self.stop(error)
        except Exception as error:  # noqa: BLE001 (what was answered is still true)
            self.stop(_unexpected(error))
        finally:
            work.note_idle(is_stopped=self.error is not None)

    def _deliver(self, work: ShipmentWork, positions: Sequence[int]) -> None:
        waiting = [positions]
        while waiting:
            part = waiting.pop()
            payload = work.payload(part)
            if len(part) > 1 and self._is_too_large(payload):
                waiting += work.halves(part)
                continue
            answer = self._send(work, payload)
            if answer.kind is AnswerKind.TOO_LARGE and len(part) == 1:
                answer = self._send(work, payload)  # once more: it may have been said by chance
            if len(part) > 1 and answer.kind is AnswerKind.TOO_LARGE:
                work.count(splits=1)
                self._note_too_large(payload)
                waiting += work.halves(part)
            elif len(part) > 1 and answer.kind is AnswerKind.REFUSED:
                self._isolate(work, part, answer)
            else:
                self._settle(work, part, answer)

    def _isolate(self, work: ShipmentWork, part: Sequence[int], refusal: Answer) -> None:
        """Find the refused items of a batch, and deliver all others."""
        work.count(splits=1)
        search = isolate(part, refusal, work.read_item, self._lessons)
        reply: Answer | None = None
        while True:
            try:
                step = search.send(reply)
            except StopIteration:
                return
            if isinstance(step, Rejected):
                reply = None
                self._reject(work, step.position, step.answer)
                continue
            reply = self._send(work, work.payload(step))
            if reply.kind is AnswerKind.TOO_LARGE:
                reply = replace(reply, kind=AnswerKind.REFUSED)
            if reply.kind is AnswerKind.ACCEPTED or len(step) == 1:
                self._settle(work, step, reply)
            else:
                work.count(splits=1)

    def _settle(self, work: ShipmentWork, part: Sequence[int], answer: Answer) -> None:
        if answer.kind is AnswerKind.ACCEPTED:
            work.settle(part, Outcome.ACCEPTED, None, answer)
            self._watch.note_accepted(work.read_item(part[0]))
        else:
            self._reject(work, part[0], answer)

    def _reject(self, work: ShipmentWork, position: int, answer: Answer) -> None:
        settle = partial(work.settle, [position], Outcome.REJECTED, SERVICE_REFUSED, answer)
        if self._watch.note_refused(work, settle):
            with self._watch.question:
                self._ask_service(work, answer)

    def _ask_service(self, work: ShipmentWork, refusal: Answer) -> None:
        """Find out whether the service refuses everything.

        Raises:
            TerminalDestinationError: It does.
        """
        taken = self._watch.taken or self.find_taken()
        for item in [taken] if taken is not None else work.sample(PROBES):
            if self._send(work, item).kind is AnswerKind.ACCEPTED:
                self._watch.note_taken_again()
                return
        if self._watch.is_answered():
            return
        before = "no longer takes" if taken is not None else "does not take"
        # Without Ids and values: the message is kept and shown where those do not belong.
        said = strip_particulars(refusal.message, ())
        error = TerminalDestinationError(
            f"{self.destination.name} {before} any row, and says: {said!r}. No single row is to "
            "blame, so they stay unprocessed. Check --application-id, --region and --endpoint-url."
        )
        self.stop(error)  # before the question ends: no shipment is to take the refusals for true
        raise error

    def _send(self, work: ShipmentWork, payload: bytes) -> Answer:
        """Send until there is an answer that is about the items."""
        failures: Counter[AnswerKind] = Counter()
        is_repeat = False
        while True:
            answer = self._send_once(work, payload, is_repeat=is_repeat)
            is_repeat = True
            if answer.kind not in (AnswerKind.THROTTLED, AnswerKind.FAILED):
                return answer
            # Each kind has its own budget: many requests to slow down are no sign of a failure.
            # While the breaker is open it is not the batch that fails.
            is_counted = answer.kind is AnswerKind.THROTTLED or not self._breaker.is_open
            failures[answer.kind] += int(is_counted)
            if failures[answer.kind] >= self._most_attempts(answer.kind):
                raise TransientDestinationError(self._say_spent(answer, failures.total()))
            wait_s = 0.0
            if answer.kind is AnswerKind.FAILED:  # after a 429 the pace is all there is to wait for
                wait_s = self.policy.wait_s(max(1, failures[answer.kind]), self.draw)
            self.note(_say_retry(answer, failures.total(), wait_s))
            if wait_s:
                self.clock.sleep(wait_s, self._is_over)

    def _send_once(self, work: ShipmentWork, payload: bytes, *, is_repeat: bool) -> Answer:
        with self._slots:
            ticket = self._pace.acquire(self._is_over)
            self._breaker.acquire(self._is_over)
            self._check_stopped()
            began_s, worked_s = perf_counter(), thread_time()
            answer = self.destination.send(payload)
            self._concurrency.note(perf_counter() - began_s, thread_time() - worked_s)
        work.count(
            requests=1,
            retries=int(is_repeat),
            throttled=int(answer.kind is AnswerKind.THROTTLED),
            bytes_sent=len(payload),
        )
        if answer.kind is AnswerKind.FAILED:
            if self._breaker.note_failure():
                raise TransientDestinationError(
                    f"{self.destination.name} does not answer ({answer.message}). "
                    "Check that it is running."
                )
            return answer
        self._breaker.note_answer()
        if answer.kind is AnswerKind.TERMINAL:
            raise TerminalDestinationError(answer.message)
        if answer.kind is AnswerKind.THROTTLED:
            self._pace.note_throttled(ticket)
        else:
            self._pace.note_accepted()
        if answer.kind is AnswerKind.ACCEPTED:
            self._taken_bytes = max(self._taken_bytes, len(payload))
        return answer

    def _most_attempts(self, kind: AnswerKind) -> int:
        if kind is AnswerKind.THROTTLED:
            return self.policy.max_attempts_throttled
        return self.policy.max_attempts

    def _say_spent(self, answer: Answer, attempts: int) -> str:
        told = f"{self.destination.name} did not take a batch in {attempts} attempts"
        if answer.kind is AnswerKind.THROTTLED:
            return f"{told}: it asks to slow down ({answer.message}). Lower --rate, or try later."
        return f"{told} ({answer.message}). Check that it is running."

    def _note_too_large(self, payload: bytes) -> None:
        with self._stop_lock:
            self._too_large_bytes = min(len(payload), self._too_large_bytes or len(payload))

    def _is_too_large(self, payload: bytes) -> bool:
        """Say whether so much was too large before, and never taken."""
        limit = self._too_large_bytes
        return limit is not None and len(payload) >= max(limit, self._taken_bytes + 1)

    def hold_back(self) -> None:
        """Let a period pass before the next request: another process may just have sent one."""
        self._pace.hold_back()

    def stop(self, error: EndpointImportError) -> None:
        """Send nothing any more, in no shipment, because of this error or one before it."""
        with self._stop_lock:
            if self.error is None:
                self.error = error

    def _is_over(self) -> bool:
        return self.error is not None or self.should_stop()

    def _check_stopped(self) -> None:
        if self.error is not None:
            raise _AlreadyStoppedError
        if self.should_stop():
            raise StoppedError


def _say_retry(answer: Answer, attempts: int, wait_s: float) -> str:
    # Without Ids and values, as what a service says may repeat them.
    said = strip_particulars(answer.message, ())
    wait = f"after {wait_s:.1f} s" if wait_s else "as soon as the pace allows"
    return f"attempt {attempts} at a request failed ({said}): again {wait}"


def _unexpected(error: Exception) -> DestinationError:
    kind = type(error).__name__
    stopped = DestinationError(f"Sending stopped at an unexpected {kind}: {error}.")
    stopped.__cause__ = error
    return stopped


class _AlreadyStoppedError(Exception):
    """Another thread has stopped the run."""

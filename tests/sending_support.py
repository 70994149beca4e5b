"""What tests of sending share: items, batches, a journal, senders whose time is fake, and a run."""

import json
import random
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from fakes import FakeClock, ScriptedDestination

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.delivery import Delivery, SendCounts
from pipelines.destinations.sender import Sender
from pipelines.errors import EndpointImportError
from pipelines.sending import read_sendable, write_shipments
from pipelines.steps.resolve import DECISION_SCHEMA
from pipelines.storage.run_dir import RunDirectory, create_run_directory
from schemas.batch import Batch
from schemas.shipments import Shipment

ACCEPTED = Answer(AnswerKind.ACCEPTED, "", "request-1")
REFUSED = Answer(AnswerKind.REFUSED, "Missing Address", "request-2")
TOO_LARGE = Answer(AnswerKind.TOO_LARGE, "too large")
THROTTLED = Answer(AnswerKind.THROTTLED, "slow down")
FAILED = Answer(AnswerKind.FAILED, "500 trouble")
TERMINAL = Answer(AnswerKind.TERMINAL, "wrong credentials")


class Numbers:
    """Items that are numbers: their own positions, from `first` on."""

    def __init__(self, count: int, first: int = 0) -> None:
        self._all = range(first, first + count)

    def __len__(self) -> int:
        return len(self._all)

    def payload(self, start: int, stop: int) -> bytes:
        return b",".join(b"%d" % number for number in self._all[start:stop])


def read_numbers(payload: bytes) -> list[int]:
    return json.loads(b"[" + payload + b"]")


def batches(*sizes: int) -> Iterable[Batch]:
    start = 0
    for ordinal, size in enumerate(sizes):
        yield Batch(ordinal, start, start + size)
        start += size


class Notes:
    """A journal in memory. Fails at a second answer for an item, and at calls that overlap."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.counts = SendCounts()
        self.outcomes: dict[int, str] = {}
        self._call = threading.Lock()

    def __call__(self, deliveries: Sequence[Delivery], counts: SendCounts) -> None:
        assert self._call.acquire(blocking=False)
        for delivery in deliveries:
            for position in range(delivery.start, delivery.stop):
                assert position not in self.outcomes
                self.outcomes[position] = delivery.outcome
        self.deliveries += deliveries
        self.counts.add(counts)
        self._call.release()

    def positions(self, outcome: str) -> set[int]:
        return {position for position, told in self.outcomes.items() if told == outcome}


@dataclass
class Sent:
    """What a delivery came to."""

    destination: ScriptedDestination
    notes: Notes
    error: EndpointImportError | None

    @property
    def requests(self) -> list[list[int]]:
        return [read_numbers(payload) for payload in self.destination.payloads]


def make_sender(destination: ScriptedDestination, threads: int = 1, **options: Any) -> Sender:
    options = {"clock": FakeClock(), "draw": random.Random(1), **options}
    return Sender(destination, threads, options.pop("requests_per_second", None), **options)


def deliver(
    answers: Any,
    sizes: Sequence[int],
    threads: int = 1,
    answered: Collection[int] = (),
    **options: Any,
) -> Sent:
    """Deliver one shipment of batches of these sizes."""
    destination, notes = ScriptedDestination(answers), Notes()
    sender = make_sender(destination, threads, **options)
    items = Numbers(sum(sizes))
    return Sent(
        destination, notes, sender.deliver(items, batches(*sizes), notes, answered=answered)
    )


class Service:
    """Refuses items, and requests of too many items; first it gives the answers of a script.

    None in the script is an answer as usual.
    """

    def __init__(
        self,
        poisoned: Collection[int] = (),
        most_items: int = 100,
        script: Iterable[Answer | None] = (),
    ) -> None:
        self.poisoned = set(poisoned)
        self.most_items = most_items
        self.accepted: Counter[int] = Counter()
        self.sent: list[tuple[list[int], Answer]] = []
        self._script = iter(script)
        self._lock = threading.Lock()

    def __call__(self, payload: bytes) -> Answer:
        numbers = read_numbers(payload)
        with self._lock:
            answer = next(self._script, None) or self._judge(numbers)
            self.sent.append((numbers, answer))
            if answer.kind is AnswerKind.ACCEPTED:
                self.accepted.update(numbers)
        return answer

    def _judge(self, numbers: list[int]) -> Answer:
        if len(numbers) > self.most_items:
            return TOO_LARGE
        if not self.poisoned.isdisjoint(numbers):
            return Answer(AnswerKind.REFUSED, "Missing Address", f"request-{numbers[0]}")
        return ACCEPTED


def make_run(
    folder: Path,
    *partitions: Sequence[str],
    decided: Iterable[int] = (),
    together: Sequence[Sequence[int]] | None = None,
) -> RunDirectory:
    """Make a run whose partitions are ready to be sent.

    Args:
        folder: Where.
        partitions: Items of each partition; their source rows count from 1 in each.
        decided: Source rows of the first partition that are not sent.
        together: The partitions of each shipment; each is one if not given.
    """
    run = create_run_directory(folder, "run-1")
    for number, items in enumerate(partitions):
        rows = pl.DataFrame(
            {"row_key": range(1, len(items) + 1), "item": items, "address": items},
            schema={"row_key": pl.Int64, "item": pl.String, "address": pl.String},
        )
        rows.write_parquet(run.part("prepared", number))
    decisions = [(0, row, "duplicate", "endpoint.duplicate", 0, 1) for row in decided]
    pl.DataFrame(decisions, schema=DECISION_SCHEMA, orient="row").write_parquet(run.decisions)
    no_opt_outs = pl.DataFrame(schema={"partition": pl.Int64, "row_key": pl.Int64})
    no_opt_outs.write_parquet(run.opt_outs)
    each_alone = [(number,) for number in range(len(partitions))]
    shipments = [
        Shipment(number, tuple(numbers), tuple(count_due(run, each) for each in numbers))
        for number, numbers in enumerate(together or each_alone)
    ]
    write_shipments(shipments, run)
    return run


def count_due(run: RunDirectory, partition: int) -> int:
    return len(read_sendable(run, partition, "row_key"))


class Told:
    """Listens to the progress of sending."""

    def __init__(self):
        self.rows = self.skipped = 0
        self.counts = Counter()

    def begin(self, phase, total_rows):
        pass

    def advance(self, phase, rows):
        assert phase == "deliver"
        self.rows += rows

    def skip(self, phase, rows):
        assert phase == "deliver"
        self.skipped += rows

    def count(self, phase, counts):
        assert phase == "deliver"
        self.counts.update(counts)

    def note(self, text):
        pass

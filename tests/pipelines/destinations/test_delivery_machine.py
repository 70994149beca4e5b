"""Delivery through any order of troubles, deaths, full disks, stops and resumes: nothing is lost.

The answer log is a real file behind a disk that can fail at each write; the service is a model that
keeps its own books. What is drawn decides everything but how threads race.
"""

import errno
import os
import random
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes import FakeClock, ScriptedDestination
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sending_support import ACCEPTED, FAILED, TERMINAL, THROTTLED, TOO_LARGE, make_run

from pipelines.destinations import refusal_watch
from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.sender import PROBES, Sender
from pipelines.errors import (
    StoppedError,
    StorageError,
    TerminalDestinationError,
    TransientDestinationError,
)
from pipelines.sending import read_counts, read_deliveries, read_shipments, send_shipment
from pipelines.storage import answer_log
from pipelines.storage.answer_log import read_answers

SEARCH = int(os.environ.get("DELIVERY_EXAMPLES", "0"))
"""To search longer: DELIVERY_EXAMPLES=5000 pytest tests/.../test_delivery_machine.py. Without it
the same examples are drawn each time, so that a change is judged by what it changes."""
PATIENCE = 4
"""Refusals before the service is asked whether it refuses everything; 20 would take long files."""
FEWEST_FAILURES = 10
"""Failures before a run is given up."""

PASS = "as usual"
FAILED_LATE = "failed after it was applied"
TROUBLE = (PASS, PASS, THROTTLED, FAILED, FAILED_LATE)


class Model:
    """The service: what it refuses, and what it has told about each request of an attempt."""

    def __init__(self, poisoned, naming, most_bytes):
        self.poisoned = poisoned
        self.naming = naming
        self.most_bytes = most_bytes
        self.trouble = iter(())
        self.applied = set()
        self.taken = set()
        """Items of all requests that were answered 202."""
        self.sent = []
        """Requests of this attempt, with the answers: (items, bytes, answer)."""
        self._lock = threading.Lock()

    def answer(self, payload, world):
        items = [int(text.split(b'"')[3]) for text in payload.split(b"},")]
        with self._lock:
            if world.is_dead:
                return FAILED
            trouble, judged = next(self.trouble, PASS), self._judge(items, payload)
            answer = {PASS: judged, FAILED_LATE: FAILED}.get(trouble, trouble)
            if trouble in (PASS, FAILED_LATE) and judged.kind is AnswerKind.ACCEPTED:
                self.applied.update(items)
            if answer.kind is AnswerKind.ACCEPTED:
                self.taken.update(items)
            self.sent.append((items, len(payload), answer))
            return answer

    def _judge(self, items, payload):
        bad = [item for item in items if item in self.poisoned]
        if len(items) > 1 and len(payload) > self.most_bytes:
            return TOO_LARGE
        if not bad:
            return ACCEPTED
        words = {"Id": f"Bad item '{bad[-1]}'", "index": f"Bad: item[{items.index(bad[0])}]"}
        return Answer(AnswerKind.REFUSED, words.get(self.naming, "Bad request"), "r-1")


@dataclass
class Fate:
    """What happens to an attempt from outside."""

    dies_at_write: int | None = None
    bytes_before: int = 0
    """Bytes of that write that reach the disk."""
    full_at_writes: range = range(0)
    stops_after: int | None = None
    """Requests after which the run is asked to stop."""


@dataclass
class World:
    """The process and its disk: stands in for `os` in the answer log, and counts its writes."""

    fate: Fate
    is_dead: bool = False
    was_full: bool = False
    writes: int = field(default=0, init=False)
    lines: int = field(default=0, init=False)
    """Whole lines that reached the disk."""

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, file, line):
        self._die_if_dead()
        number, self.writes = self.writes, self.writes + 1
        if number == self.fate.dies_at_write:
            self.is_dead = True
            self.lines += os.write(file, line[: self.fate.bytes_before]) == len(line)
            self._die_if_dead()
        if number in self.fate.full_at_writes:
            self.was_full = True
            # Half of it is taken, and the next try tells why.
            if len(line) > 1 and number + 1 in self.fate.full_at_writes:
                return os.write(file, line[: len(line) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.lines += 1
        return os.write(file, line)

    def ftruncate(self, file, size):
        self._die_if_dead()
        os.ftruncate(file, size)

    def fsync(self, file):
        self._die_if_dead()
        os.fsync(file)

    def _die_if_dead(self):
        # A dead process does nothing more; its threads have to come to an end here, though.
        if self.is_dead:
            raise OSError(errno.EIO, "dead")


FULL_FOR = st.sampled_from([1, 2, 3, 1000])
"""Writes until there is room again."""
POISONED = st.one_of(
    st.sets(st.integers(1, 79), max_size=5),
    st.builds(lambda start, count: {*range(start, start + count)}, st.integers(1, 60), st.just(30)),
    st.just({*range(1, 80)}),
)
"""A service that takes no row at all is told from bad rows by the first one, which it takes."""
ATTEMPT = {
    "trouble": st.lists(st.sampled_from(TROUBLE), max_size=12),
    "threads": st.sampled_from([1, 1, 2, 3]),
    "seed": st.integers(0, 9),
}


def is_begun(machine):
    return hasattr(machine, "run")


def count_lines(log):
    return (log.stamp is not None) + len(log.records) + log.is_complete


class Delivery(RuleBasedStateMachine):
    """Attempts to deliver one shipment, each by a new sender, over one answer log."""

    @initialize(
        count=st.integers(1, 80),
        widest=st.integers(1, 40),
        poisoned=POISONED,
        naming=st.sampled_from(["nothing", "Id", "index"]),
        max_items=st.integers(1, 10),
        max_payload_bytes=st.integers(60, 1000),
        most_bytes=st.sampled_from([60, 200, 10_000]),
    )
    def begin(self, count, widest, poisoned, naming, max_items, max_payload_bytes, most_bytes):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(refusal_watch, "PATIENCE", PATIENCE)
        self.folder = tempfile.TemporaryDirectory()
        items = [f'{{"Id":"{n}","pad":"{"x" * (n * 7 % widest)}"}}' for n in range(count)]
        self.run = make_run(Path(self.folder.name), items)
        self.everyone = set(range(count))
        self.model = Model(poisoned & self.everyone, naming, most_bytes)
        self.limits = {"max_items": max_items, "max_payload_bytes": max_payload_bytes}

    def teardown(self):
        if not is_begun(self):
            return
        try:
            self.finish()
        finally:
            self.patch.undo()
            self.folder.cleanup()

    # -- what happens ----------------------------------------------------------------------

    @rule(**ATTEMPT, at_write=st.integers(0, 10), bytes_before=st.integers(0, 200))
    def die(self, trouble, threads, seed, at_write, bytes_before):
        """The process dies before, in, or right after a write to the log."""
        self.send(Fate(dies_at_write=at_write, bytes_before=bytes_before), trouble, threads, seed)

    @rule(**ATTEMPT, at_write=st.integers(0, 10), count=FULL_FOR)
    def fill_the_disk(self, trouble, threads, seed, at_write, count):
        """The disk is full, and perhaps has room again a little later."""
        fate = Fate(full_at_writes=range(at_write, at_write + count))
        self.send(fate, trouble, threads, seed)

    @rule(**ATTEMPT, after=st.integers(0, 12))
    def ask_to_stop(self, trouble, threads, seed, after):
        self.send(Fate(stops_after=after), trouble, threads, seed)

    @rule(**ATTEMPT)
    def lose_credentials(self, trouble, threads, seed):
        self.send(Fate(), [*trouble, *[TERMINAL] * 1000], threads, seed)

    @rule(**ATTEMPT, outage=st.integers(8, 60))
    def go_through_an_outage(self, trouble, threads, seed, outage):
        self.send(Fate(), [*trouble, *[FAILED] * outage], threads, seed)

    @rule(lost=st.integers(1, 500))
    def lose_power(self, lost):
        """The last bytes of the log never came to the disk."""
        before = self.outcomes()
        content = self.log.read_bytes() if self.log.exists() else b""
        self.log.write_bytes(content[: max(0, len(content) - lost)])
        assert self.outcomes().items() <= before.items()

    # -- one attempt -----------------------------------------------------------------------

    @property
    def log(self):
        return self.run.answers(0)

    def send(self, fate, trouble, threads, seed, *, is_last=False):
        before, log = self.outcomes(), read_answers(self.log)
        if before.keys() == self.everyone and not is_last:
            return  # no precondition, as it would depend on how threads raced before
        counted = read_counts(self.run)
        world, self.model.sent, self.model.trouble = World(fate), [], iter(trouble)
        destination = ScriptedDestination(
            lambda payload: self.model.answer(payload, world), **self.limits
        )
        sender = Sender(
            destination,
            threads,
            None,
            clock=FakeClock(),
            draw=random.Random(seed),
            should_stop=lambda: world.is_dead or self.is_asked_to_stop(fate),
        )
        self.patch.setattr(answer_log, "os", world)
        try:
            error = send_shipment(self.run, *read_shipments(self.run), sender)
        except StorageError as raised:
            error = raised
        finally:
            self.patch.setattr(answer_log, "os", os)
        self.check_log(log, world)
        self.check_requests(before)
        if fate.stops_after is not None:
            # What the other threads had in flight is finished.
            assert len(self.model.sent) < fate.stops_after + threads
        if not world.is_dead:
            self.check_end(error, world)
        self.check_counts(counted, is_exact=not world.is_dead and not world.was_full)

    def check_log(self, before, world):
        """What was there stays, and what was written since is there, and nothing else."""
        after = read_answers(self.log)
        assert after.records[: len(before.records)] == before.records
        assert count_lines(after) == count_lines(before) + world.lines

    def is_asked_to_stop(self, fate):
        return fate.stops_after is not None and len(self.model.sent) >= fate.stops_after

    def check_requests(self, before):
        """Within the limits, and nothing again whose answer was written down before."""
        repeated = 0
        for items, size, answer in self.model.sent:
            assert 1 <= len(items) <= self.limits["max_items"]
            assert items == sorted(set(items))
            assert len(items) == 1 or size <= self.limits["max_payload_bytes"]
            if not before.keys().isdisjoint(items):
                assert len(items) == 1
                repeated += answer.kind in (AnswerKind.ACCEPTED, AnswerKind.REFUSED)
        # Those are the rows that tell bad rows from a service that refuses everything.
        refusals = len(self.model.poisoned - before.keys())
        assert repeated <= PROBES * (refusals // PATIENCE)

    def check_end(self, error, world):
        """Sending ends without an error when everything is answered, and only then."""
        is_done = self.outcomes().keys() == self.everyone
        assert is_done or error is not None
        assert read_answers(self.log).is_complete == is_done or world.was_full
        answers = [answer for _, _, answer in self.model.sent]
        if isinstance(error, StorageError):
            assert world.was_full
        elif isinstance(error, TerminalDestinationError):
            assert TERMINAL in answers
        elif isinstance(error, StoppedError):
            assert world.fate.stops_after is not None
        elif error is not None:
            assert isinstance(error, TransientDestinationError)
            assert answers.count(FAILED) >= FEWEST_FAILURES

    def check_counts(self, before, *, is_exact):
        """The log counts what the service saw, except what a death or a full disk swallowed."""
        now, sent = read_counts(self.run), self.model.sent
        kinds = Counter(answer.kind for _, _, answer in sent)
        split = (AnswerKind.REFUSED, AnswerKind.TOO_LARGE)
        truth = {
            "requests": len(sent),
            "throttled": kinds[AnswerKind.THROTTLED],
            "splits": sum(len(items) > 1 and answer.kind in split for items, _, answer in sent),
            "bytes_sent": sum(size for _, size, _ in sent),
        }
        logged = {name: getattr(now, name) - getattr(before, name) for name in truth}
        assert logged == truth or not is_exact
        assert all(logged[name] <= truth[name] for name in truth)
        retries = now.retries - before.retries
        assert retries <= kinds[AnswerKind.THROTTLED] + kinds[AnswerKind.FAILED]

    # -- what always holds -----------------------------------------------------------------

    def outcomes(self):
        """Give the outcome of each item that stands in the log; fails if an item has two."""
        outcomes = {}
        for start, stop, outcome, *_ in read_deliveries(self.run, 0).iter_rows():
            for item in range(start, stop):
                assert item not in outcomes
                outcomes[item] = outcome
        return outcomes

    @invariant()
    def what_is_written_down_is_true(self):
        if not is_begun(self):
            return
        outcomes = self.outcomes()
        assert outcomes.keys() <= self.everyone
        for item, outcome in outcomes.items():
            assert outcome == ("rejected" if item in self.model.poisoned else "accepted")
        accepted = {item for item, outcome in outcomes.items() if outcome == "accepted"}
        assert accepted <= self.model.taken
        is_complete = read_answers(self.log).is_complete
        assert not is_complete or outcomes.keys() == self.everyone

    def finish(self):
        """At last nothing is in the way."""
        self.send(Fate(), [], threads=1, seed=0, is_last=True)
        self.what_is_written_down_is_true()
        assert self.outcomes().keys() == self.everyone
        assert self.model.applied == self.everyone - self.model.poisoned
        assert read_answers(self.log).is_complete
        self.send(Fate(), [], threads=1, seed=0, is_last=True)
        assert self.model.sent == []


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=SEARCH or 120,
    stateful_step_count=8,
    deadline=None,
    derandomize=not SEARCH,
)

"""Delivery moments of real sending, with the clock set by the tests."""

import zlib
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from fakes import ScriptedDestination
from sending_support import ACCEPTED, FAILED, TERMINAL, THROTTLED, make_run, make_sender

from pipelines import sending
from pipelines.sending import read_counts, read_shipments, read_ticks, send_shipment
from pipelines.storage.manifest import Attempt
from pipelines.timeline import list_moments

BEGAN = datetime(2026, 1, 31, 22, 0, tzinfo=UTC)


class Clock:
    """Gives a time that goes on by a tenth of a second at each look."""

    def __init__(self, monkeypatch, now=BEGAN):
        self.now = now
        monkeypatch.setattr(sending, "time", self)

    def time(self):
        self.now += timedelta(seconds=0.1)
        return self.now.timestamp()


def numbers(count, first=0):
    return [str(number) for number in range(first, first + count)]


def attempt(run, answers=(), number=0):
    """Send one shipment by a new sender; give its error."""
    sender = make_sender(ScriptedDestination(answers, max_items=10))
    return send_shipment(run, read_shipments(run)[number], sender)


def made(run, *attempts):
    return [
        (round(moment.at_s, 1), moment.endpoints, moment.retries, moment.throttled)
        for moment in list_moments(read_ticks(run), attempts)
    ]


def test_a_run_of_two_days_has_one_timeline(tmp_path, monkeypatch):
    run = make_run(tmp_path, numbers(30), numbers(10, first=50))
    clock = Clock(monkeypatch)
    attempt(run, [ACCEPTED, TERMINAL])
    stopped = Attempt(started_at=BEGAN, finished_at=clock.now)
    clock.now += timedelta(days=1)
    resumed = Attempt(started_at=clock.now)
    attempt(run, [THROTTLED, FAILED, ACCEPTED, ACCEPTED])
    attempt(run, [ACCEPTED], number=1)
    moments = made(run, stopped, resumed)
    # The request at which the first attempt stopped has a moment, and no endpoints.
    assert moments == [
        *[(0.0, 10, 0, 0), (0.1, 0, 0, 0)],
        *[(0.2, 10, 2, 1), (0.3, 10, 0, 0), (0.4, 10, 0, 0)],
    ]


def test_a_worker_whose_clock_is_behind_belongs_to_its_attempt(tmp_path, monkeypatch):
    run = make_run(tmp_path, numbers(10), numbers(10, first=50))
    clock = Clock(monkeypatch)
    attempt(run)
    stopped = Attempt(started_at=BEGAN, finished_at=clock.now)
    resumed = Attempt(started_at=clock.now + timedelta(hours=1))
    clock.now = resumed.started_at - timedelta(seconds=20)
    attempt(run, number=1)
    assert made(run, stopped, resumed) == [(0.0, 10, 0, 0), (0.1, 10, 0, 0)]


def test_a_log_of_a_version_without_times_is_counted_and_has_no_moments(tmp_path):
    run = make_run(tmp_path, numbers(30))
    attempt(run)
    counts = read_counts(run)
    lines, checksum = [], 0
    for line in run.answers(0).read_bytes().splitlines():
        value = orjson.loads(line[9:])
        if isinstance(value, dict):
            value.pop("at", None)
        text = orjson.dumps(value)
        checksum = zlib.crc32(text, checksum)
        lines.append(b"%08x %b\n" % (checksum, text))
    run.answers(0).write_bytes(b"".join(lines))
    assert read_counts(run) == counts
    assert counts.requests == 3
    assert made(run, Attempt(started_at=BEGAN)) == []
    assert attempt(run, [TERMINAL]) is None


@pytest.mark.parametrize("sent", [True, False])
def test_what_was_sent_has_moments(tmp_path, sent):
    run = make_run(tmp_path, numbers(30))
    if sent:
        attempt(run)
    moments = list_moments(read_ticks(run), [Attempt(started_at=BEGAN)])
    assert sum(moment.endpoints for moment in moments) == (30 if sent else 0)
    assert sum(moment.requests for moment in moments) == (3 if sent else 0)
    assert bool(moments) is sent

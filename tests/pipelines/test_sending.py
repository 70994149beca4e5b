"""Sending a shipment: what the log of answers makes of it, attempt after attempt."""

import errno
import os
import random
from contextlib import suppress
from dataclasses import replace

import polars as pl
import pytest
from fakes import FakeClock, ScriptedDestination
from sending_support import (
    ACCEPTED,
    FAILED,
    REFUSED,
    TERMINAL,
    THROTTLED,
    Service,
    Told,
    make_run,
    make_sender,
    read_numbers,
)

from pipelines import progress, sending, stopping
from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.delivery import SendCounts
from pipelines.destinations.sender import Sender
from pipelines.errors import (
    BooksError,
    RunStateError,
    StorageError,
    TerminalDestinationError,
    TransientDestinationError,
)
from pipelines.sending import (
    read_counts,
    read_deliveries,
    read_sendable,
    read_shipments,
    send_shipment,
)
from pipelines.settings import ImportSettings
from pipelines.steps.outcomes import DELIVERY_SCHEMA, settle_delivered, settle_partition
from pipelines.storage import answer_log
from pipelines.storage.answer_log import read_answers


def numbers(count, first=0):
    return [str(number) for number in range(first, first + count)]


def attempt(run, answers=(), number=0, **capabilities):
    """Send one shipment by a new sender; give the requests that it made, and its error."""
    destination = ScriptedDestination(answers, **{"max_items": 10, **capabilities})
    error = send_shipment(run, read_shipments(run)[number], make_sender(destination))
    return [read_numbers(payload) for payload in destination.payloads], error


def outcomes(run, number=0):
    told = {}
    for start, stop, outcome, *_ in read_deliveries(run, number).iter_rows():
        told.update(dict.fromkeys(range(start, stop), outcome))
    return told


def is_complete(run, number=0):
    return read_answers(run.answers(number)).is_complete


# -- one attempt ---------------------------------------------------------------------------


def test_a_shipment_is_sent_in_batches_and_its_log_ended(tmp_path):
    run = make_run(tmp_path, numbers(25))
    requests, error = attempt(run)
    assert error is None
    assert requests == [[*range(10)], [*range(10, 20)], [*range(20, 25)]]
    assert outcomes(run) == dict.fromkeys(range(25), "accepted")
    assert is_complete(run)


def test_batches_keep_within_the_destination_s_bytes(tmp_path):
    run = make_run(tmp_path, numbers(30, first=100))
    requests, _ = attempt(run, max_payload_bytes=20)
    assert [len(request) for request in requests] == [5] * 6


def test_rows_that_were_decided_are_not_sent(tmp_path):
    run = make_run(tmp_path, numbers(6), numbers(3), decided=[1, 3, 4])
    assert read_sendable(run, 0, "item").to_list() == ["1", "4", "5"]
    assert read_sendable(run, 0, "row_key").to_list() == [2, 5, 6]
    requests, _ = attempt(run)
    assert requests == [[1, 4, 5]]
    # What is told are positions among the rows that were sent, not rows.
    assert outcomes(run) == dict.fromkeys(range(3), "accepted")


def test_answers_are_read_as_the_service_gave_them(tmp_path):
    run = make_run(tmp_path, ['"a"', '"b"'])
    answers = [REFUSED, Answer(AnswerKind.ACCEPTED, "", "r-2"), Answer(AnswerKind.REFUSED, "ä", "")]
    attempt(run, answers)
    assert read_deliveries(run, 0).sort("start").rows() == [
        (0, 1, "accepted", None, None, "r-2"),
        (1, 2, "rejected", "service.refused", "ä", ""),
    ]


def test_a_shipment_that_was_never_sent_has_no_answers(tmp_path):
    run = make_run(tmp_path, numbers(3))
    assert read_deliveries(run, 0).schema == DELIVERY_SCHEMA
    assert read_deliveries(run, 0).is_empty()
    assert read_counts(run) == SendCounts()
    assert not run.answers(0).exists()


def test_progress_comes_to_the_same_with_and_without_an_interruption(tmp_path):
    run = make_run(tmp_path, numbers(25))
    for answers in ([ACCEPTED, TERMINAL], [], []):
        listener = Told()
        progress.listen(listener)
        progress.begin("deliver")
        try:
            attempt(run, answers)
        finally:
            progress.listen(None)
        assert listener.rows + listener.skipped == (10 if answers else 25)
        assert listener.counts["accepted"] == (10 if answers else 25)
        assert listener.counts["requests"] == (2 if answers else 4)


# -- several attempts ----------------------------------------------------------------------


def test_a_complete_log_is_not_sent_again(tmp_path):
    run = make_run(tmp_path, numbers(25))
    attempt(run)
    before = run.answers(0).read_bytes()
    assert attempt(run, [TERMINAL]) == ([], None)
    assert run.answers(0).read_bytes() == before


def test_what_is_answered_is_not_sent_again(tmp_path):
    run = make_run(tmp_path, numbers(30))
    _, error = attempt(run, [ACCEPTED, TERMINAL])
    assert isinstance(error, TerminalDestinationError)
    assert not is_complete(run)
    requests, error = attempt(run)
    assert error is None
    assert requests == [[*range(10, 20)], [*range(20, 30)]]
    assert outcomes(run) == dict.fromkeys(range(30), "accepted")
    assert is_complete(run)


@pytest.mark.parametrize("stops_after", range(14))
def test_a_search_that_was_interrupted_goes_on_with_what_is_left(tmp_path, stops_after):
    run = make_run(tmp_path, numbers(20))
    poisoned = {3, 7}
    attempt(run, Service(poisoned, script=[None] * stops_after + [TERMINAL]))
    answered = outcomes(run)
    requests, error = attempt(run, Service(poisoned))
    assert error is None
    assert answered.keys().isdisjoint(number for request in requests for number in request)
    assert {p for p, told in outcomes(run).items() if told == "rejected"} == poisoned
    assert len(outcomes(run)) == 20


def test_a_log_that_only_lacks_its_end_gets_it(tmp_path):
    run = make_run(tmp_path, numbers(25))
    attempt(run)
    content = run.answers(0).read_bytes()
    run.answers(0).write_bytes(content[: content.rindex(b"\n", 0, -1) + 4])
    assert not is_complete(run)
    assert attempt(run, [TERMINAL]) == ([], None)
    assert run.answers(0).read_bytes() == content


def test_counts_add_up_over_attempts_and_shipments(tmp_path):
    run = make_run(tmp_path, numbers(30), numbers(10, first=50), numbers(10))
    attempt(run, [THROTTLED, ACCEPTED, FAILED, TERMINAL])
    first = read_counts(run)
    assert first == SendCounts(4, 2, 1, 0, bytes_sent=19 + 19 + 29 + 29)
    attempt(run)
    assert read_counts(run) == SendCounts(6, 2, 1, 0, first.bytes_sent + 2 * 29)
    requests, _ = attempt(run, [REFUSED], number=1)
    second_bytes = sum(len(",".join(map(str, items))) for items in requests)
    total = read_counts(run)
    assert total.splits >= 1
    assert total.requests == 6 + len(requests)
    assert total.bytes_sent == first.bytes_sent + 2 * 29 + second_bytes


def test_requests_that_led_to_no_answer_are_counted(tmp_path):
    run = make_run(tmp_path, numbers(5))
    requests, error = attempt(run, [FAILED] * 500)
    assert isinstance(error, TransientDestinationError)
    counts = read_counts(run)
    assert (counts.requests, counts.retries) == (len(requests), len(requests) - 1)
    assert outcomes(run) == {}


# -- what is refused -----------------------------------------------------------------------


def change_an_item(run):
    prepared = run.part("prepared", 0)
    frame = pl.read_parquet(prepared)
    frame.with_columns(item=pl.col("item").str.replace("7", "8")).write_parquet(prepared)


def drop_a_decision(run):
    decisions = pl.read_parquet(run.decisions)
    decisions.head(1).write_parquet(run.decisions)


@pytest.mark.parametrize("change", [change_an_item, drop_a_decision])
def test_a_log_of_other_items_is_refused_and_kept(tmp_path, change):
    run = make_run(tmp_path, numbers(25), decided=[1, 2])
    attempt(run, [ACCEPTED, TERMINAL])
    before = run.answers(0).read_bytes()
    change(run)
    with pytest.raises(RunStateError, match=r"other items.*new run"):
        attempt(run)
    assert run.answers(0).read_bytes() == before


def test_a_sender_that_has_stopped_sends_nothing_and_leaves_no_log(tmp_path):
    run = make_run(tmp_path, numbers(5), numbers(5))
    destination = ScriptedDestination([TERMINAL])
    sender = make_sender(destination)
    first, second = read_shipments(run)
    error = send_shipment(run, first, sender)
    assert isinstance(error, TerminalDestinationError)
    assert send_shipment(run, second, sender) is error
    assert len(destination.payloads) == 1
    assert not run.answers(1).exists()


def test_a_log_that_cannot_be_opened_is_told(tmp_path):
    run = make_run(tmp_path, numbers(5))
    run.answers(0).parent.rmdir()
    with pytest.raises(StorageError, match=r"part-00000\.log cannot be written"):
        attempt(run)


# -- defects of our own --------------------------------------------------------------------


class Forgetful(Sender):
    """Leaves the last batch out and says nothing."""

    def deliver(self, items, batches, journal, **options):
        return super().deliver(items, batches[:-1], journal, **options)


class Repeating(Sender):
    """Tells every answer twice."""

    def deliver(self, items, batches, journal, **options):
        def twice(deliveries, counts):
            journal(deliveries, counts)
            journal(deliveries, SendCounts())

        return super().deliver(items, batches, twice, **options)


class Raising(Sender):
    """Breaks off in the middle of its work."""

    def deliver(self, items, batches, journal, **options):
        super().deliver(items, batches[:1], journal, **options)
        raise ZeroDivisionError


def send_by(kind, run):
    destination = ScriptedDestination(max_items=10)
    sender = kind(destination, 1, None, clock=FakeClock(), draw=random.Random(1))
    return send_shipment(run, read_shipments(run)[0], sender)


@pytest.mark.parametrize("kind", [Forgetful, Repeating])
def test_items_without_a_single_answer_are_not_passed_over_in_silence(tmp_path, kind):
    run = make_run(tmp_path, numbers(25))
    with pytest.raises(BooksError, match=r"00.log: -?[0-9]+ of 25 items got no single answer"):
        send_by(kind, run)
    assert not is_complete(run)


def test_a_batch_that_was_forgotten_is_made_up_for(tmp_path):
    run = make_run(tmp_path, numbers(25))
    with pytest.raises(BooksError):
        send_by(Forgetful, run)
    assert attempt(run) == ([[*range(20, 25)]], None)


class Confusing(Sender):
    """Tells of the second batch what is true of the first, and nothing of the second."""

    def deliver(self, items, batches, journal, **options):
        def confused(deliveries, counts):
            told = [replace(d, start=0, stop=10) if d.start == 10 else d for d in deliveries]
            journal(told, counts)

        return super().deliver(items, batches, confused, **options)


@pytest.mark.parametrize("kind", [Repeating, Confusing])
def test_two_answers_for_an_item_do_not_come_through_the_books(tmp_path, kind):
    run = make_run(tmp_path, numbers(25))
    with suppress(BooksError):
        send_by(kind, run)
    with pytest.raises(BooksError):
        settle(run, read_deliveries(run, 0))


def settle(run, deliveries):
    """Give the rows their outcomes, as the end of a run does."""
    sent = read_sendable(run, 0, "row_key").to_frame()
    rows = sent.with_columns(endpoint_id=pl.lit("x"))
    return settle_partition(rows, [settle_delivered(sent, deliveries)], "people.csv")


def test_an_answer_for_an_item_that_there_is_not_does_not_come_through_the_books(tmp_path):
    run = make_run(tmp_path, numbers(5))
    attempt(run)
    assert settle(run, read_deliveries(run, 0))["outcome"].to_list() == ["accepted"] * 5
    with pytest.raises(BooksError):
        settle(run, read_deliveries(run, 0).with_columns(pl.col("stop") + 1))


def test_a_defect_leaves_a_log_to_go_on_with(tmp_path):
    run = make_run(tmp_path, numbers(25))
    with pytest.raises(ZeroDivisionError):
        send_by(Raising, run)
    assert len(outcomes(run)) == 10
    requests, error = attempt(run)
    assert (requests, error) == ([[*range(10, 20)], [*range(20, 25)]], None)


class FullAtTheEnd:
    """Stands in for `os` in the log: the disk has room for all answers, but not for the end."""

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, file, line):
        if b'"end"' in line:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, line)


def test_an_end_that_cannot_be_written_is_told_and_made_up_for(tmp_path, monkeypatch):
    run = make_run(tmp_path, numbers(5))
    monkeypatch.setattr(answer_log, "os", FullAtTheEnd())
    with pytest.raises(StorageError):
        attempt(run)
    monkeypatch.undo()
    assert outcomes(run) == dict.fromkeys(range(5), "accepted")
    assert not is_complete(run)
    assert attempt(run, [TERMINAL]) == ([], None)
    assert is_complete(run)


# -- the run's sender ----------------------------------------------------------------------


@pytest.fixture
def run_settings():
    made = ImportSettings(
        sources=["x.csv"], endpoint_url="http://127.0.0.1:1", local=True, max_in_flight=3, rate=7
    )
    yield made
    sending.close_sender(made)


def test_a_run_has_one_sender_and_the_next_run_another(run_settings):
    first = sending.renew_sender(run_settings)
    assert sending.open_sender(run_settings) is first
    second = sending.renew_sender(run_settings)
    assert sending.open_sender(run_settings) is second is not first


def test_a_run_s_sender_keeps_to_its_settings(run_settings):
    sender = sending.renew_sender(run_settings)
    assert (sender.max_in_flight, sender.requests_per_second) == (3, 7)
    assert sender.should_stop is stopping.is_requested

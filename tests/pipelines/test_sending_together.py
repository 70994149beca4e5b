"""A shipment of several partitions: full requests, and answers that find their rows again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes import ScriptedDestination
from sending_support import ACCEPTED, TERMINAL, Service, make_run, make_sender, read_numbers

from pipelines.errors import EndpointImportError, RunStateError, TerminalDestinationError
from pipelines.sending import (
    count_answered,
    find_taken,
    read_deliveries,
    read_sendable,
    read_shipments,
    send_shipment,
)
from pipelines.steps.outcomes import settle_delivered
from pipelines.steps.shipments import cut_deliveries
from pipelines.storage.answer_log import read_answers
from pipelines.storage.run_dir import RunDirectory


def numbers(count: int, first: int = 0) -> list[str]:
    return [str(number) for number in range(first, first + count)]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Make 25 due rows of three partitions, of which the first two are sent together."""
    parts = numbers(8), numbers(7, first=100), numbers(12, first=200)
    return make_run(tmp_path, *parts, decided=[1, 8], together=[(0, 1), (2,)])


def send(
    run: RunDirectory, answers: Any = (), number: int = 0
) -> tuple[list[list[int]], EndpointImportError | None]:
    destination = ScriptedDestination(answers, max_items=10)
    error = send_shipment(run, read_shipments(run)[number], make_sender(destination))
    return [read_numbers(payload) for payload in destination.payloads], error


def settle(run: RunDirectory) -> dict[int, Sequence[tuple[int, str]]]:
    """Give what became of the rows of each partition."""
    settled = {}
    for shipment in read_shipments(run):
        for number, place in shipment.slices():
            sent = read_sendable(run, number, "row_key").to_frame()
            answers = cut_deliveries(read_deliveries(run, place.shipment), place)
            verdicts = settle_delivered(sent, answers).select("row_key", "outcome")
            settled[number] = verdicts.sort("row_key").rows()
    return settled


def test_a_request_holds_rows_of_several_partitions(run: RunDirectory) -> None:
    assert send(run) == ([[*range(1, 7), *range(100, 104)], [104, 105, 106]], None)
    assert send(run, number=1) == ([[*range(200, 210)], [210, 211]], None)
    logs = [read_answers(run.answers(number)).records for number in (0, 1)]
    assert list(map(count_answered, logs)) == [13, 12]


def test_each_partition_gets_the_answers_for_its_own_rows(run: RunDirectory) -> None:
    send(run, Service(poisoned=[3, 100, 106], most_items=10))
    refused = {0: [4], 1: [1, 7], 2: []}
    due = {0: range(2, 8), 1: range(1, 8), 2: []}
    assert settle(run) == {
        number: [(row, "rejected" if row in refused[number] else "accepted") for row in due[number]]
        for number in due
    }


def test_rows_that_were_not_answered_are_sent_later(run: RunDirectory) -> None:
    _, error = send(run, [ACCEPTED, TERMINAL])
    assert isinstance(error, TerminalDestinationError)
    assert [row for row, _ in settle(run)[1]] == [1, 2, 3, 4]
    assert send(run) == ([[104, 105, 106]], None)
    assert [row for row, _ in settle(run)[1]] == list(range(1, 8))


@pytest.mark.parametrize(
    ("poisoned", "taken"), [([], b"1"), (range(7), b"100"), ([*range(7), *range(100, 106)], b"106")]
)
def test_an_item_that_was_taken_is_found_in_its_partition(
    run: RunDirectory, poisoned: Sequence[int], taken: bytes
) -> None:
    assert find_taken(run) is None
    send(run, Service(poisoned=poisoned, most_items=1))
    assert find_taken(run) == taken


def test_rows_that_moved_from_one_partition_to_the_other_are_refused(run: RunDirectory) -> None:
    """The items are the same, but their answers would be told of other rows."""
    first, second = (run.part("prepared", number) for number in (0, 1))
    rows = pl.concat([pl.read_parquet(first), pl.read_parquet(second)])
    rows.head(9).write_parquet(first)
    rows.tail(6).write_parquet(second)
    with pytest.raises(RunStateError, match=r"shipments\.json.*other items.*new run"):
        send(run)
    assert not run.answers(0).exists()

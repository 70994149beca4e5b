"""A resumed shipment: what an earlier attempt learned of the service is not forgotten."""

import pytest
from fakes import ScriptedDestination
from sending_support import (
    ACCEPTED,
    REFUSED,
    Notes,
    Numbers,
    batches,
    make_run,
    make_sender,
    read_numbers,
)

from pipelines.errors import DestinationError, StoppedError, StorageError
from pipelines.sending import read_deliveries, read_shipments, send_shipment


def numbers(count, first=0):
    return [str(number) for number in range(first, first + count)]


def take_below_1000(payload):
    return REFUSED if max(read_numbers(payload)) >= 1000 else ACCEPTED


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_last_shipment_of_bad_rows_only_comes_to_its_end(tmp_path, is_resumed):
    run = make_run(tmp_path, numbers(100), numbers(50, first=1000))
    sender = make_sender(ScriptedDestination(take_below_1000))
    assert send_shipment(run, read_shipments(run)[0], sender) is None
    if is_resumed:
        sender = make_sender(ScriptedDestination(take_below_1000))
    assert send_shipment(run, read_shipments(run)[1], sender) is None
    assert set(read_deliveries(run, 1)["outcome"]) == {"rejected"}
    assert read_deliveries(run, 1).height == 50


def test_a_shipment_of_few_good_rows_comes_to_its_end(tmp_path):
    def take_the_first(payload):
        return ACCEPTED if set(read_numbers(payload)) <= set(range(1, 10)) else REFUSED

    run = make_run(tmp_path, numbers(100))
    destination = ScriptedDestination(take_the_first, max_items=10)
    sender = make_sender(destination, should_stop=lambda: len(destination.payloads) == 30)
    assert isinstance(send_shipment(run, read_shipments(run)[0], sender), StoppedError)
    sender = make_sender(ScriptedDestination(take_the_first, max_items=10))
    assert send_shipment(run, read_shipments(run)[0], sender) is None
    assert read_deliveries(run, 0).height > 0


def test_a_request_whose_answer_could_not_be_written_is_counted():
    class FullOnce(Notes):
        calls = 0

        def __call__(self, deliveries, counts):
            self.calls += 1
            if self.calls == 2:
                raise StorageError("The disk is full.")
            super().__call__(deliveries, counts)

    notes, destination = FullOnce(), ScriptedDestination()
    make_sender(destination).deliver(Numbers(3), batches(1, 1, 1), notes)
    assert notes.counts.requests == len(destination.payloads) == 2


def test_a_defect_of_the_journal_at_the_end_is_told():
    def fail(*_):
        raise ZeroDivisionError

    sender = make_sender(ScriptedDestination([REFUSED]))
    assert isinstance(sender.deliver(Numbers(1), batches(1), fail), DestinationError)

"""Lanes: what workers may send together, and when they come to an end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lanes import cut_lanes
from pipelines.storage import stop_request
from pipelines.storage.run_dir import RunDirectory, create_run_directory
from pipelines.storage.run_lock import locked, read_owner
from pipelines.storage.stop_request import StopWatch, is_stop_requested, request_stop


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return create_run_directory(tmp_path, "one")


@pytest.mark.parametrize(
    ("shipments", "threads", "in_flight", "rate", "count"),
    [
        pytest.param(9, 2, 4, None, 2, id="a lane for each thread"),
        pytest.param(9, 8, 4, None, 4, id="no lane without a request in flight"),
        pytest.param(9, 8, 16, 2.0, 2, id="a request a second for each lane"),
        pytest.param(9, 8, 16, 2.9, 2, id="a request a second at least"),
        pytest.param(9, 2, 2, 0.5, 1, id="a slow service has one lane"),
        pytest.param(9, 3, 7, 100.0, 3, id="what is left over is shared too"),
        pytest.param(9, 0, 4, None, 1, id="workers that are still to come"),
        pytest.param(1, 8, 16, 10.0, 1, id="no lane without a shipment"),
        pytest.param(0, 8, 16, 10.0, 1, id="nothing to send"),
    ],
)
def test_lanes_together_are_the_limits_of_the_run(run, shipments, threads, in_flight, rate, count):
    lanes = cut_lanes(run, shipments, threads, in_flight, rate)
    assert [lane.number for lane in lanes] == list(range(count))
    assert sum(lane.max_in_flight for lane in lanes) == in_flight
    assert min(lane.max_in_flight for lane in lanes) >= 1
    shares = [lane.requests_per_second for lane in lanes]
    assert shares == [None] * count if rate is None else sum(shares) == pytest.approx(rate)


class TestStopWatch:
    @pytest.fixture(autouse=True)
    def at_every_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stop_request, "LOOK_EVERY_S", 0.0)

    @pytest.fixture
    def watch(self, run) -> Iterator[StopWatch]:
        with locked(run):
            yield StopWatch(run, read_owner(run))

    def test_goes_on_while_nobody_asks(self, watch):
        assert [watch.is_requested() for _ in range(3)] == [False] * 3

    def test_stops_for_good_once_asked(self, run, watch):
        request_stop(run)
        assert watch.is_requested()
        run.remove(run.stop_request)
        assert not is_stop_requested(run)
        assert watch.is_requested()

    def test_stops_when_the_owner_has_died(self, run):
        with locked(run):
            watch = StopWatch(run, read_owner(run))
        assert watch.is_requested()

    def test_stops_when_another_process_goes_on_with_the_run(self, run):
        with locked(run):
            watch = StopWatch(run, read_owner(run))
        with locked(run):
            assert watch.is_requested()

    def test_looks_only_now_and_then(self, run, watch, monkeypatch):
        monkeypatch.setattr(stop_request, "LOOK_EVERY_S", 3600.0)
        assert not watch.is_requested()
        request_stop(run)
        assert not watch.is_requested()

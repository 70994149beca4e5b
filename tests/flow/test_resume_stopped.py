"""A run that stopped in an orderly way, by an error or on request, is resumed to its end."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes import HttpSink, Reply
from import_support import (
    HEADER,
    PARTITIONED,
    FailingSink,
    StopRequest,
    Undisturbed,
    people,
    read_json,
    read_outcomes,
    read_rows,
    refuse,
    require_balance,
    resume,
    run_check,
    run_import,
    write_rows,
)

from pipelines.errors import DestinationError, GuardError, StoppedError
from schemas.columns import RESULT_COLUMNS
from schemas.outcomes import Outcome

pytestmark = pytest.mark.usefixtures("prefect_api")

DENIED = Reply.failure(403, "AccessDeniedException", "You may not.")
FAILED = Reply.failure(500, "InternalServerErrorException", "Oops.")
THROTTLED = Reply.failure(429, "TooManyRequestsException", "Slow down.")
IN_FLIGHT = 4
"""Requests that may be under way at once."""
ENVELOPE = len(b'{"Item":[]}')


@pytest.fixture(scope="module")
def undisturbed(
    prefect_api: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Undisturbed]:
    with HttpSink(refuses=refuse) as sink:
        yield Undisturbed(tmp_path_factory.mktemp("undisturbed"), sink)


def require_stopped(run: Path, sent: list[dict[str, Any]]) -> dict[str, Any]:
    """Require of a run that stopped that its books tell what the service has; give its summary."""
    summary = read_json(run / "summary.json")
    require_balance(summary)
    outcomes = read_outcomes(run)
    counts = Counter(outcomes["outcome"])
    assert {name: summary[name] for name in Outcome} == {name: counts[name] for name in Outcome}
    assert (summary["status"], summary["rows"]) == ("stopped", outcomes.height)
    accepted = outcomes.filter(pl.col("outcome") == "accepted")["endpoint_id"]
    assert Counter(accepted) == Counter(item["Id"] for item in sent)
    return summary


def require_unprocessed(run: Path) -> None:
    """Require that unprocessed.csv holds exactly the rows that are unprocessed."""
    header, *rows = read_rows(run / "unprocessed.csv")
    assert header == [*HEADER, *RESULT_COLUMNS]
    left = read_outcomes(run).filter(pl.col("outcome") == "unprocessed")
    places = [(row[len(HEADER)], int(row[len(HEADER) + 1])) for row in rows]
    assert places == left["source_file", "source_row"].rows()
    assert {row[len(HEADER) + 2] for row in rows} == {"unprocessed"}


# -- an error ------------------------------------------------------------------------------


def test_stopped_by_an_error_and_resumed_when_its_cause_is_gone(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "one"
    settings = PARTITIONED | {"keep_staged": False, "max_in_flight": 1}  # so counts are certain
    with FailingSink(DENIED, 9, script=[FAILED, THROTTLED], refuses=refuse) as sink:
        with pytest.raises(DestinationError, match=r"403.*You may not"):
            run_import(tmp_path, sink.url, *undisturbed.sources, **settings)
        first = require_stopped(run, sink.accepted)
        require_unprocessed(run)
        assert 0 < first["accepted"] < undisturbed.summary["accepted"]
        assert len(sink.requests) == 10
        assert (first["retries"], first["throttled"]) == (2, 1)
        stopped = read_json(run / "manifest.json")
        assert (run / "prepared").is_dir()

        sink.failure = None
        sink.script.append(FAILED)
        summary = resume(tmp_path)
        undisturbed.require_same(run)
        assert {item["Id"]: item for item in sink.accepted} == undisturbed.accepted
        assert len(sink.accepted) == len(undisturbed.accepted)
        assert (summary["retries"], summary["throttled"]) == (3, 1)
        assert summary["requests"] == len(sink.requests)
        sent = sum(len(request.body) - ENVELOPE for request in sink.requests)
        assert summary["bytes_sent"] == sent
        assert summary["splits"] >= first["splits"]
    finished = read_json(run / "manifest.json")
    assert stopped["status"] == "stopped"
    assert "You may not" in stopped["message"]
    assert finished["message"] is None
    for name in ("started_at", "settings", "sources", "inputs", "partitions", "folder", "versions"):
        assert finished[name] == stopped[name]
    assert finished["attempts"][0] == stopped["attempts"][0]
    assert sorted(path.name for path in run.iterdir() if path.is_dir()) == ["outcomes"]
    assert "You may not" not in (run / "report.html").read_text()


def test_stopped_again_and_again(undisturbed: Undisturbed, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    with FailingSink(DENIED, 4, refuses=refuse) as sink:
        with pytest.raises(DestinationError):
            run_import(tmp_path, sink.url, *undisturbed.sources, **PARTITIONED)
        for attempts in (2, 3, 4):
            before = require_stopped(run, sink.accepted)
            require_unprocessed(run)
            sink.after = len(sink.requests) + 6
            with pytest.raises(DestinationError, match="You may not"):
                resume(tmp_path)
            assert sink.after < len(sink.requests) <= sink.after + IN_FLIGHT
            summary = require_stopped(run, sink.accepted)
            assert summary["accepted"] >= before["accepted"]
            assert summary["requests"] == len(sink.requests)
            assert len(read_json(run / "manifest.json")["attempts"]) == attempts
        sink.failure = None
        resume(tmp_path)
        assert len(sink.accepted) == len(undisturbed.accepted)
    undisturbed.require_same(run)


def test_the_time_between_two_attempts_does_not_count(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "a.csv", HEADER, people(200))
    path = tmp_path / "runs" / "one" / "manifest.json"
    with FailingSink(DENIED, 1) as sink:
        with pytest.raises(DestinationError):
            run_import(tmp_path, sink.url, source, run_id="one")
        manifest = read_json(path)
        manifest["started_at"] = "2026-01-02T03:00:00Z"
        manifest["attempts"] = [
            {"started_at": "2026-01-02T03:00:00Z", "finished_at": "2026-01-02T03:00:10Z"}
        ]
        path.write_text(json.dumps(manifest))
        sink.failure = None
        summary = resume(tmp_path)
    (_, second) = read_json(path)["attempts"]
    began, ended = (datetime.fromisoformat(second[n]) for n in ("started_at", "finished_at"))
    took = timedelta(seconds=10) + (ended - began)
    assert summary["seconds"] == pytest.approx(took.total_seconds(), abs=0.001)
    assert summary["rows_per_second"] == pytest.approx(200 / summary["seconds"], rel=0.01)
    assert summary["started_at"] == "2026-01-02T03:00:00Z"
    assert datetime.fromisoformat(summary["finished_at"]) == ended


# -- a request to stop ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "rows", "known"),
    [
        pytest.param("stage", 0, False, id="before reading"),
        pytest.param("stage", 250, False, id="while reading"),
        pytest.param("prepare", 0, False, id="before validating"),
        pytest.param("prepare", 250, False, id="while validating"),
        pytest.param("prepare", 750, True, id="after validating"),
        pytest.param("resolve", 0, True, id="before comparing rows"),
        pytest.param("deliver", 0, True, id="before sending"),
        pytest.param("deliver", 100, True, id="at the first answer"),
        pytest.param("deliver", 400, True, id="while sending"),
    ],
)
def test_an_import_that_is_asked_to_stop(
    undisturbed: Undisturbed, phase: str, rows: int, *, known: bool, tmp_path: Path
) -> None:
    """`known` says whether it is known by then which rows are invalid and duplicate."""
    run = tmp_path / "runs" / "one"
    with HttpSink(refuses=refuse) as sink:
        with StopRequest(phase, rows), pytest.raises(StoppedError) as caught:
            run_import(tmp_path, sink.url, *undisturbed.sources, **PARTITIONED)
        assert caught.value.exit_code == 5
        summary = require_stopped(run, sink.accepted)
        require_unprocessed(run)
        assert summary["rows"] == 750
        assert summary["unprocessed"] > 0
        for name in ("invalid", "duplicate"):
            assert summary[name] == undisturbed.summary[name] or not known
        assert summary["requests"] == len(sink.requests)
        assert (summary["requests"] > 0) is (phase == "deliver" and rows > 0)
        assert read_json(run / "manifest.json")["message"] == caught.value.message
        summary = resume(tmp_path)
        assert summary["requests"] == len(sink.requests)
        assert {item["Id"]: item for item in sink.accepted} == undisturbed.accepted
        assert len(sink.accepted) == len(undisturbed.accepted)
    undisturbed.require_same(run)


def test_no_request_follows_those_in_flight(undisturbed: Undisturbed, tmp_path: Path) -> None:
    at_stop: list[int] = []

    class Noting(StopRequest):
        def advance(self, phase: str, rows: int) -> None:
            super().advance(phase, rows)
            if phase == "deliver" and self.rows <= 0 and not at_stop:
                at_stop.append(len(sink.requests))

    with HttpSink(refuses=refuse) as sink:
        with Noting("deliver", 100), pytest.raises(StoppedError):
            run_import(tmp_path, sink.url, *undisturbed.sources, **PARTITIONED)
        assert len(sink.requests) <= at_stop[0] + IN_FLIGHT < undisturbed.summary["requests"]


def test_asked_to_stop_when_it_is_resumed(undisturbed: Undisturbed, tmp_path: Path) -> None:
    with HttpSink(refuses=refuse) as sink:
        with StopRequest("prepare", 250), pytest.raises(StoppedError):
            run_import(tmp_path, sink.url, *undisturbed.sources, **PARTITIONED)
        for phase, rows in (("prepare", 0), ("resolve", 0), ("deliver", 300)):
            with StopRequest(phase, rows), pytest.raises(StoppedError):
                resume(tmp_path)
            require_stopped(tmp_path / "runs" / "one", sink.accepted)
        resume(tmp_path)
        assert len(sink.accepted) == len(undisturbed.accepted)
    undisturbed.require_same(tmp_path / "runs" / "one")


def test_a_request_when_everything_is_sent_comes_too_late(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with HttpSink(refuses=refuse) as sink, StopRequest("report"):
        run_import(tmp_path, sink.url, *undisturbed.sources, **PARTITIONED)
    undisturbed.require_same(tmp_path / "runs" / "one")


@pytest.mark.parametrize(
    ("phase", "rows"),
    [
        pytest.param("stage", 0, id="before reading"),
        pytest.param("stage", 600, id="while reading"),
        pytest.param("prepare", 0, id="before validating"),
        pytest.param("prepare", 100, id="while validating"),
    ],
)
def test_a_check_that_is_asked_to_stop(
    undisturbed: Undisturbed, phase: str, rows: int, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "one"
    with StopRequest(phase, rows), pytest.raises(StoppedError) as caught:
        run_check(tmp_path, *undisturbed.sources, **PARTITIONED)
    assert caught.value.exit_code == 5
    require_stopped(run, [])
    assert not (run / "unprocessed.csv").exists()
    summary = resume(tmp_path)
    require_balance(summary)
    sendable = undisturbed.summary["accepted"] + undisturbed.summary["rejected"]
    assert (summary["status"], summary["unprocessed"]) == ("completed_with_errors", sendable)
    for name in ("invalid", "duplicate", "issues_by_code"):
        assert summary[name] == undisturbed.summary[name]
    assert (summary["destination"], summary["requests"]) == (None, 0)
    assert not (run / "unprocessed.csv").exists()


@pytest.mark.parametrize("phase", ["prepare", "deliver"])
def test_a_guard_still_guards_what_is_resumed(
    undisturbed: Undisturbed, phase: str, tmp_path: Path
) -> None:
    with HttpSink() as sink:
        with StopRequest(phase), pytest.raises(StoppedError):
            run_import(tmp_path, sink.url, *undisturbed.sources, max_invalid="6", run_id="one")
        manifest = read_json(tmp_path / "runs/one/manifest.json")
        manifest["settings"]["max_invalid"] = "5"
        (tmp_path / "runs/one/manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(GuardError):
            resume(tmp_path)
        assert sink.requests == []
    summary = read_json(tmp_path / "runs/one/summary.json")
    assert (summary["status"], summary["invalid"], summary["accepted"]) == ("guarded", 6, 0)
    require_balance(summary)


@pytest.mark.parametrize("phase", ["resolve", "report"])
def test_a_request_when_everything_is_checked_comes_too_late(
    undisturbed: Undisturbed, phase: str, tmp_path: Path
) -> None:
    with StopRequest(phase):
        summary = run_check(tmp_path, *undisturbed.sources, **PARTITIONED)
    assert summary["status"] == "completed_with_errors"

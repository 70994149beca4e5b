"""Whole imports into services in trouble: every row arrives, or the run stops and goes on later."""

import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cli_support import KEYS, read_summary, require_quiet, stored_ids, the_error
from fakes import HttpSink, Reply
from import_support import people, require_balance, run_import, write_rows
from processes import CliResult, CommandLine, free_port

from pipelines.errors import DestinationError, TerminalDestinationError
from pipelines.flows import resume_run
from pipelines.local_server.faults import parse_faults, parse_latency
from pipelines.local_server.process import LocalServer, ServerOptions

HEADER = ("Id", "ChannelType", "Address")
TROUBLE = "429=0.1,500=0.05,reset=0.04,drop=0.04,half=0.02"
DENIED = Reply.failure(403, "AccessDeniedException", "User is not authorized")
EXPIRED = Reply.failure(403, "ExpiredTokenException", "The security token is expired")


def write_people(folder: Path, count: int) -> Path:
    return write_rows(folder / "people.csv", HEADER, people(count))


def ids_of(count: int) -> list[str]:
    return sorted(row[0] for row in people(count))


def serve(folder: Path, port: int = 0, **options: Any) -> LocalServer:
    db = folder / "store.sqlite3"
    return LocalServer(ServerOptions(port=port, db=db, applications=("local",), **options))


def answer_from(sink: HttpSink, accepted: int, reply: Reply) -> None:
    """Let a service take so many requests, and give all others the same answer."""

    def judge(_: dict[str, Any]) -> None:
        if len(sink.requests) == accepted and not sink.script:
            sink.script.extend([reply] * 1_000)

    sink.refuses = judge


def answer_as_usual(sink: HttpSink) -> None:
    sink.script.clear()
    sink.refuses = lambda _: None


def read_rehearsal(stderr: str) -> dict[str, int]:
    """Read what the server says that it did, by the names that it uses."""
    told = re.search(r"^Rehearsal: (.+)$", stderr, re.MULTILINE)
    assert told is not None, stderr
    counts = {}
    for part in told[1].split(", "):
        number, _, name = part.partition(" ")
        counts[name] = int(number.replace(",", ""))
    return counts


def test_all_rows_are_stored_whatever_breaks(
    tmp_path: Path, prefect_api: None, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = 20_000
    source = write_people(tmp_path, rows)
    with serve(tmp_path, faults=parse_faults(TROUBLE), seed=1) as server:
        summary = run_import(tmp_path, server.url, source, run_id="one", partition_rows=5_000)
    assert (summary["status"], summary["accepted"]) == ("completed", rows)
    require_balance(summary)
    assert stored_ids(tmp_path / "store.sqlite3") == ids_of(rows)
    told = read_rehearsal(capsys.readouterr().err)
    assert summary["requests"] == told["requests"] < 1.6 * rows / 100
    assert summary["throttled"] == told["of 429"] > 0
    # What was sent again is what was not answered with 202, whole and readable.
    assert summary["retries"] == told["requests"] - told["answered as usual"]
    assert {"of 500", "reset", "drop", "half"} <= told.keys()


@dataclass(frozen=True)
class Denied:
    """An import whose permission is taken away in the middle, and which goes on with it."""

    folder: Path
    stopped: CliResult
    books: dict[str, Any]
    followed: int
    """Requests after the first one that was denied."""
    resumed: CliResult
    sink: HttpSink


@pytest.fixture(scope="module")
def denied(prefect_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Denied]:
    folder = tmp_path_factory.mktemp("denied")
    write_people(folder, 3_000)
    cli = CommandLine(folder, {**prefect_server.environment, **KEYS})

    with HttpSink() as sink:
        answer_from(sink, 8, DENIED)
        options = ("--application-id", "local", "--endpoint-url", sink.url, "--max-in-flight", "3")
        stopped = cli("run", "people.csv", "--run-id", "first", *options)
        followed = len(sink.requests) - 8 - 1
        answer_as_usual(sink)
        books = read_summary(folder / "runs", "first")
        yield Denied(folder, stopped, books, followed, cli("resume", "first"), sink)


def test_denied_permission_is_named(denied: Denied) -> None:
    assert "may use mobiletargeting:UpdateEndpointsBatch" in the_error(denied.stopped)
    assert re.search(r"^Go on: +endpoint-import resume first$", denied.stopped.stdout, re.MULTILINE)
    assert denied.stopped.code == 5


def test_denied_permission_stops_at_once(denied: Denied) -> None:
    assert denied.followed <= 2
    assert denied.books["status"] == "stopped"
    assert denied.books["rejected"] == 0
    assert denied.books["accepted"] + denied.books["unprocessed"] == denied.books["rows"] == 3_000
    assert denied.books["accepted"] == 800


def test_run_goes_on_with_permission(denied: Denied) -> None:
    require_quiet(denied.resumed)
    assert denied.resumed.code == 0
    assert sorted(item["Id"] for item in denied.sink.accepted) == ids_of(3_000)


def test_expired_credentials_can_be_renewed(tmp_path: Path, prefect_api: None) -> None:
    source = write_people(tmp_path, 1_000)
    with HttpSink() as sink:
        answer_from(sink, 3, EXPIRED)
        with pytest.raises(TerminalDestinationError, match="The security token is expired"):
            run_import(tmp_path, sink.url, source, run_id="one")
        answer_as_usual(sink)
        summary = resume_run("one", tmp_path / "runs")
        assert sorted(item["Id"] for item in sink.accepted) == ids_of(1_000)
    assert (summary["status"], summary["accepted"]) == ("completed", 1_000)


def test_unknown_quota_is_found(tmp_path: Path, prefect_api: None) -> None:
    rows = 20_000
    source = write_people(tmp_path, rows)
    with serve(tmp_path, quota=40.0, latency=parse_latency("5ms")) as server:
        summary = run_import(tmp_path, server.url, source)
    assert (summary["status"], summary["accepted"]) == ("completed", rows)
    assert 0 < summary["throttled"] < summary["requests"] / 3


def test_known_quota_is_kept(tmp_path: Path, prefect_api: None) -> None:
    rows = 8_000
    source = write_people(tmp_path, rows)
    with serve(tmp_path, quota=40.0) as server:
        summary = run_import(tmp_path, server.url, source, rate=40.0)
    assert (summary["status"], summary["accepted"]) == ("completed", rows)
    assert summary["throttled"] == summary["retries"] == 0


def test_service_that_refuses_everything_is_no_fault_of_the_rows(
    tmp_path: Path, prefect_api: None
) -> None:
    source = write_people(tmp_path, 5_000)
    with HttpSink(refuses=lambda _: "Invalid request") as sink:
        with pytest.raises(TerminalDestinationError, match="No single row is to blame") as caught:
            run_import(tmp_path, sink.url, source, run_id="one")
        asked = len(sink.requests)
        sink.refuses = lambda _: None
        books = read_summary(tmp_path / "runs", "one")
        assert (books["rejected"], books["unprocessed"], books["balanced"]) == (0, 5_000, True)
        assert resume_run("one", tmp_path / "runs")["accepted"] == 5_000
    assert caught.value.exit_code == 5
    assert asked < 250


def kill_when_half_is_stored(server: LocalServer, database: Path, rows: int) -> None:
    with sqlite3.connect(database) as connection:
        while connection.execute("SELECT count(*) FROM endpoints").fetchone()[0] < rows / 2:
            time.sleep(0.01)
    os.kill(server.pid, signal.SIGKILL)


def test_server_dies_and_comes_back(tmp_path: Path, prefect_api: None) -> None:
    rows, port, database = 10_000, free_port(), tmp_path / "store.sqlite3"
    source = write_people(tmp_path, rows)
    is_over = threading.Event()
    with serve(tmp_path, port, latency=parse_latency("20ms")) as first:

        def restart() -> None:
            kill_when_half_is_stored(first, database, rows)
            time.sleep(1)
            with serve(tmp_path, port):
                is_over.wait()

        with ThreadPoolExecutor(1) as pool:
            restarted = pool.submit(restart)
            try:
                summary = run_import(tmp_path, first.url, source, run_id="one")
            except DestinationError:
                summary = resume_run("one", tmp_path / "runs")
            finally:
                is_over.set()
            restarted.result()
    assert (summary["status"], summary["accepted"]) == ("completed", rows)
    assert summary["retries"] > 0
    assert stored_ids(database) == ids_of(rows)

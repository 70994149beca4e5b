"""Imports that stop part-way: the books are written, and what is left can be fed back in."""

import re
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from cli_support import (
    ELSEWHERE,
    HEADER,
    KEYS,
    NOWHERE,
    read_summary,
    require_quiet,
    the_error,
)
from fakes import HttpSink
from processes import CliResult, CommandLine, running, wait_until

from schemas.outcomes import Outcome

ROWS = 1_000
SLOWLY = ("--rate", "1", "--max-in-flight", "1")
"""Ten requests take nine seconds: a signal at the first finds most of them waiting."""


def test_server_not_running(cli_here: CommandLine) -> None:
    result = cli_here("run", "dirty.csv", *ELSEWHERE, "--run-id", "one", **KEYS)
    expected = rf"{NOWHERE} did not take a batch in \d attempts .*Check that it is running"
    assert re.search(expected, the_error(result))
    assert result.code == 5
    books = read_summary(cli_here.cwd / "runs", "one")
    assert books["status"] == "stopped"
    assert (books["accepted"], books["unprocessed"], books["balanced"]) == (0, 3, True)
    unprocessed = pl.read_csv(cli_here.cwd / "runs/one/unprocessed.csv")
    assert sorted(unprocessed["Id"]) == ["a", "b", "c"]


@dataclass(frozen=True)
class Stopped:
    """A folder in which an import got SIGTERM while its first request was in flight."""

    cli: CommandLine
    sink: HttpSink
    result: CliResult
    sent: list[str]
    """Ids that the service had got by then."""

    def import_again(self, source: str) -> CliResult:
        options = ("--application-id", "local", "--endpoint-url", self.sink.url)
        return self.cli("run", source, *options, "--run-id", "second", **KEYS)


@pytest.fixture(scope="module")
def stopped(prefect_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    folder = tmp_path_factory.mktemp("stopped")
    rows = "".join(f"{n},EMAIL,p{n}@example.com\n" for n in range(ROWS))
    (folder / "many.csv").write_text(HEADER.decode() + rows)
    out, log = folder / "out", folder / "log"
    environment = {**prefect_server.environment, **KEYS}
    command = [sys.executable, "-m", "pipelines.cli", "run", "many.csv", "--run-id", "first"]
    is_signalled = threading.Event()

    def accept(_: dict[str, Any]) -> None:
        assert is_signalled.wait(60)

    with HttpSink(refuses=accept) as sink:
        command += [*SLOWLY, "--application-id", "local", "--endpoint-url", sink.url]
        with running(command, environment, folder, log, out) as child:
            wait_until(lambda: child.poll() is not None or len(sink.requests) > 0, 60, log)
            child.send_signal(signal.SIGTERM)
            is_signalled.set()
            code = child.wait(60)
        result = CliResult(code, out.read_text(), log.read_text())
        sent = [item["Id"] for item in sink.accepted]
        yield Stopped(CommandLine(folder, prefect_server.environment), sink, result, sent)


def test_sigterm_is_told_as_a_stopped_run(stopped: Stopped) -> None:
    assert re.search(r"A signal stopped the run; .+\.", the_error(stopped.result))
    verdict = f"Stopped part-way: {len(stopped.sent):,} of {ROWS:,} rows were imported."
    assert verdict in stopped.result.stdout
    assert stopped.result.code == 5


def test_sigterm_leaves_balanced_books(stopped: Stopped) -> None:
    books = read_summary(stopped.cli.cwd / "runs", "first")
    assert (books["status"], books["balanced"], books["rows"]) == ("stopped", True, ROWS)
    assert sum(books[outcome.value] for outcome in Outcome) == ROWS
    assert books["accepted"] + books["unprocessed"] == ROWS
    assert books["unprocessed"] > 0
    # The request that was in flight was finished: its rows are accepted, and were sent once.
    assert books["accepted"] == len(stopped.sent) == len(set(stopped.sent)) > 0
    unprocessed = pl.read_csv(stopped.cli.cwd / "runs/first/unprocessed.csv")
    assert len(unprocessed) == books["unprocessed"]
    assert {*unprocessed["Id"].cast(pl.String), *stopped.sent} == {str(n) for n in range(ROWS)}


def test_unprocessed_rows_fed_back_complete_the_import(stopped: Stopped) -> None:
    result = stopped.import_again("runs/first/unprocessed.csv")
    require_quiet(result)
    assert result.code == 0
    left = ROWS - len(stopped.sent)
    assert read_summary(stopped.cli.cwd / "runs", "second")["accepted"] == left
    ids = [item["Id"] for item in stopped.sink.accepted]
    assert sorted(ids) == sorted(str(n) for n in range(ROWS))

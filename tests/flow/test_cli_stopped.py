"""Commands that are stopped part-way: the books are written, and what is left goes on later.

Each story is a few commands on one run, and the stories run side by side.
"""

import json
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cli_support import (
    ELSEWHERE,
    KEYS,
    NOISE,
    NOWHERE,
    emails,
    read_manifest,
    read_summary,
    require_quiet,
    the_error,
    write_inputs,
)
from fakes import HttpSink
from import_support import run_import
from processes import CliResult, CommandLine, side_by_side

from schemas.outcomes import Outcome

ROWS = 1_000
ALL_IDS = sorted(str(n) for n in range(ROWS))
SLOWLY = ("--rate", "1", "--max-in-flight", "1")
"""Ten requests take nine seconds: a signal at the first finds most of them waiting."""
QUICKLY = ("--rate", "1000")
CHECKED = 6_000


@dataclass
class Story:
    """What happened in one folder."""

    cli: CommandLine
    results: dict[str, CliResult] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    """Ids that the service had taken when the first command ended."""
    taken: list[str] = field(default_factory=list)
    """Ids that it had taken in the end."""
    listed: list[dict[str, Any]] = field(default_factory=list)
    """What `runs` said of a run that was left at once."""
    orphans: set[int] = field(default_factory=set)

    @property
    def runs(self) -> Path:
        return self.cli.cwd / "runs"


class Service:
    """A service that holds its answers back while it is told to."""

    def __init__(self) -> None:
        self._may_answer = threading.Event()
        self.sink = HttpSink(refuses=lambda _: None if self._may_answer.wait(120) else "too late")
        self.options = ("--application-id", "local", "--endpoint-url", self.sink.url)

    def hold(self) -> None:
        self._may_answer.clear()

    def release(self) -> None:
        self._may_answer.set()

    def taken(self) -> list[str]:
        return [item["Id"] for item in self.sink.accepted]


def begin_story(folder: Path, environment: dict[str, str]) -> Story:
    (folder / "many.csv").write_text(emails(ROWS))
    (folder / "checked.csv").write_text(emails(CHECKED))
    write_inputs(folder)
    return Story(CommandLine(folder, {**environment, **KEYS}))


def stop_by_sigterm(story: Story) -> None:
    service = Service()
    with service.sink:
        command = ("run", "many.csv", "--run-id", "first", *SLOWLY, *service.options)
        with story.cli.started(*command) as started:
            started.wait_until(lambda: bool(service.sink.requests))
            started.process.send_signal(signal.SIGTERM)
            service.release()
            story.results["run"] = started.end()
        story.sent = service.taken()
        shutil.copytree(story.runs / "first", story.cli.cwd / "as-stopped")
        story.results["resume"] = story.cli("resume", "first", *QUICKLY)
        story.taken = service.taken()


def stop_by_ctrl_c(alone: dict[str, str], story: Story) -> None:
    """Once in good order and once at once; the first time with a Prefect API of its own."""
    service = Service()
    command = ("run", "many.csv", "--run-id", "first", *SLOWLY, *service.options)
    with service.sink:
        with CommandLine(story.cli.cwd, {**alone, **KEYS}).started(*command) as started:
            started.wait_until(lambda: bool(service.sink.requests))
            started.signal_group(signal.SIGINT)
            started.wait_until(lambda: "Stopping:" in started.log.read_text())
            service.release()
            story.results["run"] = started.end()
            story.orphans |= started.left_behind()
        story.sent = service.taken()
        service.hold()
        before = len(service.sink.requests)
        with story.cli.started("resume", "first", *QUICKLY) as started:
            started.wait_until(lambda: len(service.sink.requests) > before)
            started.signal_group(signal.SIGINT)
            started.wait_until(lambda: "Stopping:" in started.log.read_text())
            started.signal_group(signal.SIGINT)
            story.results["left"] = started.end()  # while the service still holds its answer
            story.orphans |= started.left_behind()
        story.results["runs"] = story.cli("runs", "--json")
        story.results["report"] = story.cli("report", "first")
        service.release()
        story.results["resume"] = story.cli("resume", "first", *QUICKLY)
        story.taken = service.taken()


def stop_check(story: Story) -> None:
    command = ("check", "checked.csv", "--run-id", "first", "--partition-rows", "100")
    with story.cli.started(*command) as started:
        prepared = story.runs / "first" / "prepared"
        started.wait_until(lambda: any(prepared.glob("part-*")))
        started.process.send_signal(signal.SIGTERM)
        story.results["check"] = started.end()
    shutil.copytree(prepared, story.cli.cwd / "as-stopped")
    story.results["resume"] = story.cli("resume", "first")


def find_nobody(story: Story) -> None:
    story.results["run"] = story.cli("run", "dirty.csv", *ELSEWHERE, "--run-id", "one")


@pytest.fixture(scope="module")
def story_of(
    prefect_server: Any, clean_environment: dict[str, str], tmp_path_factory: Any
) -> Iterator[Callable[[str], Story]]:
    tellers: dict[str, Callable[[Story], None]] = {
        "nobody": find_nobody,
        "ctrl-c": partial(stop_by_ctrl_c, clean_environment),
        "sigterm": stop_by_sigterm,
        "check": stop_check,
    }

    def tell(name: str) -> Story:
        story = begin_story(tmp_path_factory.mktemp(name), prefect_server.environment)
        tellers[name](story)
        return story

    with side_by_side({name: partial(tell, name) for name in tellers}, at_once=3) as story_of:
        yield story_of


def require_halved_books(story: Story) -> None:
    books = read_summary(story.runs, "first")
    assert (books["status"], books["balanced"], books["rows"]) == ("stopped", True, ROWS)


def require_completed(story: Story) -> None:
    require_quiet(story.results["resume"])
    assert f"All {ROWS:,} rows were imported." in story.results["resume"].stdout
    assert story.results["resume"].code == 0
    books = read_summary(story.runs, "first")
    assert (books["status"], books["accepted"], books["balanced"]) == ("completed", ROWS, True)
    assert sorted(set(story.taken)) == ALL_IDS


@pytest.mark.parametrize("name", ["sigterm", "ctrl-c"])
def test_first_signal_is_told_as_a_stopped_run(story_of: Callable[[str], Story], name: str) -> None:
    story = story_of(name)
    result = story.results["run"]
    assert re.search(r"A signal stopped the run; .+\.", the_error(result))
    assert f"Stopped part-way: {len(story.sent):,} of {ROWS:,} rows were" in result.stdout
    assert re.search(r"^Go on: +endpoint-import resume first$", result.stdout, re.MULTILINE)
    assert result.code == 5


def test_sigterm_leaves_balanced_books(story_of: Callable[[str], Story]) -> None:
    story = story_of("sigterm")
    books = read_summary(story.cli.cwd, "as-stopped")
    assert (books["status"], books["balanced"], books["rows"]) == ("stopped", True, ROWS)
    assert sum(books[outcome.value] for outcome in Outcome) == ROWS
    assert books["accepted"] + books["unprocessed"] == ROWS
    assert books["unprocessed"] > 0
    # The request that was in flight was finished: its rows are accepted, and were sent once.
    assert books["accepted"] == len(story.sent) == len(set(story.sent)) > 0
    unprocessed = pl.read_csv(story.cli.cwd / "as-stopped/unprocessed.csv")
    assert len(unprocessed) == books["unprocessed"]
    assert sorted({*unprocessed["Id"].cast(pl.String), *story.sent}) == ALL_IDS


@pytest.mark.parametrize("name", ["sigterm", "ctrl-c"])
def test_resume_completes(story_of: Callable[[str], Story], name: str) -> None:
    require_completed(story_of(name))


def test_nothing_is_sent_twice_after_an_orderly_end(story_of: Callable[[str], Story]) -> None:
    assert sorted(story_of("sigterm").taken) == ALL_IDS


def test_unprocessed_rows_fed_back_complete_the_import(
    story_of: Callable[[str], Story], prefect_api: None
) -> None:
    story = story_of("sigterm")
    with HttpSink() as sink:
        left = story.cli.cwd / "as-stopped/unprocessed.csv"
        summary = run_import(story.cli.cwd, sink.url, left, run_id="second")
        taken = [item["Id"] for item in sink.accepted]
    assert (summary["status"], summary["accepted"]) == ("completed", ROWS - len(story.sent))
    assert sorted([*taken, *story.sent]) == ALL_IDS


def test_second_ctrl_c_leaves_at_once(story_of: Callable[[str], Story]) -> None:
    left = story_of("ctrl-c").results["left"]
    assert the_error(left) == "Error: Left at once. Go on with: endpoint-import resume first"
    assert left.code == 5


def test_run_that_was_left_is_interrupted(story_of: Callable[[str], Story]) -> None:
    story = story_of("ctrl-c")
    (listed,) = json.loads(story.results["runs"].stdout)
    assert (listed["run_id"], listed["status"]) == ("first", "interrupted")
    told = r"first has no summary: it is interrupted\..* endpoint-import resume first"
    assert re.search(told, the_error(story.results["report"]))
    assert story.results["report"].code == 2


def test_ctrl_c_costs_at_most_the_request_that_was_abandoned(
    story_of: Callable[[str], Story],
) -> None:
    story = story_of("ctrl-c")
    assert len(story.taken) <= ROWS + 100
    assert len(read_manifest(story.runs, "first")["attempts"]) == 3


def test_nothing_is_left_behind(story_of: Callable[[str], Story]) -> None:
    assert story_of("ctrl-c").orphans == set()


@pytest.mark.parametrize("name", ["sigterm", "ctrl-c", "check", "nobody"])
def test_no_traceback(story_of: Callable[[str], Story], name: str) -> None:
    for result in story_of(name).results.values():
        assert not NOISE.search(result.stderr), result.stderr


def test_check_is_stopped_and_resumed(story_of: Callable[[str], Story]) -> None:
    story = story_of("check")
    stopped, resumed = story.results["check"], story.results["resume"]
    assert re.search(r"A signal stopped the run", the_error(stopped))
    assert stopped.code == 5
    done = len(list((story.cli.cwd / "as-stopped").glob("part-*")))
    assert 0 < done < CHECKED // 100
    require_quiet(resumed)
    assert f"All {CHECKED:,} rows can be imported." in resumed.stdout
    assert resumed.code == 0


def test_server_not_running(story_of: Callable[[str], Story]) -> None:
    story = story_of("nobody")
    expected = rf"{NOWHERE} does not answer .*Check that it is running"
    assert re.search(expected, the_error(story.results["run"]))
    assert story.results["run"].code == 5
    books = read_summary(story.runs, "one")
    assert books["status"] == "stopped"
    assert (books["accepted"], books["unprocessed"], books["balanced"]) == (0, 3, True)
    unprocessed = pl.read_csv(story.runs / "one/unprocessed.csv")
    assert sorted(unprocessed["Id"]) == ["a", "b", "c"]

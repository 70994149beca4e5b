"""kill -9 at any instant: resumed until it is done, an import ends as if nothing had happened."""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cli_support import KEYS, read_manifest, read_summary, require_quiet, stored_ids
from fakes import HttpSink
from import_support import people, read_outcomes, read_rows, run_import, write_rows
from polars.testing import assert_frame_equal
from processes import CliResult, CommandLine, find_marked, side_by_side

from schemas.outcomes import Outcome

SEED = 1
ROWS = 4_000
PARTITION_ROWS = 1_000
IN_FLIGHT = 3
BATCH = 100
HEADER = ("Id", "ChannelType", "Address")
COUNTED = [*(outcome.value for outcome in Outcome), "rows", "issues_by_code", "balanced", "status"]


def refuse_some(item: dict[str, Any]) -> str | None:
    """The service takes a while for each request, and refuses a few rows."""
    number = int(item["Id"].removeprefix("id-"))
    if number % BATCH == 0:
        time.sleep(0.02)
    return f"Invalid Address: {item['Id']}" if number % 397 == 5 else None


def write_export(folder: Path) -> Path:
    """Valid rows, and here and there one that is invalid or a duplicate of an earlier one."""
    rows = people(ROWS)
    for number in range(7, ROWS, 211):
        rows[number] = (rows[number][0], "EMAIL", "nobody")
    for number in range(250, ROWS, 400):
        rows[number] = rows[number - 240]
    return write_rows(folder / "export.csv", HEADER, rows)


@dataclass
class Killed:
    """An import that was killed and resumed until it was done."""

    cli: CommandLine
    export: Path
    phases: list[str] = field(default_factory=list)
    """What was going on at each kill."""
    prepared: list[dict[str, int]] = field(default_factory=list)
    """The files of prepared partitions at each kill, with what tells a new file from an old one;
    none before the sources were read to their end, as until then they may still change."""
    resent: list[int] = field(default_factory=list)
    """Rows that each attempt sent though the service had taken them from an earlier one."""
    children: int = 0
    """Processes besides the command when it was killed."""
    orphans: set[int] = field(default_factory=set)
    """Those that outlived it."""
    last: CliResult | None = None
    requests: int = 0
    """Requests that the service got."""
    taken: dict[str, Any] = field(default_factory=dict)
    """Items that it took, by Id."""

    @property
    def run(self) -> Path:
        return self.cli.cwd / "runs" / "first"


def say_phase(run: Path) -> str:
    """Tell from its files what a run was about to do."""
    for folder, phase in (
        ("outcomes", "report"),
        ("delivered", "deliver"),
        ("prepared", "prepare"),
    ):
        if any((run / folder).glob("part-*")):
            return phase
    return "stage"


def moments(draw: random.Random) -> Iterator[tuple[str, int]]:
    """How far an attempt gets before it is killed: so many new files there, or requests."""
    yield "staged", draw.randint(1, 4)
    yield "prepared", draw.randint(1, 3)
    yield "requests", draw.randint(8, 20)
    yield "requests", draw.randint(8, 20)
    yield "outcomes", draw.randint(1, 2)


def kill_until_done(story: Killed) -> None:
    draw = random.Random(SEED)
    with HttpSink(refuses=refuse_some) as sink:
        target = ("--application-id", "local", "--endpoint-url", sink.url)
        sizes = ("--partition-rows", str(PARTITION_ROWS), "--max-in-flight", str(IN_FLIGHT))
        command = ("run", story.export, "--run-id", "first", *sizes, *target)
        taken: set[str] = set()
        for what, wanted in moments(draw):
            sent, requested = len(sink.accepted), len(sink.requests)
            with story.cli.started(*command) as started:
                started.wait_until(
                    lambda: progress(story.run, sink, requested, what) >= wanted,  # noqa: B023
                    every_s=0.001,
                )
                time.sleep(draw.uniform(0, 0.03))
                assert started.process.poll() is None, started.log.read_text()
                started.kill()
                story.orphans |= started.left_behind()
            story.phases.append(say_phase(story.run))
            prepared = (story.run / "prepared").glob("part-*")
            is_staged = json.loads((story.run / "manifest.json").read_bytes())["is_staged"]
            files = {path.name: path.stat().st_ino for path in prepared}
            story.prepared.append(files if is_staged else {})
            leave_torn_files(story.run)
            settle(sink)
            note_attempt(story, sink, sent, taken)
            command = ("resume", "first")
        sent = len(sink.accepted)
        story.last = story.cli(*command)
        note_attempt(story, sink, sent, taken)
        story.requests = len(sink.requests)
        story.taken = by_id(sink)


def leave_torn_files(run: Path) -> None:
    """Leave what a kill in the middle of a write leaves: few of them hit one."""
    for folder in (run, run / "outcomes"):
        (folder / ".torn.parquet.1.tmp").write_bytes(b"PAR1")
    for log in (run / "delivered").glob("*.log"):
        with log.open("ab") as file:
            file.write(b'8b8a7d5e {"deliveries":[[0,1')


def progress(run: Path, sink: HttpSink, requested: int, what: str) -> int:
    if what == "requests":
        return len(sink.requests) - requested
    return len(list((run / what).glob("part-*")))


def by_id(sink: HttpSink) -> dict[str, Any]:
    return {item["Id"]: item for item in sink.accepted}


def settle(sink: HttpSink) -> None:
    """Let the service answer what a killed process had sent."""
    before = -1
    while before != (before := len(sink.requests) + len(sink.accepted)):
        time.sleep(0.2)


def note_attempt(story: Killed, sink: HttpSink, sent: int, taken: set[str]) -> None:
    now = [item["Id"] for item in sink.accepted[sent:]]
    story.resent.append(sum(id_ in taken for id_ in now))
    taken.update(now)


def kill_alone(alone: dict[str, str], story: Killed) -> None:
    """Kill a command that has an embedded server and a Prefect API of its own."""
    command = (
        "run",
        story.export,
        "--run-id",
        "first",
        "--local",
        "--db",
        "db",
        "--partition-rows",
    )
    with CommandLine(story.cli.cwd, alone).started(*command, str(PARTITION_ROWS)) as started:
        started.wait_until(lambda: any((story.run / "delivered").glob("part-*")), every_s=0.001)
        story.children = len(find_marked(started.mark)) - 1
        started.kill()
        story.orphans = started.left_behind()
    story.phases.append(say_phase(story.run))
    story.last = story.cli("resume", "first")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def story_of(
    prefect_server: Any, clean_environment: dict[str, str], export: Path, tmp_path_factory: Any
) -> Iterator[Callable[[str], Killed]]:
    tellers = {"again": kill_until_done, "alone": partial(kill_alone, clean_environment)}

    def tell(name: str) -> Killed:
        cli = CommandLine(tmp_path_factory.mktemp(name), {**prefect_server.environment, **KEYS})
        story = Killed(cli, export)
        tellers[name](story)
        return story

    with side_by_side({name: partial(tell, name) for name in tellers}) as story_of:
        yield story_of


@pytest.fixture
def killed(story_of: Callable[[str], Killed]) -> Killed:
    """Killed five times, with the session's Prefect API."""
    return story_of("again")


@pytest.fixture
def left_alone(story_of: Callable[[str], Killed]) -> Killed:
    """Killed once, while it had a Prefect API and an embedded server of its own."""
    return story_of("alone")


@dataclass(frozen=True)
class Undisturbed:
    """The same import, in peace."""

    run: Path
    summary: dict[str, Any]
    taken: dict[str, Any]


@pytest.fixture(scope="module")
def undisturbed(prefect_api: None, export: Path, tmp_path_factory: Any) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    with HttpSink(refuses=refuse_some) as sink:
        summary = run_import(
            folder, sink.url, export, run_id="first", partition_rows=PARTITION_ROWS
        )
        return Undisturbed(folder / "runs/first", summary, by_id(sink))


def test_kills_hit_what_they_were_meant_for(killed: Killed) -> None:
    assert set(killed.phases[:2]) <= {"stage", "prepare", "deliver"}
    assert killed.phases[2:] == ["deliver", "deliver", "report"]
    assert len(read_manifest(killed.run.parent, "first")["attempts"]) == 6


def test_partition_that_was_done_is_not_done_again(killed: Killed) -> None:
    assert any(killed.prepared[:-1])
    for before, after in pairwise(killed.prepared):
        assert before.items() <= after.items()


def test_last_attempt_ends_as_any_import(killed: Killed, undisturbed: Undisturbed) -> None:
    require_quiet(killed.last)
    assert undisturbed.summary["rejected"] > 0
    assert killed.last.code == 1


def test_service_has_what_it_would_have(killed: Killed, undisturbed: Undisturbed) -> None:
    assert killed.taken == undisturbed.taken


def test_every_row_has_the_outcome_it_would_have(killed: Killed, undisturbed: Undisturbed) -> None:
    expected = read_outcomes(undisturbed.run).drop("request_id")
    assert_frame_equal(read_outcomes(killed.run).drop("request_id"), expected)


def test_books_are_as_they_would_be(killed: Killed, undisturbed: Undisturbed) -> None:
    books = read_summary(killed.run.parent, "first")
    assert {name: books[name] for name in COUNTED} == {
        name: undisturbed.summary[name] for name in COUNTED
    }
    assert books["balanced"] is True
    assert read_rows(killed.run / "errors.csv") == read_rows(undisturbed.run / "errors.csv")


def test_no_file_is_left_over(killed: Killed, undisturbed: Undisturbed) -> None:
    def names(run: Path) -> set[str]:
        return {str(path.relative_to(run)) for path in run.rglob("*")}

    assert names(killed.run) == names(undisturbed.run)


def test_kill_costs_at_most_the_requests_in_flight(killed: Killed) -> None:
    assert max(killed.resent) <= IN_FLIGHT * BATCH
    assert sum(killed.resent) > 0  # else no kill has hit a request in flight


def test_all_but_what_was_in_flight_is_counted(killed: Killed) -> None:
    counted = read_summary(killed.run.parent, "first")["requests"]
    # Requests of a search are written down with its next final answer: seven, as 2^7 > 100.
    assert 0 <= killed.requests - counted <= len(killed.phases) * IN_FLIGHT * 8


def test_nothing_is_left_behind(killed: Killed, left_alone: Killed) -> None:
    assert left_alone.children >= 2  # the Prefect API and the embedded server
    assert left_alone.orphans == killed.orphans == set()


def test_embedded_server_comes_back_with_its_data(left_alone: Killed) -> None:
    require_quiet(left_alone.last)
    assert left_alone.last.code == 1
    books = read_summary(left_alone.run.parent, "first")
    assert books["balanced"] is True
    assert len(stored_ids(left_alone.cli.cwd / "db")) == books["accepted"] > 0

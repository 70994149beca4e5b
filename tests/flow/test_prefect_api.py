"""Prefect's own API for the time of a command: made anew, not there, not wanted, interrupted."""

import json
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from cli_support import NOWHERE, require_quiet, the_error, write_inputs
from processes import CliResult, CommandLine, find_marked, side_by_side

PROFILES = f'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "{NOWHERE}/api"\n'
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Commands:
    """What became of commands in a folder, whose Prefect home is in it too."""

    cli: CommandLine
    results: list[CliResult] = field(default_factory=list)
    orphans: set[int] = field(default_factory=set)

    @property
    def home(self) -> Path:
        return Path(self.cli.environment["PREFECT_HOME"])


def start_two(commands: Commands) -> None:
    """Both find no database and make one."""
    names = ("one", "two")
    check = {n: partial(commands.cli, "check", "clean.csv", "--run-id", n) for n in names}
    with side_by_side(check) as result_of:
        commands.results = [result_of(name) for name in names]


def start_with_a_profile(commands: Commands) -> None:
    commands.home.mkdir()
    (commands.home / "profiles.toml").write_text(PROFILES)
    commands.results.append(commands.cli("check", "clean.csv"))


def start_with_no_database(commands: Commands) -> None:
    (commands.home / "prefect.db").mkdir(parents=True)
    commands.results.append(commands.cli("check", "clean.csv"))


def stop_at_the_start(commands: Commands) -> None:
    for number in SIGNALS:
        with commands.cli.started("run", "clean.csv", "--local") as started:
            started.wait_until(lambda mark=started.mark: len(find_marked(mark)) == 3)
            started.signal_group(number)
            commands.results.append(started.end())
            commands.orphans |= started.left_behind()


@pytest.fixture(scope="module")
def commands_of(
    clean_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Commands]]:
    stories = {
        "two": start_two,
        "profile": start_with_a_profile,
        "no-database": start_with_no_database,
        "signals": stop_at_the_start,
    }

    def tell(name: str) -> Commands:
        folder = tmp_path_factory.mktemp(name)
        write_inputs(folder)
        home = {"PREFECT_HOME": str(folder / "prefect")}
        commands = Commands(CommandLine(folder, {**clean_environment, **home}))
        stories[name](commands)
        return commands

    with side_by_side({name: partial(tell, name) for name in stories}) as commands_of:
        yield commands_of


def test_two_commands_make_the_database_at_once(commands_of: Callable[[str], Commands]) -> None:
    for result in commands_of("two").results:
        require_quiet(result)
        assert "All 3 rows can be imported." in result.stdout
        assert result.code == 0


def test_runs_are_recorded_for_a_later_server(commands_of: Callable[[str], Commands]) -> None:
    home = commands_of("two").home
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        of_flows = database.execute("SELECT parameters, state_type FROM flow_run").fetchall()
        of_tasks = database.execute("SELECT DISTINCT state_type FROM task_run").fetchall()
        logs = database.execute("SELECT DISTINCT flow_run_id FROM log").fetchall()
    names = {json.loads(given)["settings"]["run_id"]: state for given, state in of_flows}
    assert names == {"one": "COMPLETED", "two": "COMPLETED"}
    assert of_tasks == [("COMPLETED",)]
    assert len(logs) == 2
    # By this file a server would believe that block types are in the database.
    assert not (home / "memo_store.toml").exists()


def test_profile_names_another_api(commands_of: Callable[[str], Commands]) -> None:
    commands = commands_of("profile")
    (result,) = commands.results
    assert re.search(rf"Prefect API at {NOWHERE}/api.*Prefect profile", the_error(result))
    assert result.code == 2
    assert not (commands.home / "prefect.db").exists()


def test_database_cannot_be_opened(commands_of: Callable[[str], Commands]) -> None:
    (result,) = commands_of("no-database").results
    expected = r"API did not start: .*unable to open database file.* Check PREFECT_HOME"
    assert re.search(expected, the_error(result))
    assert result.code == 2


@pytest.mark.parametrize("which", range(len(SIGNALS)), ids=[each.name for each in SIGNALS])
def test_signal_at_the_start_is_answered_in_one_line(
    commands_of: Callable[[str], Commands], which: int
) -> None:
    result = commands_of("signals").results[which]
    assert the_error(result) == "Error: Stopped by a signal before anything was read or sent."
    assert (result.code, result.stdout) == (5, "")


def test_start_leaves_nothing_behind(commands_of: Callable[[str], Commands]) -> None:
    commands = commands_of("signals")
    assert commands.orphans == set()
    assert not (commands.cli.cwd / "runs").exists()

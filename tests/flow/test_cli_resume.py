"""`resume` on the command line: what it takes, what it refuses, and what it says."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cli_support import KEYS, NOISE, emails, read_manifest, read_summary, the_error
from fakes import HttpSink, Reply
from import_support import run_check, run_import
from processes import CliResult, CommandLine, side_by_side

from pipelines.errors import GuardError, TerminalDestinationError
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.run_lock import locked

ROWS = 1_000
NEVER_ENDING = {"rate": 0.05, "max_in_flight": 1}
"""Ten requests would take three minutes."""
DENIED = Reply.failure(403, "AccessDeniedException", "User is not authorized")


@pytest.fixture(scope="module")
def folder(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with runs of all kinds; another process, this one, works on `busy`."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "many.csv").write_text(emails(ROWS))
    (folder / "wrong.csv").write_text("Id,ChannelType,Address\na,EMAIL,nobody\n")
    with HttpSink() as sink:
        run_import(folder, sink.url, folder / "wrong.csv", run_id="finished")
        with pytest.raises(GuardError):
            run_import(folder, sink.url, folder / "wrong.csv", run_id="guarded", max_invalid="0%")
        for name in ("stopped", "other", "busy", "killed"):
            sink.script.extend([DENIED] * 4)
            given = {"run_id": name, "application_id": name, **NEVER_ENDING}
            with pytest.raises(TerminalDestinationError):
                run_import(folder, sink.url, folder / "many.csv", **given)
            sink.script.clear()
        pretend_to_be_killed(folder / "runs/killed")
        for name in ("looked-at", "half-looked-at"):
            run_check(folder, folder / "wrong.csv", run_id=name)
        pretend_to_be_killed(folder / "runs/half-looked-at")
        shutil.copytree(folder / "runs/guarded", folder / "done/guarded")
        with locked(RunDirectory(folder / "runs/busy")):
            yield folder


def pretend_to_be_killed(run: Path) -> None:
    """Leave what a killed process leaves: a manifest that says it is running, and no books."""
    manifest = read_manifest(run.parent, run.name)
    changes = {"status": "running", "message": None, "finished_at": None}
    attempts = [{**attempt, "finished_at": None} for attempt in manifest["attempts"]]
    text = json.dumps({**manifest, **changes, "attempts": attempts})
    (run / "manifest.json").write_text(text)
    (run / "summary.json").unlink()


COMMANDS = {
    "stopped": ("resume", "stopped", "--rate", "500", "--max-in-flight", "3", "--json"),
    "finished": ("resume", "finished", "--json"),
    "unknown": ("resume", "gone"),
    "guarded": ("resume", "guarded"),
    "busy": ("resume", "busy"),
    "other option": ("resume", "other", "--phone-check", "valid", "--partition-rows", "500"),
    "report": ("report", "killed"),
    "runs": ("runs",),
    "latest": ("resume", "latest", "--partition-rows", "500"),
    "none to resume": ("resume", "latest", "--runs-dir", "done"),
    "no runs": ("resume", "latest", "--runs-dir", "nowhere"),
}


@pytest.fixture(scope="module")
def result_of(prefect_server: Any, folder: Path) -> Iterator[Callable[[str], CliResult]]:
    cli = CommandLine(folder, {**prefect_server.environment, **KEYS})
    commands = {name: partial(cli, *arguments) for name, arguments in COMMANDS.items()}
    with side_by_side(commands) as result_of:
        yield result_of


REFUSALS = {
    "unknown": r"There is no run gone in runs\. `endpoint-import runs` lists them\.",
    "guarded": r"Run guarded was stopped by a guard .* start a new run\.",
    "busy": rf"Run busy is being worked on by process {os.getpid()} on .* Wait until that ends",
    "other option": r"Run other was begun with --partition-rows 50000, not --partition-rows 500\. "
    r"Leave the option",
    # Newer than all imports that stopped; checks are newer still, one of them killed, too.
    "latest": r"Run killed was begun with --partition-rows 50000, not --partition-rows 500\.",
    "none to resume": r"No run in done can be resumed: none is stopped or interrupted\. "
    r"The newest, guarded \(run\), is guarded\.$",
    "no runs": r"There are no runs in nowhere, and so none to resume\.$",
    "report": r"Run killed has no summary: it is interrupted\. Go on with: endpoint-import resume "
    r"killed$",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal(result_of: Callable[[str], CliResult], name: str) -> None:
    result = result_of(name)
    assert re.match(f"Error: {REFUSALS[name]}", the_error(result)), result
    assert result.stdout == ""
    assert result.code == 2


def test_pace_may_be_given_anew(result_of: Callable[[str], CliResult], folder: Path) -> None:
    result = result_of("stopped")
    summary = json.loads(result.stdout)
    assert (summary["status"], summary["accepted"], summary["rows"]) == ("completed", ROWS, ROWS)
    assert summary == read_summary(folder / "runs", "stopped")
    # Ten batches, and the one that the first attempt was denied.
    assert summary["requests"] == 11
    assert "All 1,000 rows were imported." in result.stderr
    assert not NOISE.search(result.stderr)
    assert result.code == 0


def test_finished_run_is_told_again(result_of: Callable[[str], CliResult], folder: Path) -> None:
    result = result_of("finished")
    assert "Run finished is finished: there is nothing to resume." in result.stderr
    assert json.loads(result.stdout) == read_summary(folder / "runs", "finished")
    assert len(read_manifest(folder / "runs", "finished")["attempts"]) == 1
    assert result.code == 1


def test_runs_shows_which_one_was_interrupted(result_of: Callable[[str], CliResult]) -> None:
    rows = [line.split() for line in result_of("runs").stdout.splitlines()[1:]]
    status = {row[0]: row[5] for row in rows}
    assert status.pop("stopped") in ("stopped", "running", "completed")  # being resumed meanwhile
    assert status == {
        "killed": "interrupted",
        "half-looked-at": "interrupted",
        "looked-at": "completed_with_errors",
        "busy": "stopped",
        "other": "stopped",
        "guarded": "guarded",
        "finished": "completed_with_errors",
    }

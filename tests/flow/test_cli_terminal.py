"""The command line at a real terminal, in a real shell, and at what can show little."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_support import the_error, write_inputs
from processes import CommandLine
from terminals import Shown, show

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[(?:\d+;)*3[0-7]m")


@dataclass(frozen=True)
class Desk:
    """A folder with a finished run of a file whose name is not ASCII, and a terminal."""

    folder: Path
    environment: dict[str, str]
    imported: Shown

    def show(self, *arguments: str, columns: int = 80, **variables: str) -> Shown:
        environment = {**self.environment, "TERM": "xterm-256color", **variables}
        return show(*arguments, cwd=self.folder, environment=environment, columns=columns)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipelines", *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(scope="module")
def desk(prefect_server, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    write_inputs(folder)
    (folder / "müller.csv").write_bytes((folder / "dirty.csv").read_bytes())
    environment = {**prefect_server.environment, "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        environment.pop(name, None)
    command = ("run", "müller.csv", "--local", "--run-id", "one", "-v")
    return Desk(folder, environment, show(*command, cwd=folder, environment=environment))


def test_a_terminal_shows_progress_and_what_was_done(desk: Desk) -> None:
    assert desk.imported.code == 1
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", desk.imported.text)
    assert re.search(r"\d\d:\d\d:\d\dZ run one begins, in runs/one, to pinpoint at http", plain)
    assert re.search(r"Z reading müller\.csv: format csv, encoding utf-8, delimiter comma", plain)
    assert re.search(r"sending: 3 endpoints in .*; 3 accepted, 0 rejected, 1 request", plain)
    assert re.search(r"validating: 6 rows in .*; 2 invalid", plain)
    assert "example.com" not in plain
    link = (desk.folder / "runs/one/report.html").as_uri()
    assert re.search(rf"\x1b]8;id=\d+;{re.escape(link)}\x1b", desk.imported.text)
    assert COLOUR.search(desk.imported.text)


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"CLICOLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=str,
)
def test_colour_at_a_terminal(desk: Desk, variables: dict[str, str], *, is_coloured: bool) -> None:
    shown = desk.show("chek", **variables)
    assert bool(COLOUR.search(shown.text)) is is_coloured
    assert "No such command 'chek'. Did you mean check?" in shown.text
    assert shown.code == 2


def test_no_colour_is_neither_dim_nor_a_link(desk: Desk) -> None:
    assert f"{ESCAPE}]8;" in desk.show("report", "one").text
    plain = desk.show("report", "one", NO_COLOR="1")
    assert "Report: " in plain.text
    assert ESCAPE not in plain.text


def test_colour_elsewhere_only_if_forced(desk: Desk) -> None:
    assert ESCAPE not in desk.run("chek").stderr
    assert COLOUR.search(desk.run("chek", FORCE_COLOR="1").stderr)
    assert ESCAPE not in desk.run("chek", FORCE_COLOR="1", NO_COLOR="1").stderr


def test_what_cannot_be_shown_is_no_end(desk: Desk) -> None:
    done = desk.run("runs", LANG="C", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "m?ller.csv" in done.stdout


def test_quiet_is_the_verdict_alone(desk: Desk) -> None:
    done = desk.run("report", "latest", "--quiet")
    assert (done.stdout, done.stderr) == ("3 of 6 rows were imported, 3 were not.\n", "")


def test_quiet_with_json_is_the_document_alone(desk: Desk) -> None:
    done = desk.run("check", "dirty.csv", "-q", "--json", "--run-id", "two", "--max-invalid", "1")
    assert json.loads(done.stdout)["status"] == "guarded"
    (error,) = done.stderr.splitlines()
    assert re.match(r"Error: 2 of 6 rows are invalid .*--max-invalid 1 allows", error)
    assert done.returncode == 4


def test_runs_fit_the_terminal(desk: Desk) -> None:
    lines = re.sub(r"\x1b\[[0-9;]*m", "", desk.show("runs", columns=60).text).splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("one ") for line in lines)


def test_quiet_and_verbose_exclude_each_other(desk: Desk) -> None:
    done = desk.run("report", "one", "-q", "-v")
    assert done.returncode == 2
    assert "Error: --quiet and --verbose exclude each other." in done.stderr
    assert desk.run("report", "one", "-q", ENDPOINT_IMPORT_VERBOSE="1").returncode == 0


def test_unmasked_page_is_a_second_one(desk: Desk) -> None:
    masked = (desk.folder / "runs/one/report.html").read_bytes()
    done = desk.run("report", "one", "--show-addresses", "--open", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 0
    assert "Written: runs/one/report-unmasked.html" in done.stdout
    assert "no browser here. Open this file" in done.stdout
    page = desk.folder / "runs/one/report-unmasked.html"
    assert "nobody" in page.read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o077 == 0
    assert (desk.folder / "runs/one/report.html").read_bytes() == masked
    assert b"nobody" not in masked


def test_open_asks_the_browser(desk: Desk) -> None:
    browser = desk.folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {desk.folder}/asked\n')
    browser.chmod(0o700)
    done = desk.run("report", "one", "--open", BROWSER=f"{browser} %s")
    assert "Opened:" in done.stdout
    asked = (desk.folder / "asked").read_text().strip()
    assert asked == (desk.folder / "runs/one/report.html").as_uri()


TRY = """
eval "$(endpoint-import completion bash)"
try() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMPREPLY=()
    _endpoint_import_completion endpoint-import; echo "${COMPREPLY[*]}"
}
try endpoint-import repo
try endpoint-import report o
try endpoint-import resume o
try endpoint-import run --mapping k
try endpoint-import run --sync-mode ""
try endpoint-import report --runs-dir nowhere ""
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_in_bash(desk: Desk) -> None:
    program = desk.folder / "bin/endpoint-import"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pipelines "$@"\n')
    program.chmod(0o700)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", TRY],
        cwd=desk.folder,
        env={**desk.environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["report", "one", "", "klaviyo", "upsert changed mirror", ""]


HEAVY = ("polars", "pyarrow", "prefect", "boto3", "pydantic", "rich", "pandera")


def test_completion_imports_nothing_that_takes_a_while(desk: Desk) -> None:
    asked = "import sys, pipelines.cli; print(*sorted(set(sys.argv[1:]) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", asked, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_a_signal_while_the_program_is_loaded_is_no_traceback(
    clean_environment: dict[str, str], tmp_path: Path
) -> None:
    """Sent as soon as Python itself is up, long before the command line is."""
    slow = "import pipelines.__main__ as m, sys, time; m.leave_on_signals(); print(flush=True); "
    child = subprocess.Popen(
        [sys.executable, "-c", f"{slow} time.sleep(60)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    began_s = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert errors == "Error: Stopped by a signal before anything was read or sent.\n"
    assert child.returncode == 5
    assert time.monotonic() - began_s < 30


def test_help_has_headings_examples_and_exit_codes(run_cli: CommandLine) -> None:
    text = run_cli("run", "--help").stdout
    headings = [line for line in text.splitlines() if re.match(r"\S.*:$", line)]
    assert headings == [
        "What to read:", "How rows are judged:",
        "When to stop before anything is sent, or to warn:",
        "Where to send, and how fast:", "What is sent, and what is remembered of it:",
        "The run:", "Output:", "Exit codes:",
    ]  # fmt: skip
    assert "Examples:" in text
    assert max(map(len, text.splitlines())) <= 100


def test_missing_source_names_where_to_look(run_cli: CommandLine) -> None:
    result = run_cli("check")
    assert "`endpoint-import check --help` shows an example." in the_error(result)
    assert result.code == 2

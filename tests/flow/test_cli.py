"""The command line as users meet it: a process, its exit code, and every line that it writes."""

import json
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import click
import polars as pl
import pytest
from fakes import HttpSink
from processes import CliResult, CommandLine, free_port, running, wait_until

from pipelines.cli import cli

HEADER = b"Id,ChannelType,Address\n"
CLEAN = HEADER + b"a,EMAIL,ana@example.com\nb,EMAIL,bo@example.com\nc,SMS,+12065550100\n"
DIRTY = CLEAN + b"d,EMAIL,nobody\ne,SMS,12\na,EMAIL,ana@example.org\n"
INPUTS = {
    "clean.csv": CLEAN,
    "dirty.csv": DIRTY,
    "header.csv": HEADER,
    "empty.csv": b"",
    "rubbish.csv": bytes(range(256)) * 40,
    "rubbish.parquet": bytes(range(256)) * 40,
    "latin1.csv": HEADER + "a,EMAIL,jos\xe9@example.com\n".encode("latin-1"),
    "contacts.csv": b"Id,ChannelType,E-mail\na,EMAIL,ana@example.com\n",
    "nochannel.csv": b"Id,Address\na,ana@example.com\n",
    "audience.xlsx": b"PK\x03\x04",
    "notes/readme.txt": b"not an audience",
    "unknown.toml": b'colour = "blue"\n',
    "broken.toml": b"limit = \n",
    "wrong.toml": b'limit = "many"\n',
}
KEYS = {"AWS_ACCESS_KEY_ID": "synthetic", "AWS_SECRET_ACCESS_KEY": "synthetic"}
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""
ELSEWHERE = ("--application-id", "local", "--endpoint-url", NOWHERE)

PROGRESS = re.compile(
    r"(starting|reading|validating|comparing rows|sending|writing the results)"
    r"( done)?: [\d,]+( of [\d,]+)? rows in [\d,.]+ s \([\d,]+ rows/s(, [\d,]+ s left)?\)"
)
USAGE = re.compile(r"Usage: .*|Try '.*' for help\.")
NOISE = re.compile(r"traceback|prefect|warning|httpx|sqlalchemy|asyncio", re.IGNORECASE)


def write_inputs(folder: Path) -> None:
    for name, content in INPUTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def require_quiet(result: CliResult) -> None:
    """Nothing but progress on stderr, and nothing of a library anywhere."""
    lines = [line for line in result.stderr.splitlines() if line]
    assert [line for line in lines if not PROGRESS.fullmatch(line)] == []
    assert not NOISE.search(result.stdout), result.stdout


def the_error(result: CliResult) -> str:
    """The one line that says what went wrong; besides it only progress and a hint at --help."""
    lines = [line for line in result.stderr.splitlines() if line]
    errors = [line for line in lines if line.startswith("Error: ")]
    others = [line for line in lines if line not in errors]
    assert len(errors) == 1, result
    assert [x for x in others if not PROGRESS.fullmatch(x) and not USAGE.fullmatch(x)] == []
    assert not NOISE.search(re.sub("Prefect (API|profile)|PREFECT_API_URL", "", errors[0]))
    assert not NOISE.search(result.stdout), result.stdout
    return errors[0]


def read_summary(runs_dir: Path, run_id: str) -> dict[str, object]:
    return json.loads((runs_dir / run_id / "summary.json").read_bytes())


def stored_ids(database: Path) -> list[str]:
    with sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM endpoints ORDER BY id")]


@pytest.fixture
def cli_here(run_cli: CommandLine) -> CommandLine:
    """Runs commands in a folder that holds `INPUTS`."""
    write_inputs(run_cli.cwd)
    return run_cli


# Refusals: the exit code, one line, and no library's noise.


@dataclass(frozen=True)
class Refusal:
    """A command that must not work, and what it has to say."""

    name: str
    code: int
    says: str
    arguments: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)


def refused(name: str, code: int, says: str, *arguments: str, **variables: str) -> Refusal:
    return Refusal(name, code, says, arguments, variables)


REFUSALS = [
    refused("missing-file", 3, r"No such file: gone\.csv\. Check", "check", "gone.csv"),
    refused(
        "missing-file-run", 3, r"No such file: gone\.csv\. Check", "run", "gone.csv", "--local"
    ),
    refused("missing-glob", 3, r"No file matches \*\.pq\. Check", "check", "*.pq"),
    refused("empty-file", 3, r"empty\.csv is empty.*\. Check the export", "check", "empty.csv"),
    refused("no-match-in-directory", 3, r"directory notes\. Readable are CSV", "check", "notes"),
    refused("rubbish-csv", 3, r"rubbish\.csv is binary.*\. Check", "check", "rubbish.csv"),
    refused("rubbish-parquet", 3, r"rubbish\.parquet is no", "check", "rubbish.parquet"),
    refused("not-utf-8", 3, r"latin1\.csv.*UTF-8.*Export or convert", "check", "latin1.csv"),
    refused(
        "no-address", 3, r"contacts\.csv has no column Address; .* Rename", "check", "contacts.csv"
    ),
    refused(
        "no-channel", 3, r"no column ChannelType; .*--default-channel", "check", "nochannel.csv"
    ),
    refused(
        "unsupported-ending", 3, r"\.xlsx is not supported\. Readable are", "check", "audience.xlsx"
    ),
    refused("stdin", 3, r"Cannot read -: only local files", "check", "-"),
    refused(
        "no-credentials", 2, r"No AWS credentials found\. Set AWS_", "run", "clean.csv", *ELSEWHERE
    ),
    refused(
        "no-region",
        2,
        r"No AWS region given\. Name one with --region",
        "run",
        "clean.csv",
        "--application-id",
        "x",
        **KEYS,
    ),
    refused(
        "unknown-profile",
        2,
        r"profile \(nobody\) could not be found\. Check --profile",
        "run",
        "clean.csv",
        *ELSEWHERE,
        "--profile",
        "nobody",
    ),
    refused(
        "bad-url",
        2,
        r"--endpoint-url: give a URL such as",
        "run",
        "clean.csv",
        "--application-id",
        "x",
        "--endpoint-url",
        "nonsense",
        **KEYS,
    ),
    refused(
        "no-application", 2, r"No application named\. Give --application-id", "run", "clean.csv"
    ),
    refused(
        "unknown-option", 2, r"No such option.*--colour", "run", "clean.csv", "--colour", "blue"
    ),
    refused("unknown-command", 2, r"No such command 'fly'", "fly"),
    refused("no-source", 2, r"Missing argument 'SOURCE\.\.\.'", "run", "--local"),
    refused(
        "bad-max-invalid",
        2,
        r"--max-invalid: 'few' is neither .* such as",
        "check",
        "clean.csv",
        "--max-invalid",
        "few",
    ),
    refused(
        "bad-country",
        2,
        r"--default-country: 'xx' is no .* such as US",
        "check",
        "clean.csv",
        "--default-country",
        "xx",
    ),
    refused("bad-limit", 2, r"--limit", "check", "clean.csv", "--limit", "0"),
    refused(
        "bad-run-id",
        2,
        r"'\.\./up' cannot name a run: use",
        "check",
        "clean.csv",
        "--run-id",
        "../up",
    ),
    refused(
        "runs-dir-is-a-file", 2, r"clean\.csv", "check", "clean.csv", "--runs-dir", "clean.csv/runs"
    ),
    refused(
        "unknown-setting",
        2,
        r"unknown\.toml has an unknown name: colour",
        "--config",
        "unknown.toml",
        "runs",
    ),
    refused(
        "broken-settings",
        2,
        r"broken\.toml cannot be read: .*line 1",
        "--config",
        "broken.toml",
        "runs",
    ),
    refused(
        "wrong-setting", 2, r"'--limit'.*'many'", "--config", "wrong.toml", "check", "clean.csv"
    ),
    refused("missing-settings", 2, r"'gone\.toml' does not exist", "--config", "gone.toml", "runs"),
    refused(
        "wrong-variable",
        2,
        r"'--limit'.*'many'",
        "check",
        "clean.csv",
        ENDPOINT_IMPORT_LIMIT="many",
    ),
    refused(
        "unknown-run", 2, r"no run gone in runs\. `endpoint-import runs` lists", "report", "gone"
    ),
    refused(
        "no-prefect-api",
        2,
        rf"Prefect API at {NOWHERE}/api.* PREFECT_API_URL",
        "check",
        "clean.csv",
        PREFECT_API_URL=f"{NOWHERE}/api",
    ),
]


@pytest.fixture(scope="module")
def refusals(
    prefect_server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], CliResult]]:
    """Runs all refusals, two at a time: nearly all of a command's time is imports."""

    def run(case: Refusal) -> CliResult:
        folder = tmp_path_factory.mktemp(case.name)
        write_inputs(folder)
        return CommandLine(folder, prefect_server.environment)(*case.arguments, **case.variables)

    with ThreadPoolExecutor(2) as pool:
        futures = {case.name: pool.submit(run, case) for case in REFUSALS}
        yield lambda name: futures[name].result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in REFUSALS])
def test_refusal(case: Refusal, refusals: Callable[[str], CliResult]) -> None:
    result = refusals(case.name)
    assert re.search(case.says, the_error(result)), result
    assert result.stdout == ""
    assert result.code == case.code


# Runs.


def test_clean_file_alone(run_cli_alone: CommandLine) -> None:
    """Without a Prefect server at hand, twice: the second time finds the first's database."""
    write_inputs(run_cli_alone.cwd)
    result = run_cli_alone("run", "clean.csv", "--local")
    require_quiet(result)
    assert "All 3 rows were imported." in result.stdout
    assert result.code == 0
    missing = run_cli_alone("check", "gone.csv")
    assert "No such file: gone.csv" in the_error(missing)
    assert missing.code == 3


def test_header_only(cli_here: CommandLine) -> None:
    result = cli_here("check", "header.csv")
    require_quiet(result)
    assert "The input has a header and no rows: there was nothing to do." in result.stdout
    assert result.code == 0


@dataclass(frozen=True)
class History:
    """A folder in which a file with bad rows was imported and then a clean one checked."""

    cli: CommandLine
    imported: CliResult
    checked: CliResult


@pytest.fixture(scope="module")
def history(prefect_server, tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("history")
    write_inputs(folder)
    run = CommandLine(folder, prefect_server.environment)
    imported = run("run", "dirty.csv", "--local", "--run-id", "first", "--db", "store.sqlite3")
    checked = run("check", "clean.csv", "--run-id", "second", "--json")
    return History(run, imported, checked)


def test_bad_rows(history: History) -> None:
    require_quiet(history.imported)
    assert "3 of 6 rows were imported, 3 were not." in history.imported.stdout
    assert history.imported.code == 1
    assert stored_ids(history.cli.cwd / "store.sqlite3") == ["a", "b", "c"]
    books = read_summary(history.cli.cwd / "runs", "first")
    assert {name: books[name] for name in ("accepted", "invalid", "duplicate", "balanced")} == {
        "accepted": 3, "invalid": 2, "duplicate": 1, "balanced": True
    }  # fmt: skip


def test_next_step_of_bad_rows_works(history: History) -> None:
    """What the summary tells to type is a command that finds the same destination."""
    found = re.search(r"To fix: .* then: endpoint-import (.*)", history.imported.stdout)
    assert found is not None
    assert found[1] == "run runs/first/errors.csv --local --db store.sqlite3"


def test_json_is_all_of_stdout(history: History) -> None:
    summary = json.loads(history.checked.stdout)
    assert list(summary) == [
        "run_id", "status", "application_id", "destination", "rows", "accepted", "unchanged",
        "invalid", "duplicate", "held", "rejected", "unprocessed", "balanced", "requests",
        "retries", "throttled", "splits", "bytes_sent", "seconds", "rows_per_second",
        "issues_by_code", "started_at", "finished_at",
    ]  # fmt: skip
    assert summary == read_summary(history.cli.cwd / "runs", "second")
    assert "All 3 rows can be imported." in history.checked.stderr
    assert not NOISE.search(history.checked.stderr)
    assert history.checked.code == 0


def test_check_needs_no_application_and_sends_nothing(history: History) -> None:
    summary = json.loads(history.checked.stdout)
    sent = {name: summary[name] for name in ("destination", "application_id", "requests")}
    assert sent == {"destination": None, "application_id": None, "requests": 0}
    assert summary["unprocessed"] == summary["rows"] == 3


def test_existing_run_id(history: History) -> None:
    before = (history.cli.cwd / "runs/first/manifest.json").read_bytes()
    result = history.cli("check", "clean.csv", "--run-id", "first")
    assert re.search(r"a run first in runs already\. Choose another --run-id", the_error(result))
    assert result.code == 2
    assert (history.cli.cwd / "runs/first/manifest.json").read_bytes() == before


def test_runs_are_listed_newest_first(history: History) -> None:
    result = history.cli("runs")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert result.stderr == ""
    assert rows[0][0] == "run"
    assert [row[0] for row in rows[1:3]] == ["second", "first"]
    assert rows[2][3:8] == ["run", "completed_with_errors", "6", "3", "2"]


def test_runs_as_json(history: History) -> None:
    listed = json.loads(history.cli("runs", "--json").stdout)
    assert [(run["run_id"], run["status"]) for run in listed] == [
        ("second", "completed"),
        ("first", "completed_with_errors"),
    ]


def test_no_runs(run_cli: CommandLine) -> None:
    result = run_cli("runs")
    assert result == (0, "No runs in runs.\n", "")


def test_report_shows_the_summary_again(history: History) -> None:
    result = history.cli("report", "first")
    assert result.stderr == ""
    assert result.code == 0
    assert result.stdout == history.imported.stdout


def test_report_as_json(history: History) -> None:
    result = history.cli("report", "second", "--json")
    assert json.loads(result.stdout) == json.loads(history.checked.stdout)


def test_too_many_invalid_rows_send_nothing(cli_here: CommandLine) -> None:
    result = cli_here(
        "run", "dirty.csv", "--local", "--max-invalid", "10%", "--run-id", "one", "--db", "db"
    )
    expected = r"2 of 6 rows are invalid \(33.3%\), more than --max-invalid 10% .*errors\.csv"
    assert re.search(expected, the_error(result))
    assert result.code == 4
    assert stored_ids(cli_here.cwd / "db") == []
    books = read_summary(cli_here.cwd / "runs", "one")
    assert books["status"] == "guarded"
    assert (books["requests"], books["unprocessed"], books["balanced"]) == (0, 3, True)
    assert len(pl.read_csv(cli_here.cwd / "runs/one/errors.csv")) == 2


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


def test_sigterm_is_told_as_a_stopped_run(prefect_server, tmp_path: Path) -> None:
    rows = "".join(f"{n},EMAIL,p{n}@example.com\n" for n in range(1_000))
    (tmp_path / "many.csv").write_text(HEADER.decode() + rows)
    log = tmp_path / "log"
    environment = {**prefect_server.environment, **KEYS}
    command = [sys.executable, "-m", "pipelines.cli", "run", "many.csv", "--max-in-flight", "1"]
    with HttpSink(refuses=lambda _: time.sleep(0.005)) as sink:
        command += ["--application-id", "local", "--endpoint-url", sink.url]
        with running(command, environment, tmp_path, log) as child:
            wait_until(lambda: child.poll() is not None or len(sink.requests) > 0, 60, log)
            child.send_signal(signal.SIGTERM)
            assert child.wait(60) == 5
    assert "Stopped" in the_error(CliResult(5, "", log.read_text()))


def test_plan(cli_here: CommandLine) -> None:
    rows = "".join(f"{n},EMAIL,p{n}@example.com\n" for n in range(250))
    (cli_here.cwd / "many.csv").write_text(HEADER.decode() + rows)
    result = cli_here("plan", "many.csv", "dirty.csv", "--rate", "0.1", "--run-id", "one")
    require_quiet(result)
    assert "`run` would send 253 endpoints in 4 requests: 0.7 minutes at 0.1" in result.stdout
    assert re.search(r"\b2 +invalid\b", result.stdout)
    assert result.code == 1
    assert read_summary(cli_here.cwd / "runs", "one")["requests"] == 0


def test_option_over_variable_over_settings_file(cli_here: CommandLine) -> None:
    (cli_here.cwd / "endpoint-import.toml").write_text(
        'limit = 1\nphone-check = "format"\ndefault_country = "DE"\nruns-dir = "kept"\n'
        "json = true\nkeep-staged = true\n"
    )
    variables = {"ENDPOINT_IMPORT_LIMIT": "2", "ENDPOINT_IMPORT_PHONE_CHECK": "possible"}
    result = cli_here("check", "clean.csv", "--limit", "3", "--run-id", "one", **variables)
    manifest = json.loads((cli_here.cwd / "kept/one/manifest.json").read_bytes())
    chosen = ("limit", "phone_check", "default_country", "runs_dir", "keep_staged")
    assert [manifest["settings"][name] for name in chosen] == [3, "possible", "DE", "kept", True]
    assert json.loads(result.stdout)["rows"] == 3


def test_limit_counts_records_over_all_files(cli_here: CommandLine) -> None:
    result = cli_here("check", "clean.csv", "dirty.csv", "--limit", "4", "--json")
    assert json.loads(result.stdout)["rows"] == 4


# Help and the local server.


def test_commands_of_this_version() -> None:
    assert sorted(cli.commands) == ["check", "plan", "report", "run", "runs", "serve"]


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_help(name: str, clean_environment: dict[str, str], tmp_path: Path) -> None:
    result = CommandLine(tmp_path, clean_environment)(name, "--help")
    assert (result.code, result.stderr) == (0, "")
    text = re.sub(r"\s+", " ", result.stdout)
    command = cli.commands[name]
    for option in [param for param in command.params if isinstance(param, click.Option)]:
        flag = option.opts[0]
        variable = f"ENDPOINT_IMPORT_{flag.lstrip('-').replace('-', '_').upper()}"
        found = re.search(rf" {flag} (?:(?! --).)*\[env var: {variable}[^\]]*\]", text)
        assert found is not None, flag
        default = option.get_default(click.Context(command))
        if isinstance(default, str | int | Path) and not option.is_flag:
            # A default may be broken at its hyphens.
            assert f"default:{default}" in found[0].replace(" ", "")


def test_serve(clean_environment: dict[str, str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "pipelines.cli", "serve", "--port", str(port), "--db", "db"]
    with running(command, clean_environment, tmp_path, log) as server:
        wait_until(lambda: server.poll() is not None or "Serving" in log.read_text(), 60, log)
        client = boto3.client(
            "pinpoint",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        request = {"ChannelType": "EMAIL", "Address": "ana@example.com"}
        client.update_endpoint(ApplicationId="local", EndpointId="a", EndpointRequest=request)
        found = client.get_endpoint(ApplicationId="local", EndpointId="a")["EndpointResponse"]
        assert found["Address"] == "ana@example.com"
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert re.fullmatch(rf"Serving .* at http://127\.0\.0\.1:{port}, .*\n", log.read_text())


def test_serve_takes_the_application_of_the_settings_file(
    clean_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "endpoint-import.toml").write_text('application-id = "mine"\nport = 0\ndb = "db"\n')
    log = tmp_path / "log"
    command = [sys.executable, "-m", "pipelines.cli", "serve"]
    with running(command, clean_environment, tmp_path, log) as server:
        wait_until(lambda: server.poll() is not None or "Serving" in log.read_text(), 60, log)
    with sqlite3.connect(f"{(tmp_path / 'db').as_uri()}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT id FROM applications").fetchall() == [("mine",)]

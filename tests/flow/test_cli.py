"""The command line as users meet it: a process, its exit code, and every line that it writes."""

import json
import re
from dataclasses import dataclass

import polars as pl
import pytest
from cli_support import (
    HEADER,
    NOISE,
    read_summary,
    require_quiet,
    stored_ids,
    the_error,
    write_inputs,
)
from processes import CliResult, CommandLine


@pytest.fixture(scope="module")
def alone(
    clean_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> CommandLine:
    """Without a Prefect server at hand: each command starts an API of its own."""
    folder = tmp_path_factory.mktemp("alone")
    write_inputs(folder)
    return CommandLine(folder, clean_environment)


def test_clean_file_alone(alone: CommandLine) -> None:
    result = alone("run", "clean.csv", "--local")
    require_quiet(result)
    assert "All 3 rows were imported." in result.stdout
    assert result.code == 0


def test_header_only_alone(alone: CommandLine) -> None:
    """The second command of a Prefect home finds the first one's database."""
    result = alone("check", "header.csv")
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
    db = history.cli.cwd / "store.sqlite3"
    assert found[1] == f"run runs/first/errors.csv --local --db {db}"


def test_json_is_all_of_stdout(history: History) -> None:
    summary = json.loads(history.checked.stdout)
    assert list(summary) == [
        "run_id", "status", "application_id", "destination", "rows", "accepted", "unchanged",
        "invalid", "duplicate", "held", "rejected", "unprocessed", "balanced", "requests",
        "retries", "throttled", "splits", "bytes_sent", "seconds", "rows_per_second",
        "issues_by_code", "started_at", "finished_at", "records", "left_out", "endpoints",
        "endpoints_by_outcome", "sync_mode", "opt_ins", "to_retire", "retired", "refused_removals",
        "breaches", "corrects", "to_correct", "corrected", "not_fed_back", "in_part",
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
    assert rows[1][3:] == ["check", "clean.csv", "completed", "3", "3", "0", rows[1][-1]]
    assert rows[2][3:-1] == ["run", "dirty.csv", "completed_with_errors", "6", "3", "2"]


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


def test_plan(cli_here: CommandLine) -> None:
    rows = "".join(f"{n},EMAIL,p{n}@example.com\n" for n in range(250))
    (cli_here.cwd / "many.csv").write_text(HEADER.decode() + rows)
    result = cli_here("plan", "many.csv", "dirty.csv", "--rate", "0.1", "--run-id", "one")
    require_quiet(result)
    assert "`run` would send 253 endpoints in 3 requests: 30 s at 0.1" in result.stdout
    assert "only the rows that changed (--sync-mode changed): 10 s if 1% did" in result.stdout
    assert re.search(r"\b2 +invalid\b", result.stdout)
    assert result.code == 1
    assert read_summary(cli_here.cwd / "runs", "one")["requests"] == 0


def test_plan_of_the_first_rows_as_json(cli_here: CommandLine) -> None:
    result = cli_here("plan", "clean.csv", "--limit", "2", "--json", "--run-id", "one")
    planned = {k: v for k, v in json.loads(result.stdout).items() if k.startswith("planned_")}
    assert (planned["planned_rows"], planned["planned_limit"]) == (2, 2)
    assert planned["planned_bound"] == "quota"
    assert "This is about the first 2 records only (--limit)." in result.stderr


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

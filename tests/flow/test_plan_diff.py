"""A plan with a diff after a run, against the real local server: a run then does what it shows."""

import json
from pathlib import Path

import pytest
from cli_support import HEADER, stored_ids
from click.testing import CliRunner
from import_support import make_settings, read_json, run_import

from pipelines.cli import cli
from pipelines.errors import ConfigurationError
from pipelines.flows import check_quality
from pipelines.local_server.process import LocalServer
from pipelines.report.plan import make_plan
from pipelines.storage.run_dir import RunDirectory
from pipelines.terminal.output import Output
from pipelines.terminal.running import read_run, show

HEADER_LINE = HEADER.decode().strip() + ",OptOut,Location.City\n"
FIRST = HEADER_LINE + "".join(
    f"customer-{n:02d},EMAIL,p{n}@example.com,{'ALL' if n == 1 else ''},Oslo\n" for n in range(10)
)
SECOND = (
    HEADER_LINE
    + "customer-00,EMAIL,p0@example.com,,Rome\n"  # changed
    + "customer-01,EMAIL,p1@example.com,NONE,Oslo\n"  # held
    + "".join(f"customer-{n:02d},EMAIL,p{n}@example.com,,Oslo\n" for n in range(2, 9))
    + "customer-10,EMAIL,p10@example.com,,Oslo\n"  # new; customer-09 is gone
    + "customer-11,EMAIL,nobody,,Oslo\n"  # invalid
)
KINDS = ("new", "changed", "unchanged", "doubtful", "returned", "opts_in", "reactivates")


@pytest.mark.usefixtures("prefect_api")
def test_a_plan_shows_what_a_run_then_does(
    local_server: LocalServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(FIRST)
    second.write_text(SECOND)
    run_import(tmp_path, local_server.url, first)
    mirror = {"sync_mode": "mirror", "max_removals": "1"}
    settings = make_settings(tmp_path, local_server.url, second, run_id="planned", **mirror)
    check_quality(settings, "plan", diff=True)
    run = RunDirectory(tmp_path / "runs" / "planned")
    diff = read_json(run.diff)
    assert [diff[kind]["endpoints"] for kind in KINDS] == [1, 1, 7, 0, 0, 1, 0]
    assert diff["to_retire"]["endpoints"] == 1
    assert diff["changed"]["columns"] == [{"name": "Location.City", "endpoints": 1}]
    (example,) = diff["changed"]["examples"]
    assert (example["source_file"], example["source_row"]) == (str(second), 1)
    assert diff["unseen"] == {"invalid": 1, "unidentified": 0, "is_limited": False}
    assert diff["state"]["records"] >= 10
    assert "customer-" not in json.dumps(diff)
    capfd.readouterr()
    manifest, summary = read_run(run)
    assert summary is not None
    show(run, manifest, summary, Output(as_json=True), make_plan(run, settings))
    told = capfd.readouterr()
    assert json.loads(told.out)["diff"] == diff
    assert "Compared with what the service last accepted" in told.err
    everything = make_settings(tmp_path, local_server.url, second, run_id="everything")
    told = check_quality(everything, "plan", diff=True)
    assert (told["unchanged"], told["held"], told["unprocessed"]) == (0, 1, 9)
    done = run_import(tmp_path, local_server.url, second, **mirror)
    assert (done["accepted"], done["unchanged"], done["held"], done["invalid"]) == (2, 7, 1, 1)
    assert (done["sync_mode"], done["to_retire"], done["retired"]) == ("mirror", 1, 1)
    assert "customer-10" in stored_ids(tmp_path / "local_server.sqlite3")


def test_a_diff_needs_the_state(tmp_path: Path) -> None:
    (tmp_path / "first.csv").write_text(FIRST)
    arguments = ["plan", str(tmp_path / "first.csv"), "--local", "--diff", "--no-state"]
    result = CliRunner(env={"PREFECT_API_URL": "http://127.0.0.1:9/api"}).invoke(cli, arguments)
    assert isinstance(result.exception, ConfigurationError)
    assert "--diff" in result.exception.message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--retire", "delete"], "--retire is about endpoints that are gone"),
        (["--sync-mode", "changed", "--max-removals", "5"], "--max-removals is about"),
        (["--no-state", "--full-refresh"], "--full-refresh is about the state"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_an_option_that_would_do_nothing_is_refused(
    tmp_path: Path, command: str, options: list[str], told: str
) -> None:
    (tmp_path / "first.csv").write_text(FIRST)
    arguments = [command, str(tmp_path / "first.csv"), "--local", *options]
    result = CliRunner(env={"PREFECT_API_URL": "http://127.0.0.1:9/api"}).invoke(cli, arguments)
    assert isinstance(result.exception, ConfigurationError)
    assert told in result.exception.message


def test_a_settings_file_has_defaults_of_the_state_commands_too(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(f'local = true\ndb = "db.sqlite3"\nstate-dir = "{tmp_path}/here"\n')
    result = CliRunner().invoke(cli, ["--config", str(file), "state", "show"])
    assert isinstance(result.exception, Exception)
    assert f"{tmp_path}/here" in str(result.exception)
    file.write_text("samples = 3\n")
    result = CliRunner().invoke(cli, ["--config", str(file), "state", "show"])
    assert "unknown name: samples" in result.stderr

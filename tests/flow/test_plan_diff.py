"""`plan --diff` after a run, against the real local server: what it shows is what a run then does."""

import json
from pathlib import Path

import pytest
from cli_support import HEADER, KEYS, read_summary, stored_ids
from processes import CommandLine

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
MIRROR = ("--sync-mode", "mirror", "--max-removals", "1")


@pytest.fixture(scope="module")
def cli(prefect_server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("diff")
    (folder / "first.csv").write_text(FIRST)
    (folder / "second.csv").write_text(SECOND)
    run = CommandLine(folder, {**prefect_server.environment, **KEYS})
    assert run("run", "first.csv", "--local", "--db", "db.sqlite3").code == 0
    return run


def test_a_plan_shows_what_a_run_then_does(cli: CommandLine) -> None:
    options = ("second.csv", "--local", "--db", "db.sqlite3", *MIRROR)
    result = cli("plan", *options, "--diff", "--json", "--run-id", "planned")
    diff = json.loads(result.stdout)["diff"]
    counts = {kind: diff[kind]["endpoints"] for kind in diff if isinstance(diff[kind], dict)
              and "endpoints" in diff[kind]}  # fmt: skip
    assert counts == {
        "new": 1,
        "changed": 1,
        "unchanged": 7,
        "doubtful": 0,
        "returned": 0,
        "opts_in": 1,
        "reactivates": 0,
        "to_retire": 1,
    }
    assert diff["changed"]["columns"] == [{"name": "Location.City", "endpoints": 1}]
    (example,) = diff["changed"]["examples"]
    assert (example["source_file"], example["source_row"]) == ("second.csv", 1)
    assert diff["unseen"] == {"invalid": 1, "unidentified": 0, "is_limited": False}
    assert diff["state"]["records"] >= 10
    assert "customer-" not in json.dumps(diff)
    assert json.loads((cli.cwd / "runs/planned/diff.json").read_bytes()) == diff
    assert "Compared with what the service last accepted" in result.stderr
    assert "What this could not see" in result.stderr
    cli("run", *options, "--run-id", "done")
    done = read_summary(Path(cli.cwd) / "runs", "done")
    assert (done["accepted"], done["unchanged"], done["held"], done["invalid"]) == (2, 7, 1, 1)
    assert (done["sync_mode"], done["to_retire"], done["retired"]) == ("mirror", 1, 1)
    assert "customer-10" in stored_ids(cli.cwd / "db.sqlite3")


def test_a_diff_needs_the_state(cli: CommandLine) -> None:
    result = cli("plan", "second.csv", "--local", "--diff", "--no-state")
    assert result.code == 2
    assert "--diff" in result.stderr


def test_a_settings_file_has_defaults_of_the_state_commands_too(cli: CommandLine) -> None:
    (cli.cwd / "own.toml").write_text('local = true\ndb = "db.sqlite3"\nsample = 3\n')
    result = cli("--config", "own.toml", "state", "verify", "--json")
    assert json.loads(result.stdout)["sampled"] == 3
    (cli.cwd / "own.toml").write_text("samples = 3\n")
    assert "unknown name: samples" in cli("--config", "own.toml", "state", "show").stderr

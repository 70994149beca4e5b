"""Which runs a shell is told to choose from."""

import json
from pathlib import Path

import click
import pytest

from pipelines.storage import file_lock
from pipelines.storage.file_lock import Owner
from pipelines.terminal.completion import complete_resumable, complete_run_ids

RUNS = {
    "stopped": {"status": "stopped", "superseded_by": None},
    "superseded": {"status": "stopped", "superseded_by": "completed"},
    "completed": {"status": "completed", "superseded_by": None},
    "killed": {"status": "running", "superseded_by": None},
    "working": {"status": "running", "superseded_by": None},
}


@pytest.fixture
def context(tmp_path: Path) -> click.Context:
    for name, manifest in RUNS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
    for name, text in {"damaged": "{", "foreign": "[]"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text)
    context = click.Context(click.Command("resume"))
    context.params["runs_dir"] = tmp_path
    return context


def offered(complete, context: click.Context, incomplete: str = "") -> set[str]:
    return {item.value for item in complete(context, click.Argument(["run"]), incomplete)}


def test_resume_is_offered_what_can_be_resumed(context: click.Context) -> None:
    with file_lock.hold(context.params["runs_dir"] / "working/lock", Owner.new()):
        assert offered(complete_resumable, context) == {"stopped", "killed", "latest"}
        assert offered(complete_resumable, context, "s") == {"stopped"}


def test_other_commands_are_offered_every_run(context: click.Context) -> None:
    assert offered(complete_run_ids, context) == {*RUNS, "damaged", "foreign", "latest"}

"""Nights that break off, are killed, resumed, or get into each other's way."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes import Reply
from import_support import FailingSink, read_json, require_balance, resume
from processes import free_port
from sync_support import Nights, person

from pipelines.errors import DestinationError, RunStateError, StateError, StorageError
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.state.base import CommitKind, CommitNote, StateKey
from pipelines.state.store import locked_state
from pipelines.state.writing import WritableState
from pipelines.syncing import synchronize

pytestmark = pytest.mark.usefixtures("prefect_api")


def test_two_runs_into_one_application_are_kept_apart(nights: Nights, tmp_path: Path):
    nights.night([person(1)])
    key = StateKey(f"pinpoint at {nights.server.url}", "local")
    with (
        locked_state(tmp_path / "runs/.state", key, run_id="other"),
        pytest.raises(StateError, match="other"),
    ):
        nights.night([person(1)])
    assert not nights.run.exists()


def test_an_application_that_was_made_anew_gets_everything(tmp_path: Path):
    port = free_port()
    for name in ("one", "two"):
        options = ServerOptions(port=port, db=tmp_path / name, applications=("local",))
        with LocalServer(options) as server:
            nights = Nights(tmp_path, server)
            nights.number = len(list(tmp_path.glob("*.csv")))
            assert nights.night([person(1)])["accepted"] == 1
            assert set(nights.stored) == {"id-1"}


DENIED = Reply.failure(403, "ForbiddenException", "Not today")
ROWS = [person(number) for number in range(300)]


@pytest.fixture
def broken_off(tmp_path: Path) -> Iterator[Nights]:
    """One night done, and one that the service broke off after its first request."""
    with FailingSink(DENIED, after=1_000) as sink:
        nights = Nights(tmp_path, sink)
        nights.night(ROWS)
        sink.accepted.clear()
        sink.after = len(sink.requests) + 1
        with pytest.raises(DestinationError):
            nights.night([(*row[:4], "Paris", row[5]) for row in ROWS], max_in_flight=1)
        sink.failure = None
        yield nights


def test_what_was_not_accepted_stays_due(broken_off: Nights):
    summary = read_json(broken_off.run / "summary.json")
    require_balance(summary)
    assert (summary["accepted"], summary["unprocessed"]) == (100, 200)
    taken = {item["Id"] for item in broken_off.server.accepted}
    # The content of the night before: of nobody is it known that the service still has it.
    assert broken_off.night(ROWS)["accepted"] == 300
    assert len(taken) == 100


class Killed(BaseException):
    """As if the process had ended there."""


def die(*_: object, **__: object) -> None:
    raise Killed


def test_what_a_killed_run_got_accepted_is_known(nights: Nights, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night(ROWS)
    killed = nights.run / "manifest.json"
    assert nights.night(ROWS)["unchanged"] == 300
    assert read_json(killed)["superseded_by"] == "night-2"
    assert read_json(nights.run / "manifest.json")["superseded"] == "night-1"
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night(ROWS, full_refresh=True)
    shutil.rmtree(nights.run)  # without its books nothing is known of it
    assert nights.night(ROWS)["accepted"] == 300


def test_the_name_of_a_run_may_be_used_again(nights: Nights, monkeypatch: pytest.MonkeyPatch):
    given = {"run_id": "nightly", "state_dir": nights.folder / "states"}
    nights.night([person(1)], **given)
    shutil.rmtree(nights.folder / "runs")
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night([person(1, city="Paris")], **given)
    shutil.rmtree(nights.folder / "runs")
    assert nights.night([person(1)], **given)["accepted"] == 1
    assert nights.endpoint(1)["Location"]["City"] == "Lyon"


def test_the_books_of_another_run_of_that_name_say_nothing(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
):
    """Run directories may be apart where states are together."""
    given = {"run_id": "nightly", "state_dir": nights.folder / "states"}
    nights.night([person(1)], **given, keep_staged=True)
    runs = nights.folder / "runs"
    runs.rename(nights.folder / "elsewhere")
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night([person(1, city="Paris")], **given)
    shutil.rmtree(runs)
    (nights.folder / "elsewhere").rename(runs)
    assert nights.night([person(1)], state_dir=nights.folder / "states")["accepted"] == 1


def test_a_run_is_not_resumed_once_a_command_has_changed_the_state(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_intent", die)
        with pytest.raises(Killed):
            nights.night([person(1, "NONE")])
    key = StateKey(f"pinpoint at {nights.server.url}", "local")
    with locked_state(nights.folder / "runs/.state", key, run_id=None) as state:
        state.commit([], CommitNote(kind=CommitKind.REBUILT, run_id=None, at=datetime.now(UTC)))
    with pytest.raises(RunStateError, match=r"A command .*since run night-1"):
        resume(nights.folder, "night-1")
    assert nights.stored == {}
    assert nights.night([person(1)], unfinished="refuse")["accepted"] == 1


@pytest.mark.parametrize("commit", [1, 2], ids=["before sending", "after sending"])
def test_a_state_that_cannot_be_written_stops_the_run(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, commit: int
):
    write = WritableState.commit
    commits = []

    def fail_once(self: WritableState, *given: Any, **options: Any) -> None:
        commits.append(given)
        if len(commits) == commit:
            raise StorageError("No space left on device")
        write(self, *given, **options)

    monkeypatch.setattr(WritableState, "commit", fail_once)
    with pytest.raises(StorageError):
        nights.night(ROWS)
    assert len(nights.stored) == (0 if commit == 1 else 300)
    resume(nights.folder, "night-1")
    assert nights.night(ROWS)["unchanged"] == 300


def test_a_stopped_run_is_resumed_and_remembered(broken_off: Nights):
    resume(broken_off.folder, "night-2")
    assert broken_off.night([(*row[:4], "Paris", row[5]) for row in ROWS])["unchanged"] == 300


def test_a_run_that_was_overtaken_is_not_resumed(broken_off: Nights):
    broken_off.night(ROWS)
    with pytest.raises(RunStateError, match="night-3"):
        resume(broken_off.folder, "night-2")
    assert broken_off.night(ROWS)["unchanged"] == 300


def test_an_unfinished_run_is_resumed_first_if_so_asked(broken_off: Nights):
    summary = broken_off.night(ROWS, unfinished="resume")
    assert read_json(broken_off.folder / "runs/night-2/summary.json")["status"] == "completed"
    assert summary["accepted"] == 300


def test_an_unfinished_run_may_stand_in_the_way(broken_off: Nights):
    with pytest.raises(StateError, match="night-2"):
        broken_off.night(ROWS, unfinished="refuse")

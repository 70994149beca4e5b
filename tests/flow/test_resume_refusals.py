"""What cannot be resumed is refused with what to do about it, and left as it is."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes import HttpSink, Reply
from import_support import (
    HEADER,
    FailingSink,
    people,
    read_json,
    resume,
    run_import,
    watching,
    write_rows,
)

from pipelines.destinations.sender import Sender
from pipelines.errors import (
    ConfigurationError,
    DestinationError,
    EndpointImportError,
    GuardError,
    RunStateError,
    SourceError,
)

pytestmark = pytest.mark.usefixtures("prefect_api")

DENIED = Reply.failure(403, "AccessDeniedException", "You may not.")
HOLD = """
import sys
from pathlib import Path
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.run_lock import locked

with locked(RunDirectory(Path(sys.argv[1]))):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@dataclass(frozen=True)
class Interrupted:
    """One run of a.csv and b.csv, 200 rows each, as it was at several moments."""

    sink: HttpSink
    begun: Path
    """Killed before anything was read."""
    half_staged: Path
    """Killed when a.csv was read."""
    staged: Path
    """Killed when both were."""
    stopped: Path
    """Stopped by the service at its second request."""

    def put(self, state: str, folder: Path) -> Path:
        """Make a run `one` in a folder with its sources, as it was at one of the moments."""
        return shutil.copytree(getattr(self, state), folder / "runs" / "one")


@pytest.fixture(scope="module")
def interrupted(
    prefect_api: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interrupted]:
    folder = tmp_path_factory.mktemp("interrupted")
    run = folder / "runs" / "one"
    with pytest.MonkeyPatch.context() as patch, FailingSink(DENIED, 1) as sink:
        patch.chdir(folder)
        write_sources(folder)
        with watching(run, folder / "moments") as moments, pytest.raises(DestinationError):
            run_import(folder, sink.url, "a.csv", "b.csv", run_id="one")
        saved = [moment.path for moment in moments if moment.written == "manifest.json"]
        sink.failure = None
        yield Interrupted(sink, saved[0], saved[1], saved[3], run)


def write_sources(folder: Path) -> None:
    """Write the sources; always with the same times."""
    for name, rows in (("a.csv", people(200)), ("b.csv", people(200, first=200))):
        path = write_rows(folder / name, HEADER, rows)
        os.utime(path, (1_800_000_000,) * 2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the runs say they were begun in."""
    write_sources(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(interrupted: Interrupted, state: str, folder: Path) -> Path:
    """Put a run there as if it had been begun there."""
    run = interrupted.put(state, folder)
    edit(run, lambda manifest: manifest.update(folder=str(folder)))
    return run


def edit(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = read_json(run / "manifest.json")
    change(manifest)
    (run / "manifest.json").write_text(json.dumps(manifest))


def look(run: Path) -> dict[str, tuple[bytes, int]]:
    """Give contents and times of a run's files; its lock says who was there last."""
    return {
        str(path.relative_to(run)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in run.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def refusal(
    interrupted: Interrupted,
    folder: Path,
    kind: type[EndpointImportError] = RunStateError,
    **changes: Any,
) -> str:
    """Require that a run is refused and left as it is; give the message."""
    run = folder / "runs" / "one"
    before, requests = look(run), len(interrupted.sink.requests)
    with pytest.raises(EndpointImportError) as caught:
        resume(folder, **changes)
    assert type(caught.value) is kind
    assert look(run) == before
    assert len(interrupted.sink.requests) == requests
    return caught.value.message


def require_resumed(interrupted: Interrupted, folder: Path, **changes: Any) -> None:
    summary = resume(folder, **changes)
    assert (summary["status"], summary["accepted"], summary["rows"]) == ("completed", 400, 400)


@pytest.mark.parametrize("state", ["begun", "half_staged", "staged", "stopped"])
def test_each_of_them_can_be_resumed(interrupted: Interrupted, folder: Path, state: str) -> None:
    """So that what follows is refused for its own reason."""
    put(interrupted, state, folder)
    require_resumed(interrupted, folder)


def test_an_unknown_run(folder: Path) -> None:
    says = rf"There is no run two in {folder / 'runs'}\. `endpoint-import runs` lists them\."
    with pytest.raises(RunStateError, match=says):
        resume(folder, "two")
    with pytest.raises(ConfigurationError, match="cannot name a run"):
        resume(folder, "../one")
    assert not (folder / "runs").exists()


def test_a_run_that_a_guard_stopped(interrupted: Interrupted, folder: Path) -> None:
    write_rows(folder / "a.csv", HEADER, [*people(9), ("bad", "EMAIL", "nobody")])
    with pytest.raises(GuardError):
        run_import(folder, interrupted.sink.url, "a.csv", run_id="one", max_invalid="5%")
    told = refusal(interrupted, folder)
    assert "was stopped by a guard before anything was sent: " in told
    assert "Correct the input or change the limit, and start a new run." in told


@pytest.mark.parametrize("state", ["begun", "stopped"])
@pytest.mark.parametrize("name", ["endpoint-import", "polars"])
def test_another_version(interrupted: Interrupted, folder: Path, name: str, state: str) -> None:
    run = put(interrupted, state, folder)
    now = read_json(run / "manifest.json")["versions"][name]
    edit(run, lambda manifest: manifest["versions"].update({name: "0.0.1"}))
    told = refusal(interrupted, folder)
    assert f"begun with {name} 0.0.1, this is {now}" in told
    assert f"Go on with {name} 0.0.1. Or: Start a new run; unprocessed.csv" in told


def test_another_destination(interrupted: Interrupted, folder: Path) -> None:
    put(interrupted, "stopped", folder)
    with HttpSink() as other:
        told = refusal(interrupted, folder, embedded_url=other.url)
        assert other.requests == []
    assert f"was sent to pinpoint at {interrupted.sink.url}" in told
    assert f"would go on to pinpoint at {other.url}." in told


def test_another_folder(
    interrupted: Interrupted, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(interrupted, "half_staged", folder)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    told = refusal(interrupted, folder)
    assert f"was begun in {folder} and has not read all of its sources yet" in told
    monkeypatch.chdir(folder)
    require_resumed(interrupted, folder)


@pytest.mark.parametrize("state", ["staged", "stopped"])
def test_what_is_staged_needs_neither_folder_nor_sources(
    interrupted: Interrupted, folder: Path, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(interrupted, state, folder)
    (folder / "a.csv").unlink()
    (folder / "b.csv").write_text("other")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    require_resumed(interrupted, folder)


def append_row(path: Path) -> None:
    with path.open("a") as file:
        file.write("x,EMAIL,x@example.com\n")
    os.utime(path, (1_800_000_000,) * 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(append_row, "it was 6,023 bytes, is 6,045", id="size"),
        pytest.param(
            lambda path: os.utime(path, (1_800_000_000, 1_800_000_001)),
            "it was last modified at 2027-01-15 08:00:00.000000 UTC, now at 2027-01-15 08:00:01.0",
            id="time",
        ),
        pytest.param(Path.unlink, "b.csv is gone: it was there when the run began", id="gone"),
    ],
)
@pytest.mark.parametrize("state", ["begun", "half_staged"])
def test_a_source_that_is_not_what_it_was(
    interrupted: Interrupted,
    folder: Path,
    state: str,
    change: Callable[[Path], object],
    says: str,
) -> None:
    run = put(interrupted, state, folder)
    change(folder / "b.csv")
    requests = len(interrupted.sink.requests)
    with pytest.raises(SourceError, match=says) as caught:
        resume(folder)
    assert caught.value.message.startswith("b.csv ")
    assert caught.value.message.endswith(" Start a new run.")
    assert len(interrupted.sink.requests) == requests
    manifest = read_json(run / "manifest.json")
    assert (manifest["status"], manifest["message"]) == ("failed", caught.value.message)
    write_sources(folder)  # it is what it was again
    require_resumed(interrupted, folder)


def test_a_source_that_is_read_already_may_change(interrupted: Interrupted, folder: Path) -> None:
    put(interrupted, "half_staged", folder)
    append_row(folder / "a.csv")
    require_resumed(interrupted, folder)


def test_rate_and_requests_in_flight_may_change(
    interrupted: Interrupted, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    class Noting(Sender):
        def __post_init__(self) -> None:
            super().__post_init__()
            made.append((self.requests_per_second, self.max_in_flight))

    monkeypatch.setattr("pipelines.sending.Sender", Noting)
    run = put(interrupted, "stopped", folder)
    require_resumed(interrupted, folder, rate=50.0, max_in_flight=3)
    assert made == [(50.0, 3)]
    settings = read_json(run / "manifest.json")["settings"]
    assert (settings["rate"], settings["max_in_flight"]) == (None, None)  # as it began


@pytest.mark.parametrize("keep_staged", [True, False])
def test_a_finished_run(interrupted: Interrupted, folder: Path, *, keep_staged: bool) -> None:
    sink = interrupted.sink
    done = run_import(folder, sink.url, "a.csv", run_id="one", keep_staged=keep_staged)
    run = folder / "runs" / "one"
    edit(run, lambda manifest: manifest["versions"].update({"polars": "0.0.1"}))
    before, requests = look(run), len(sink.requests)
    with HttpSink() as other:
        again = resume(folder, embedded_url=other.url, rate=1.0)
        assert other.requests == []
    assert again == done
    assert look(run) == before
    assert len(sink.requests) == requests
    assert (run / "staged").is_dir() is keep_staged


def test_a_run_that_another_process_works_on(interrupted: Interrupted, folder: Path) -> None:
    run = put(interrupted, "stopped", folder)
    command = [sys.executable, "-c", HOLD, str(run)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:
        try:
            assert child.stdout.readline() == b"locked\n"
            told = refusal(interrupted, folder)
        finally:
            child.kill()
    assert re.match(rf"Run one is being worked on by process {child.pid} on \S+ since ", told)
    require_resumed(interrupted, folder)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"format": 2}'])
def test_a_damaged_manifest(interrupted: Interrupted, folder: Path, content: bytes) -> None:
    run = put(interrupted, "stopped", folder)
    (run / "manifest.json").write_bytes(content)
    told = refusal(interrupted, folder)
    assert told == f"{run / 'manifest.json'} cannot be read: it is damaged or of another version."


def test_settings_of_another_version(interrupted: Interrupted, folder: Path) -> None:
    run = put(interrupted, "stopped", folder)
    edit(run, lambda manifest: manifest["settings"].update(colour="blue"))
    told = refusal(interrupted, folder)
    assert told.startswith("The settings of run one are not those of this version. Start a new run")


def test_items_that_are_not_those_that_were_answered(
    interrupted: Interrupted, folder: Path
) -> None:
    run = put(interrupted, "stopped", folder)
    prepared = run / "prepared" / "part-00000.parquet"
    frame = pl.read_parquet(prepared)
    frame.with_columns(pl.col("item").str.replace("p7@", "q7@")).write_parquet(prepared)
    requests = len(interrupted.sink.requests)
    with pytest.raises(RunStateError, match="holds answers about other items than the run has now"):
        resume(folder)
    sent = [item["Id"] for r in interrupted.sink.requests[requests:] for item in r.items]
    assert not {f"id-{n}" for n in range(200)} & set(sent)

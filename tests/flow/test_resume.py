"""A run that is killed at any moment and resumed ends as if nothing had happened.

One import is copied each time that one of its files is put in place; between those moments only the
logs of answers grow, which are cut at all kinds of places. Each copy is what kill -9 leaves.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import HttpSink
from import_support import (
    HEADER,
    PARTITIONED,
    Moment,
    Undisturbed,
    people,
    read_json,
    read_log,
    read_outcomes,
    refuse,
    require_balance,
    resume,
    run_check,
    run_import,
    watching,
    write_export,
    write_rows,
)

from schemas.outcomes import Outcome

pytestmark = pytest.mark.usefixtures("prefect_api")

FILES = 54
"""Times that the import puts a file in place."""
STRAYS = (".manifest.json.1.tmp", "staged/.part-00000.parquet.1.tmp", "outcomes/.x.1.tmp")
"""What a killed process may leave besides."""


class Killed(Undisturbed):
    """An import and the moments at which it might have been killed."""

    def __init__(self, folder: Path, sink: HttpSink) -> None:
        self.sink = sink
        with watching(folder / "runs" / "one", folder / "moments") as moments:
            super().__init__(folder, sink)
        self.moments = moments

    def find(self, written: str) -> Path:
        """Give the first moment at which this file was in place."""
        return next(moment.path for moment in self.moments if moment.written == written)

    def require_resumable(self, copy: Path, folder: Path) -> None:
        """Resume a copy and require what the undisturbed import gave, sending nothing again."""
        run = folder / "runs" / "one"
        shutil.copytree(copy, run)
        before = read_json(run / "manifest.json")
        answered = self.read_answered(run)
        logged = sum(r["counts"].get("requests", 0) for r in read_records(run))
        first_request, first_accepted = len(self.sink.requests), len(self.sink.accepted)
        summary = resume(folder)
        requests = self.sink.requests[first_request:]
        accepted = {item["Id"]: item for item in self.sink.accepted[first_accepted:]}
        self.require_same(run)
        assert summary == read_json(run / "summary.json")
        assert not answered.keys() & {item["Id"] for sent in requests for item in sent.items}
        were_accepted = {each for each, outcome in answered.items() if outcome == "accepted"}
        assert accepted.keys() == self.accepted.keys() - were_accepted
        assert accepted == {each: self.accepted[each] for each in accepted}
        assert summary["requests"] == logged + len(requests)
        after = read_json(run / "manifest.json")
        assert after["started_at"] == before["started_at"]
        assert after["sources"] == before["sources"]
        assert all(attempt["finished_at"] for attempt in after["attempts"])


def read_records(run: Path) -> list[dict[str, dict[str, int]]]:
    return [record for log in (run / "delivered").iterdir() for record in read_log(log)]


@pytest.fixture(scope="module")
def killed(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    with HttpSink(refuses=refuse) as sink:
        yield Killed(tmp_path_factory.mktemp("killed"), sink)


def test_the_import_has_rows_of_all_kinds(killed: Killed) -> None:
    counts = {"invalid": 6, "duplicate": 3, "rejected": 6, "accepted": 735, "rows": 750}
    assert {name: killed.summary[name] for name in counts} == counts
    partitions = read_json(killed.run / "manifest.json")["partitions"]
    assert [partition["rows"] for partition in partitions] == [250, 250, 100, 150]
    shipments = read_json(killed.run / "resolved/shipments.json")
    assert [shipment["partitions"] for shipment in shipments] == [[0], [1], [2, 3]]
    assert all(len(read_log(log)) > 1 for log in (killed.run / "delivered").iterdir())


def test_every_moment_is_tried(killed: Killed) -> None:
    assert len(killed.moments) == FILES
    assert read_json(killed.moments[-1].path / "manifest.json")["status"] != "running"


@pytest.mark.parametrize("number", range(0, FILES, 4))  # all of them take a minute more
def test_killed_when_a_file_was_put_in_place(killed: Killed, number: int, tmp_path: Path) -> None:
    moment = killed.moments[number]
    if number < FILES - 1:
        for stray in STRAYS:
            (moment.path / stray).write_text("half of ")
    killed.require_resumable(moment.path, tmp_path)


PLACES = (
    "empty",
    "within the stamp",
    "no answer",
    "within the first answer",
    "one answer",
    "one answer and zeros",
    "an answer lost",
    "an answer damaged",
    "without the last answer",
    "without its end",
    "within its end",
    "whole",
)


def cut(log: bytes, place: str) -> bytes:
    """Give what a killed process may leave of a log."""
    stamp, first, *_ = lines = log.splitlines(keepends=True)
    return {
        "empty": b"",
        "within the stamp": stamp[:15],
        "no answer": stamp,
        "within the first answer": stamp + first[:-9],
        "one answer": stamp + first,
        "one answer and zeros": stamp + first + bytes(100),
        "an answer lost": b"".join([stamp, *lines[2:]]),
        "an answer damaged": log.replace(first, first.replace(b'"requests"', b'"splits"')),
        "without the last answer": b"".join(lines[:-2]),
        "without its end": b"".join(lines[:-1]),
        "within its end": log[:-3],
        "whole": log,
    }[place]


def kill_sending(base: Path, logs: Path, places: Mapping[int, str]) -> Path:
    """Make of a run that was about to send one that was killed then, with logs cut at places."""
    for shipment, place in places.items():
        name = f"delivered/part-{shipment:05d}.log"
        (base / name).write_bytes(cut((logs / name).read_bytes(), place))
    return base


@pytest.fixture
def unsent(killed: Killed, tmp_path: Path) -> Path:
    """A copy of the run from before anything was sent."""
    return shutil.copytree(killed.find("resolved/shipments.json"), tmp_path / "copy")


@pytest.mark.parametrize(
    ("shipment", "place"), [(number % 2 * 2, place) for number, place in enumerate(PLACES)]
)
def test_killed_while_answers_came(
    killed: Killed, unsent: Path, shipment: int, place: str, tmp_path: Path
) -> None:
    places = {**dict.fromkeys(range(shipment), "whole"), shipment: place}
    killed.require_resumable(kill_sending(unsent, killed.run, places), tmp_path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("without the last answer", "one answer"),
        ("within the first answer", "within its end"),
        ("without its end", "no answer"),
    ],
)
def test_killed_while_two_shipments_were_sent(
    killed: Killed, unsent: Path, first: str, second: str, tmp_path: Path
) -> None:
    kill_sending(unsent, killed.run, {1: first, 2: second})
    killed.require_resumable(unsent, tmp_path)


@pytest.mark.parametrize("written", ["sending", "outcomes/part-00001.parquet", "report.html"])
def test_killed_again_when_it_was_resumed(
    killed: Killed, unsent: Path, written: str, tmp_path: Path
) -> None:
    run = tmp_path / "again" / "runs" / "one"
    shutil.copytree(kill_sending(unsent, killed.run, {0: "one answer"}), run)
    with watching(run, tmp_path / "moments") as moments:
        resume(tmp_path / "again")
    copies = {moment.written: moment.path for moment in moments[:-1]}
    places = {0: "without the last answer", 1: "one answer"}
    copies["sending"] = kill_sending(moments[0].path, run, places)
    killed.require_resumable(copies[written], tmp_path / "last")
    attempts = read_json(tmp_path / "last/runs/one/manifest.json")["attempts"]
    assert len(attempts) == 3


def test_time_of_a_killed_attempt_ends_with_the_last_file_that_it_wrote(
    killed: Killed, unsent: Path, tmp_path: Path
) -> None:
    began = datetime(2026, 1, 2, 3, tzinfo=UTC)
    manifest = read_json(unsent / "manifest.json")
    manifest["started_at"] = manifest["attempts"][0]["started_at"] = "2026-01-02T03:00:00Z"
    (unsent / "manifest.json").write_text(json.dumps(manifest))
    for path in unsent.rglob("*"):
        os.utime(path, (began.timestamp(),) * 2)
    last = unsent / "prepared/part-00001.parquet"
    os.utime(last, (began.timestamp() + 7,) * 2)
    killed.require_resumable(unsent, tmp_path)
    summary = read_json(tmp_path / "runs/one/summary.json")
    first, second = read_json(tmp_path / "runs/one/manifest.json")["attempts"]
    assert datetime.fromisoformat(first["finished_at"]) == began + timedelta(seconds=7)
    assert datetime.fromisoformat(summary["started_at"]) == began
    times = [datetime.fromisoformat(second[name]) for name in ("started_at", "finished_at")]
    took_s = (times[1] - times[0]).total_seconds()
    assert summary["seconds"] == pytest.approx(7 + took_s, abs=0.001)


def test_killed_while_it_cleaned_up(killed: Killed, tmp_path: Path) -> None:
    run = shutil.copytree(killed.run, tmp_path / "runs" / "one")
    manifest = read_json(run / "manifest.json")
    manifest["settings"]["keep_staged"] = False
    (run / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(run / "staged")
    (run / "prepared/part-00002.parquet").unlink()
    requests = len(killed.sink.requests)
    assert resume(tmp_path) == killed.summary
    assert len(killed.sink.requests) == requests
    assert [path.name for path in run.iterdir() if path.is_dir()] == ["outcomes"]
    killed.require_same(run)


def test_the_embedded_server_may_be_elsewhere_when_it_is_resumed(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "a.csv", HEADER, people(300))
    with HttpSink() as first, watching(tmp_path / "runs/one", tmp_path / "moments") as moments:
        run_import(tmp_path, first.url, source, embedded=True, **PARTITIONED)
    (tmp_path / "runs").rename(tmp_path / "done")
    prepared = next(m.path for m in moments if m.written == "resolved/decisions.parquet")
    shutil.copytree(prepared, tmp_path / "runs" / "one")
    with HttpSink() as second:
        summary = resume(tmp_path, embedded_url=second.url)
    assert summary["accepted"] == len(second.accepted) == 300


@pytest.mark.parametrize(("limit", "from_second"), [(620, 20), (310, 0)])
def test_a_limit_holds_over_all_attempts(tmp_path: Path, limit: int, from_second: int) -> None:
    settings = {"limit": limit, **PARTITIONED}
    with watching(tmp_path / "runs" / "one", tmp_path / "moments") as moments:
        undisturbed = run_check(tmp_path, *write_export(tmp_path), **settings)
    shutil.rmtree(tmp_path / "runs")
    saved = [moment.path for moment in moments if moment.written == "manifest.json"][:-1]
    for copy in saved:
        run = shutil.copytree(copy, tmp_path / copy.name / "runs" / "one")
        summary = resume(tmp_path / copy.name)
        assert summary["rows"] == undisturbed["rows"] == limit
        files = Counter(Path(name).name for name in read_outcomes(run)["source_file"])
        assert files["b.csv"] == from_second


@pytest.fixture(scope="module")
def checked(
    prefect_api: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[Moment]]:
    """A check, and the moments at which it might have been killed."""
    folder = tmp_path_factory.mktemp("checked")
    sources = write_export(folder)
    with watching(folder / "runs" / "one", folder / "moments") as moments:
        return run_check(folder, *sources, **PARTITIONED), moments


@pytest.mark.parametrize(
    "written",
    [
        "manifest.json",
        "staged/part-00002.parquet",
        "prepared/part-00001.parquet",
        "resolved/found.parquet",
        "outcomes/part-00003.parquet",
        "report.html",
    ],
)
def test_a_check_that_was_killed(
    checked: tuple[dict[str, Any], list[Moment]], written: str, tmp_path: Path
) -> None:
    undisturbed, moments = checked
    *_, done = (moment.path for moment in moments)
    copy = next(moment.path for moment in moments if moment.written == written)
    run = shutil.copytree(copy, tmp_path / "runs" / "one")
    summary = resume(tmp_path)
    require_balance(summary)
    names = ("status", "rows", *Outcome, "requests", "issues_by_code", "started_at")
    assert {name: summary[name] for name in names} == {name: undisturbed[name] for name in names}
    assert read_outcomes(run).equals(read_outcomes(done))
    for name in ("errors.csv", "profile.json"):
        assert (run / name).read_bytes() == (done / name).read_bytes()
    assert not (run / "unprocessed.csv").exists()

"""History: which past runs count, read from folders in which anything may lie."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
from s3_support import BUCKET, s3_server

from pipelines.history import MOST_PAST, PastRecord, list_past, read_history
from pipelines.report.profile import Profile, SourceProfile
from pipelines.report.summary import Breach, Summary
from pipelines.s3_client import s3_client
from pipelines.series import name_series
from pipelines.settings import ImportSettings
from pipelines.steps.thresholds import LAST_RUNS
from pipelines.storage.manifest import Manifest, RunStatus
from schemas.outcomes import Outcome

START = datetime(2026, 11, 1, 2, tzinfo=UTC)
NAME = "exports/crm-2026-11-{:02}.csv"


def make_manifest(settings: ImportSettings, night: int, **members: Any) -> Manifest:
    given = {
        "run_id": f"night-{night}",
        "command": "run",
        "status": RunStatus.COMPLETED,
        "settings": settings.model_dump(mode="json"),
        "versions": {},
        "folder": "/srv",
        "sources": [],
        "started_at": START + timedelta(days=night),
        "finished_at": START + timedelta(days=night, hours=1),
        "attempts": [],
    }
    return Manifest(**{**given, **members})


def make_summary(manifest: Manifest, rows: int, **members: Any) -> Summary:
    names = ("requests", "retries", "throttled", "splits", "bytes_sent", "left_out", "endpoints")
    given: dict[str, Any] = {
        **dict.fromkeys([*names, *Outcome], 0),
        **{"run_id": manifest.run_id, "status": manifest.status.value, "application_id": "app"},
        **{"destination": None, "balanced": True, "seconds": 2.5, "rows_per_second": 1.0},
        **{"issues_by_code": {}, "endpoints_by_outcome": {}, "records": rows, "rows": rows},
        **{"started_at": manifest.started_at, "finished_at": manifest.started_at},
    }
    return Summary(**{**given, **members})


class Runs:
    """A folder of runs, and the one that is under way."""

    def __init__(self, place: Path, **settings: Any) -> None:
        self.place = place
        self.settings = {"application_id": "app", "runs_dir": place, **settings}

    def choose(self, night: int, **settings: Any) -> ImportSettings:
        return ImportSettings(**{"sources": [NAME.format(night)], **self.settings, **settings})

    def add(
        self, night: int, rows: int = 100, *, summary: dict[str, Any] | None = None, **members: Any
    ) -> Path:
        """Leave a run behind, with settings of its own and whatever else is given."""
        own = {name: members.pop(name) for name in list(members) if name in self.own}
        manifest = make_manifest(self.choose(night, **own), night, **members)
        source = SourceProfile(
            name=manifest.settings["sources"][0], rows=rows, invalid=1, filled={}, channels={}
        )
        books = make_summary(manifest, rows, **(summary or {}))
        documents = {"manifest": manifest, "summary": books, "profile": Profile(sources=[source])}
        folder = self.place / manifest.run_id
        folder.mkdir(parents=True)
        for name, document in documents.items():
            (folder / f"{name}.json").write_bytes(orjson.dumps(document.model_dump(mode="json")))
        return folder

    own = frozenset({"sources", "feed", "limit", "application_id", "local"})

    def read(self, night: int = 99, command: str = "run", **settings: Any) -> list[PastRecord]:
        chosen = self.choose(night, **settings)
        return read_history(make_manifest(chosen, night, command=command), chosen)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "runs")


def ids(history: list[PastRecord]) -> list[str]:
    return [past.run_id for past in history]


@pytest.mark.parametrize(
    ("source", "series"),
    [
        ("exports/crm-2026-11-22.csv", "/srv/exports/crm-#.csv"),
        ("./exports/crm-20261122T020000.csv", "/srv/exports/crm-#.csv"),
        ("/data/7/crm.csv", "/data/#/crm.csv"),
        ("exports/crm-*.csv", "/srv/exports/crm-*.csv"),
        ("s3://bucket/2026/11/22/part-0001.parquet", "s3://bucket/#/#/#/part-#.parquet"),
        ("-", "-"),
    ],
)
def test_digits_of_a_name_are_taken_as_equal(source: str, series: str):
    assert name_series(source, "/srv") == series


def test_past_runs_come_oldest_first_whatever_they_are_called(runs: Runs):
    runs.add(2, 120, run_id="zebra")
    runs.add(3, 130, run_id="20261104T020000Z-0000")
    runs.add(1, 110, run_id="10")
    history = runs.read()
    assert ids(history) == ["10", "zebra", "20261104T020000Z-0000"]
    series = "/srv/exports/crm-#.csv"
    assert [past.sources[series].rows for past in history] == [110, 120, 130]
    past = list_past(history, make_manifest(runs.choose(99), 99), runs.choose(99))
    assert [(run.run_id, run.rows, run.seconds) for run in past] == [
        ("10", 110, 2.5), ("zebra", 120, 2.5), ("20261104T020000Z-0000", 130, 2.5)
    ]  # fmt: skip


def test_a_run_by_another_mapping_is_told_as_such(runs: Runs):
    runs.add(1, mapping={"columns": {"Address": "Mail"}})
    runs.add(2)
    assert [past.is_mapped_alike for past in runs.read()] == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"feed": "shop"}, id="feed"),
        pytest.param({"application_id": "another"}, id="application"),
        pytest.param({"sources": ["exports/shop.csv"]}, id="source"),
        pytest.param({"folder": "/elsewhere"}, id="folder"),
        pytest.param({"limit": 100}, id="first records"),
        pytest.param({"command": "check"}, id="check"),
        pytest.param({"command": "plan"}, id="plan"),
        pytest.param({"finished_at": None}, id="under way"),
        pytest.param({"started_at": START + timedelta(days=100)}, id="later"),
        pytest.param({"summary": {"corrects": "night-1"}}, id="fed back"),
    ],
)
def test_another_kind_of_run_is_no_history(runs: Runs, other: dict[str, Any]):
    runs.add(1)
    runs.add(2, **other)
    assert ids(runs.read()) == ["night-1"]


def test_a_check_is_compared_with_checks_and_imports(runs: Runs):
    runs.add(1)
    runs.add(2, command="check", application_id=None)
    runs.add(3, command="plan")
    runs.add(4, feed="shop")
    assert ids(runs.read(command="check", application_id=None)) == ["night-1", "night-2", "night-3"]
    assert ids(runs.read(command="plan")) == ["night-1"]


@pytest.mark.parametrize("status", RunStatus)
def test_only_a_run_that_came_to_its_end_counts(runs: Runs, status: RunStatus):
    runs.add(1, status=status)
    (past,) = runs.read()
    assert bool(past.sources) == status.startswith("completed")


def test_the_embedded_server_is_one_application_on_any_port(runs: Runs):
    runs.add(1, application_id=None, local=True)
    assert ids(runs.read(application_id=None, local=True)) == ["night-1"]
    assert runs.read(application_id=None, local=False) != []  # nothing to compare by


def test_a_run_over_other_sources_too_tells_of_those_in_common(runs: Runs):
    runs.add(1, sources=[NAME.format(1), "exports/shop.csv"])
    history = runs.read()
    assert ids(history) == ["night-1"]
    assert list_past(history, make_manifest(runs.choose(99), 99), runs.choose(99)) == ()


def test_breaches_are_told_by_series(runs: Runs):
    breach = Breach(threshold="max_row_change", source=NAME.format(1), is_stop=False, message="x")
    general = breach.model_copy(update={"source": None})
    runs.add(1, summary={"breaches": [breach, general]})
    (past,) = runs.read()
    assert [found.source for found in past.breaches] == ["/srv/exports/crm-#.csv", None]


def test_damaged_and_foreign_folders_are_passed_over(runs: Runs):
    for night in range(1, 7):
        runs.add(night)
    runs.add(0, started_at=START.replace(tzinfo=None))
    (runs.place / "night-1/manifest.json").write_bytes(b"{")
    (runs.place / "night-2/manifest.json").write_bytes(b'{"run_id": "night-2"}')
    (runs.place / "night-3/summary.json").write_bytes(b"\xff\x00")
    (runs.place / "night-4/summary.json").unlink()
    (runs.place / "night-5/profile.json").write_bytes(b"[]")
    (runs.place / "foreign/manifest.json").mkdir(parents=True)
    shutil.copytree(runs.place / "night-6", runs.place / "copy")
    shutil.copytree(runs.place / "night-6", runs.place / "odd")
    odd = (runs.place / "night-6/manifest.json").read_text().replace("night-6", "odd")
    (runs.place / "odd/manifest.json").write_text(odd.replace('"sources":["', '"sources":[3,"'))
    (runs.place / "empty").mkdir()
    (runs.place / "notes.txt").write_text("not a run")
    history = runs.read()
    assert ids(history) == ["night-5", "night-6"]
    assert [len(past.sources) for past in history] == [0, 1]


def test_there_need_not_be_any_runs(runs: Runs):
    assert runs.read() == []


def test_history_does_not_go_back_for_ever(runs: Runs):
    for night in range(MOST_PAST + 5):
        runs.add(night)
    assert ids(runs.read()) == [f"night-{night}" for night in range(5, MOST_PAST + 5)]


def test_runs_that_were_stopped_do_not_push_history_out(runs: Runs):
    runs.add(1)
    for night in range(2, 2 * MOST_PAST):
        runs.add(night, status=RunStatus.GUARDED)
    history = runs.read()
    assert [past.run_id for past in history if past.sources] == ["night-1"]
    assert len(list_past(history, make_manifest(runs.choose(99), 99), runs.choose(99))) == MOST_PAST


def test_sources_of_one_series_are_one_unless_they_are_set_apart(runs: Runs):
    names = [f"lists/list-{number}.csv" for number in (1, 2)]
    folder = runs.add(1, sources=names)
    sources = [
        SourceProfile(name=name, rows=5, invalid=1, filled={"Id": 4}, channels={name[-5]: 2})
        for name in names
    ]
    profile = Profile(sources=sources).model_dump(mode="json")
    (folder / "profile.json").write_bytes(orjson.dumps(profile))
    (past,) = runs.read(sources=names)
    (joined,) = past.sources.values()
    assert joined == SourceProfile(
        name="lists/list-#.csv", rows=10, invalid=2, filled={"Id": 8}, channels={"1": 2, "2": 2}
    )
    (past,) = runs.read(sources=names, thresholds={names[0]: {"on_row_change": "stop"}})
    assert {name: source.rows for name, source in past.sources.items()} == {
        "/srv/lists/list-1.csv": 5, "/srv/lists/list-#.csv": 5
    }  # fmt: skip


def test_only_as_much_is_kept_as_is_compared_with(runs: Runs):
    for night in range(20):
        runs.add(night, sources=[NAME.format(night), f"other-{night}.csv"])
    told = [past.run_id for past in runs.read() if past.sources]
    assert told == [f"night-{night}" for night in range(20 - LAST_RUNS, 20)]
    assert {name for past in runs.read() for name in past.sources} == {"/srv/exports/crm-#.csv"}


def test_rows_that_are_fed_back_have_no_history(runs: Runs):
    runs.add(1, sources=["runs/night-1/errors.csv"])
    assert runs.read(sources=["runs/night-2/errors.csv"]) == []
    assert runs.read(limit=5) == []


def test_s3_is_asked_for_no_more_than_it_takes(tmp_path: Path):
    runs = Runs(tmp_path / "runs")
    for night in range(1, 13):
        runs.add(night, sources=["exports/shop.csv"] if night % 2 else [NAME.format(night)])
    asked: list[str] = []
    with s3_server(tmp_path):
        client = boto3.client("s3", region_name="us-east-1")
        for path in runs.place.rglob("*.json"):
            key = f"runs/{path.relative_to(runs.place)}"
            client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        for name in (".state/pointer.json", "foreign/readme.txt"):
            client.put_object(Bucket=BUCKET, Key=f"runs/{name}", Body=b"")
        s3_client().meta.events.register(
            "provide-client-params.s3.GetObject",
            lambda params, **_: asked.append(params["Key"].rpartition("/")[2]),
        )
        history = runs.read(runs_dir=f"s3://{BUCKET}/runs")
    assert ids(history) == [f"night-{night}" for night in (2, 4, 6, 8, 10, 12)]
    assert [past.rows for past in history] == [100] * 6
    assert {name: asked.count(f"{name}.json") for name in ("manifest", "summary", "profile")} == {
        "manifest": 13, "summary": 6, "profile": 6
    }  # fmt: skip

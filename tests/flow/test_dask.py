"""Imports on a Dask cluster: as on threads, row for row, whatever happens to the workers."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cli_support import KEYS, read_summary, the_error
from dask_support import DaskCluster, dask_cluster
from fakes import HttpSink, Reply
from import_support import (
    HEADER,
    people,
    read_json,
    read_outcomes,
    read_rows,
    require_balance,
    resume,
    run_check,
    run_import,
    write_rows,
)
from polars.testing import assert_frame_equal
from processes import CommandLine
from s3_support import BUCKET, s3_server

import pipelines.cluster
from pipelines.errors import ConfigurationError, TerminalDestinationError
from pipelines.flows import import_endpoints
from pipelines.local_server.faults import parse_quota
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.settings import ImportSettings
from pipelines.storage.places import S3Folder
from pipelines.storage.s3_store import S3Store

ROWS = 3_000
PARTITION_ROWS = 300
COUNTS = ("rows", "accepted", "invalid", "duplicate", "rejected", "unprocessed", "issues_by_code")


@pytest.fixture(scope="module")
def s3(tmp_path_factory) -> Iterator[dict[str, str]]:
    with s3_server(tmp_path_factory.mktemp("s3")) as variables:
        yield variables


@pytest.fixture(scope="module")
def started_cluster(prefect_server, s3, tmp_path_factory) -> Iterator[DaskCluster]:
    folder = tmp_path_factory.mktemp("dask")
    with dask_cluster({**prefect_server.environment, **KEYS, **s3}, folder) as started:
        yield started


@pytest.fixture
def cluster(started_cluster) -> DaskCluster:
    started_cluster.start_workers(2 - len(started_cluster.workers))
    return started_cluster


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    """Rows to accept, and some that are invalid, duplicates or refused by the service."""
    rows = people(ROWS)
    for number in range(7, ROWS, 211):
        rows[number] = (rows[number][0], "EMAIL", "nobody")
    for number in range(650, ROWS, 400):
        rows[number] = rows[number - 640]
    return write_rows(tmp_path_factory.mktemp("export") / "export.csv", HEADER, rows)


def refuse_some(item: dict[str, Any]) -> str | None:
    number = int(item["Id"].removeprefix("id-"))
    if number % 100 == 0:
        time.sleep(0.03)
    return f"Invalid Address: {item['Id']}" if number % 397 == 5 else None


def stored(sink: HttpSink) -> dict[str, Any]:
    return {item["Id"]: item for item in sink.accepted}


def results(run: Path) -> dict[str, Any]:
    summary = read_json(run / "summary.json")
    require_balance(summary)
    return {
        "outcomes": read_outcomes(run).drop("request_id"),
        "issues": pl.read_parquet(run / "issues.parquet"),
        "errors": read_rows(run / "errors.csv"),
        "counts": {name: summary[name] for name in COUNTS},
        "profile": {**read_json(run / "profile.json"), "moments": []},
    }


def require_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in ("outcomes", "issues"):
        assert_frame_equal(found[name], expected[name])
    rest = ("errors", "counts", "profile")
    assert {n: found[n] for n in rest} == {n: expected[n] for n in rest}


@pytest.fixture(scope="module")
def on_threads(prefect_api, export, tmp_path_factory) -> dict[str, Any]:
    """What any run of the export comes to."""
    folder = tmp_path_factory.mktemp("threads")
    with HttpSink(refuses=refuse_some) as sink:
        run_import(folder, sink.url, export, run_id="one", partition_rows=PARTITION_ROWS)
        return {**results(folder / "runs" / "one"), "stored": stored(sink)}


def test_run_directory_on_s3(cluster, on_threads, export, tmp_path, prefect_api):
    place = S3Folder(BUCKET, "team/runs")
    settings = ImportSettings(
        sources=[str(export)],
        local=True,
        runs_dir=place,
        run_id="one",
        partition_rows=ROWS // 3,
        runner="dask",
        dask_address=cluster.address,
    )
    with HttpSink(refuses=refuse_some) as sink:
        import_endpoints(settings.model_copy(update={"endpoint_url": sink.url}))
        assert stored(sink) == on_threads["stored"]
    store = S3Store(place / "one")
    for name in store.list_objects():
        copy = tmp_path / "one" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        store.download(name, copy, None)
    require_equal(results(tmp_path / "one"), on_threads)
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        *("errors.csv", "issues.parquet", "lock", "manifest.json", "outcomes"),
        *("profile.json", "report.html", "summary.json"),
    }


def test_workers_share_the_rate(cluster, tmp_path, prefect_api):
    """A service that counts sees no more than the rate, from two workers."""
    source = write_rows(tmp_path / "export.csv", HEADER, people(4_000))
    options = ServerOptions(
        port=0,
        db=tmp_path / "server.sqlite3",
        applications=("local",),
        quota=parse_quota("10/s"),
    )
    with LocalServer(options) as server:
        summary = run_import(
            tmp_path,
            server.url,
            source,
            partition_rows=500,
            rate=10.0,
            max_in_flight=4,
            runner="dask",
            dask_address=cluster.address,
        )
    assert summary["accepted"] == 4_000
    assert summary["requests"] == 40
    assert summary["throttled"] == 0


@pytest.mark.usefixtures("prefect_api")
def test_what_one_worker_finds_wrong_stops_the_others(cluster, export, tmp_path):
    refusal = Reply.failure(403, "ForbiddenException", "Not allowed")
    with HttpSink(script=[refusal], refuses=refuse_some) as sink:
        with pytest.raises(TerminalDestinationError, match="Not allowed"):
            run_import(
                tmp_path,
                sink.url,
                export,
                run_id="one",
                partition_rows=ROWS // 2,
                rate=4.0,
                max_in_flight=2,
                runner="dask",
                dask_address=cluster.address,
            )
        assert len(sink.requests) < ROWS / 100 / 2
    summary = read_summary(tmp_path / "runs", "one")
    require_balance(summary)
    assert summary["status"] == "stopped"
    assert summary["accepted"] == len(stored(sink))


def test_killed_then_stopped_by_a_signal_then_ended_on_threads(
    cluster, on_threads, export, run_cli, prefect_api
):
    cli = CommandLine(run_cli.cwd, {**run_cli.environment, **KEYS})
    runs = cli.cwd / "runs"
    on_dask = ("--runner", "dask", "--dask-address", cluster.address)
    # One partition for each worker: who stops has to do so in the middle of it.
    parts = ("--partition-rows", str(ROWS // 2), "--run-id", "one")
    with HttpSink(refuses=refuse_some) as sink:
        target = ("--application-id", "local", "--endpoint-url", sink.url, "--rate", "6")
        with cli.started("run", export, *parts, *target, *on_dask) as started:
            started.wait_until(lambda: len(sink.requests) > 3)
            started.kill()
        with cli.started("resume", "one") as started:
            # The workers of the killed one come to an end; what they got is known.
            started.wait_until(lambda: has_resumed(runs) and len(sink.requests) > 12)
            started.process.send_signal(signal.SIGINT)
            stopped = started.end()
        assert stopped.code == 5, stopped
        assert "signal" in the_error(stopped)
        summary = read_summary(runs, "one")
        require_balance(summary)
        assert summary["status"] == "stopped"
        assert 0 < summary["unprocessed"] < ROWS
        assert summary["accepted"] == len(stored(sink))
        resumed = resume(cli.cwd, runner="threads", rate=1000.0)
        assert resumed["status"] == "completed_with_errors"
        assert stored(sink) == on_threads["stored"]
        # Besides what was in flight at the kill, nothing was sent twice.
        assert len(sink.accepted) - len(on_threads["stored"]) <= 200
    require_equal(results(runs / "one"), on_threads)


def has_resumed(runs: Path) -> bool:
    return len(read_json(runs / "one" / "manifest.json")["attempts"]) > 1


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_scheduler_that_is_not_there_is_told_before_anything_is_read(
    tmp_path, export, address, monkeypatch
):
    monkeypatch.setattr(pipelines.cluster, "CONNECT_S", 0.5)
    with pytest.raises(ConfigurationError, match="cannot be reached"):
        run_check(tmp_path, export, run_id="one", runner="dask", dask_address=address)
    assert not (tmp_path / "runs").exists()


def test_equals_the_run_on_threads_though_a_worker_is_killed(
    cluster, on_threads, export, tmp_path, prefect_api
):
    run = tmp_path / "runs" / "one"
    killed = threading.Event()
    asked = threading.Event()

    def refuse(item: dict[str, Any]) -> str | None:
        if item["Id"] == "id-800" and not asked.is_set():
            asked.set()
            killed.wait(60)  # it dies with this request in flight
        return refuse_some(item)

    def kill() -> None:
        if asked.wait(120):
            cluster.kill_worker(run / "delivered" / "part-00000.log")
        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    with HttpSink(refuses=refuse) as sink:
        run_import(
            tmp_path,
            sink.url,
            export,
            run_id="one",
            partition_rows=ROWS // 2,
            max_in_flight=2,
            runner="dask",
            dask_address=cluster.address,
        )
        asked.set()
        killer.join()
        assert len(cluster.workers) == 1
        assert stored(sink) == on_threads["stored"]
        # What the log knew was not sent again; one request was in flight.
        assert len(sink.accepted) - len(on_threads["stored"]) <= 200
    require_equal(results(run), on_threads)
    assert list(run.rglob("*.tmp")) == []
    assert not (run / "stop").exists()

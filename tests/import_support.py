"""Whole imports in this process: how they are started, and how what they left is read."""

import csv
import io
import json
import shutil
import signal
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes import HttpSink, Received, Reply

from pipelines import progress, stopping, tasks
from pipelines.flows import check_quality, import_endpoints, resume_run
from pipelines.settings import ImportSettings
from schemas.outcomes import Outcome

HEADER = ("Id", "ChannelType", "Address")


def make_settings(folder: Path, url: str, *sources: Path | str, **settings: Any) -> ImportSettings:
    given = {"runs_dir": folder / "runs", **settings}
    return ImportSettings(
        sources=[str(source) for source in sources],
        endpoint_url=url,
        local=True,  # credentials that any server takes
        **given,
    )


def run_import(folder: Path, url: str, *sources: Path | str, **settings: Any) -> dict[str, Any]:
    return import_endpoints(make_settings(folder, url, *sources, **settings))


def run_check(folder: Path, *sources: Path | str, **settings: Any) -> dict[str, Any]:
    return check_quality(make_settings(folder, "http://127.0.0.1:9", *sources, **settings))


def resume(folder: Path, run_id: str = "one", **changes: Any) -> dict[str, Any]:
    return resume_run(run_id, folder / "runs", **changes)


def require_balance(summary: Mapping[str, Any]) -> None:
    assert summary["balanced"] is True
    assert sum(summary[outcome.value] for outcome in Outcome) == summary["rows"]


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes())


def read_rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def write_rows(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def people(count: int, first: int = 0) -> list[tuple[str, ...]]:
    return [(f"id-{n}", "EMAIL", f"p{n}@example.com") for n in range(first, first + count)]


def read_outcomes(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "outcomes" / "part-*.parquet")


def read_log(log: Path) -> list[dict[str, Any]]:
    """Read the answers of a log up to the first line that is not as it was written."""
    values: list[Any] = []
    checksum = 0
    for line in log.read_bytes().split(b"\n")[:-1]:
        stamp, _, text = line.partition(b" ")
        checksum = zlib.crc32(text, checksum)
        if stamp != b"%08x" % checksum:
            break
        values.append(json.loads(text))
    return [value for value in values[1:] if value != "end"]


# -- runs that are disturbed ---------------------------------------------------------------

REFUSED = frozenset({"id-7", "id-130", "id-131", "id-420", "id-560", "id-700"})
"""Ids that `refuse` refuses."""
PARTITIONED: dict[str, Any] = {"partition_rows": 250, "keep_staged": True, "run_id": "one"}


def refuse(item: dict[str, Any]) -> str | None:
    return "Not wanted." if item["Id"] in REFUSED else None


def write_export(folder: Path) -> list[Path]:
    """Write 750 rows: invalid, malformed, duplicate across partitions and files, and to refuse.

    With `PARTITIONED` they are partitions of 250, 250, 100 and, of the second file, 150 rows. Of
    the last two 246 are sent, which is together.
    """
    rows = people(750)
    for n in (3, 251, 599, 749):
        rows[n] = (f"id-{n}", "EMAIL", "nobody")
    for n in (78, 650):
        rows[n] = (*rows[n], "one too many")
    for n, again in ((400, 5), (620, 300), (640, 641)):
        rows[n] = (f"id-{again}", "EMAIL", f"p{n}@example.com")
    rows[500] = ("id-500", "EMAIL", "p10@example.com")  # shared, which is a warning
    sources = {"a.csv": rows[:600], "b.csv": rows[600:]}
    return [write_rows(folder / name, HEADER, part) for name, part in sources.items()]


class Undisturbed:
    """An import of `write_export` that nothing disturbs: what any other must come to."""

    def __init__(self, folder: Path, sink: HttpSink) -> None:
        self.sources = write_export(folder)
        self.run = folder / "runs" / "one"
        self.summary = run_import(folder, sink.url, *self.sources, **PARTITIONED)
        self.outcomes = read_outcomes(self.run)
        self.accepted = {item["Id"]: item for item in sink.accepted}

    def sent_ids(self, shipment: int) -> list[str]:
        """Give the Ids of the items of a shipment, in the order of their positions."""
        numbers = read_json(self.run / "resolved/shipments.json")[shipment]["partitions"]
        parts = [self.run / f"outcomes/part-{number:05d}.parquet" for number in numbers]
        was_sent = pl.col("outcome").is_in(["accepted", "rejected"])
        return pl.read_parquet(parts).filter(was_sent)["endpoint_id"].to_list()

    def read_answered(self, run: Path) -> dict[str, str]:
        """Read from a run's logs what was answered: Ids and their outcomes."""
        answered = {}
        for log in sorted((run / "delivered").iterdir()):
            ids = self.sent_ids(int(log.stem.removeprefix("part-")))
            for record in read_log(log):
                for start, stop, outcome, *_ in record["deliveries"]:
                    answered |= dict.fromkeys(ids[start:stop], outcome)
        return answered

    def require_same(self, run: Path) -> None:
        """Require of another run of the same sources the same results."""
        summary = read_json(run / "summary.json")
        require_balance(summary)
        for name in ("status", "rows", *Outcome, "issues_by_code"):
            assert summary[name] == self.summary[name], name
        assert read_outcomes(run).drop("request_id").equals(self.outcomes.drop("request_id"))
        assert (run / "errors.csv").read_bytes() == (self.run / "errors.csv").read_bytes()
        issues = [pl.read_parquet(path / "issues.parquet") for path in (run, self.run)]
        assert issues[0].equals(issues[1])
        assert not (run / "unprocessed.csv").exists()
        assert list(run.rglob("*.tmp")) == []


@dataclass(frozen=True)
class Moment:
    """A run directory as kill -9 would have left it."""

    path: Path
    """A copy of it."""
    written: str
    """The file that had just been put in place."""


@contextmanager
def watching(run: Path, copies: Path) -> Iterator[list[Moment]]:
    """Copy a run directory each time that one of its files is put in place."""
    moments: list[Moment] = []
    lock = threading.Lock()
    replace = Path.replace

    def replace_and_copy(temporary: Path, path: Path) -> Path:
        with lock:  # nothing may vanish while it is copied
            placed = replace(temporary, path)
            if path.is_relative_to(run):
                copy = copies / f"{len(moments):03d}"
                shutil.copytree(run, copy)
                moments.append(Moment(copy, str(path.relative_to(run))))
            return placed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace_and_copy)
        yield moments


class FailingSink(HttpSink):
    """Answers every request behind the first ones with `failure`, until that is taken away."""

    def __init__(self, failure: Reply, after: int, **options: Any) -> None:
        super().__init__(**options)
        self.failure: Reply | None = failure
        self.after = after

    def _judge(self, request: Received, request_id: str) -> Reply:
        if self.failure is not None and len(self.requests) > self.after:
            return self.failure
        return super()._judge(request, request_id)


class StopRequest(progress.Silence):
    """Asks a run to stop: when a phase begins, by a signal; or once so many rows went through.

    Partitions are prepared while the next ones are read, and could all be done before that phase
    begins: to be stopped in it, they wait for it.
    """

    def __init__(self, phase: str, rows: int = 0) -> None:
        self.phase = phase
        self.rows = rows
        self._begun = threading.Event()
        self._patch = pytest.MonkeyPatch()

    def begin(self, phase: str, total_rows: int | None) -> None:
        if phase == self.phase and self.rows == 0:
            signal.raise_signal(signal.SIGTERM)
        if phase == self.phase:
            self._begun.set()

    def advance(self, phase: str, rows: int) -> None:
        if phase == self.phase and self.rows > 0:
            self.rows -= rows
            if self.rows <= 0:  # in a thread of a task, where a signal would come late
                stopping._requested.set()

    def __enter__(self) -> None:
        progress.listen(self)
        if self.phase == "prepare":
            prepare = tasks.prepare

            def wait_and_prepare(*args: Any, **options: Any) -> int:
                self._begun.wait(timeout=60)
                return prepare(*args, **options)

            self._patch.setattr(tasks, "prepare", wait_and_prepare)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        progress.listen(None)

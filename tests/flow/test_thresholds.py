"""Thresholds over whole runs: what stops, what warns, and what past runs count for."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from cli_support import read_summary
from fakes import HttpSink
from import_support import (
    StopRequest,
    read_json,
    require_balance,
    resume,
    run_check,
    run_import,
    write_rows,
)
from processes import CommandLine
from s3_support import BUCKET, s3_server
from sync_support import HEADER, Nights, Row, person

from pipelines.errors import GuardError, StoppedError

pytestmark = pytest.mark.usefixtures("prefect_api")

STOP: dict[str, Any] = dict.fromkeys(
    ("on_row_change", "on_empty_column", "on_lost_channel"), "stop"
)
EXPORT = [person(number) for number in range(40)]
PHONES = [(f"id-{n}", "SMS", f"+1206555{n:04}", "", "Lyon", "gold") for n in range(100, 115)]


def check(folder: Path, name: str, rows: Sequence[Row], **settings: Any) -> list[dict[str, Any]]:
    """Check rows under a name; give the breaches."""
    source = write_rows(folder / name, HEADER, rows)
    return run_check(folder, source, **settings)["breaches"]


def thresholds_of(breaches: list[dict[str, Any]]) -> list[str]:
    return [breach["threshold"] for breach in breaches]


def test_half_a_file_warns(nights: Nights) -> None:
    assert nights.night(EXPORT)["breaches"] == []
    summary = nights.night(EXPORT[:20])
    require_balance(summary)
    (breach,) = summary["breaches"]
    assert (breach["threshold"], breach["is_stop"]) == ("max_row_change", False)
    assert breach["source"] == str(nights.folder / "night-2.csv")
    assert "has 20 rows, 50.0% fewer than its last run (40)" in breach["message"]
    assert "--max-row-change allows 30%" in breach["message"]
    assert summary["unchanged"] == 20


def test_half_a_file_stops_before_anything_is_sent_until_it_is_let_through(nights: Nights) -> None:
    nights.night(EXPORT, **STOP)  # the first one never stops
    before = nights.stored
    pointers = [*(nights.folder / "runs/.state").rglob("pointer.json")]
    state = [pointer.read_bytes() for pointer in pointers]
    changed = [person(number, city="Paris") for number in range(20)]
    with pytest.raises(GuardError, match=r"50\.0% fewer .* --max-row-change 50%.*Nothing was sent"):
        nights.night(changed, **STOP)
    assert nights.stored == before
    assert [pointer.read_bytes() for pointer in pointers] == state != []
    summary = read_json(nights.run / "summary.json")
    require_balance(summary)
    assert (summary["status"], summary["unprocessed"], summary["requests"]) == ("guarded", 20, 0)
    assert thresholds_of(summary["breaches"]) == ["max_row_change"]
    assert (nights.run / "report.html").is_file()
    assert len(nights.read("unprocessed.csv")) == 20
    assert nights.night(changed, **STOP, max_row_change="50%")["accepted"] == 20
    assert nights.night(changed, **STOP)["unchanged"] == 20  # what was let through is known


def test_an_emptied_column_and_a_lost_channel_are_told_at_once(tmp_path: Path) -> None:
    check(tmp_path, "a.csv", [*EXPORT, *PHONES])
    emptied = [person(number, city="") for number in range(50)]
    with pytest.raises(GuardError) as caught:
        check(tmp_path, "a.csv", emptied, run_id="two", **STOP)
    breaches = read_json(tmp_path / "runs/two/summary.json")["breaches"]
    assert thresholds_of(breaches) == ["on_empty_column", "on_lost_channel"]
    assert "Location.City (a value in 0.0% of 50 endpoints" in breaches[0]["message"]
    assert "SMS (0 of 50 endpoints, before 27.3%)" in breaches[1]["message"]
    expected = f"{breaches[0]['message']} {breaches[1]['message']} Nothing was sent."
    assert caught.value.message == expected
    mixed = {**STOP, "on_empty_column": "warn", "on_lost_channel": "off"}
    assert thresholds_of(check(tmp_path, "a.csv", emptied, **mixed)) == ["on_empty_column"]


def test_a_source_may_have_thresholds_of_its_own(tmp_path: Path) -> None:
    bad = [("x", "EMAIL", "nobody", "", "Lyon", "gold")]
    named = {"a.csv": EXPORT, "b.csv": [*EXPORT[:9], *bad]}
    sources = [write_rows(tmp_path / name, HEADER, rows) for name, rows in named.items()]
    own = {"*/b.csv": {"max_invalid": "10%", "on_row_change": "off"}}
    run_check(tmp_path, *sources, max_invalid="0%", thresholds=own)  # b.csv alone is not perfect
    for source in sources:
        write_rows(source, HEADER, [*EXPORT[:5], *bad])
    with pytest.raises(GuardError) as caught:
        run_check(tmp_path, *sources, max_invalid="0%", thresholds=own, run_id="two")
    breaches = read_json(tmp_path / "runs/two/summary.json")["breaches"]
    assert [(breach["threshold"], breach["source"]) for breach in breaches] == [
        ("max_invalid", None),
        ("max_invalid", str(sources[1])),
        ("max_row_change", str(sources[0])),
    ]
    assert "1 of 6 rows are invalid (16.7%), more than --max-invalid 0%" in caught.value.message
    assert 'max_invalid in thresholds."*/b.csv" 10%' in caught.value.message
    assert "fewer" not in caught.value.message  # that one warns


def test_what_is_no_whole_run_is_no_history(tmp_path: Path) -> None:
    check(tmp_path, "crm-2026-11-20.csv", EXPORT, limit=15)
    check(tmp_path, "errors.csv", EXPORT)
    assert check(tmp_path, "crm-2026-11-21.csv", EXPORT, **STOP) == []
    assert check(tmp_path, "crm-2026-11-22.csv", EXPORT, **STOP, limit=15) == []
    assert check(tmp_path, "errors.csv", EXPORT[:5], **STOP) == []
    with pytest.raises(GuardError, match=r"50\.0% fewer than its last run"):
        check(tmp_path, "crm-2026-11-23.csv", EXPORT[:20], **STOP)
    # Nor is what was stopped: the next night is compared with the same run.
    with pytest.raises(GuardError, match=r"50\.0% fewer than its last run"):
        check(tmp_path, "crm-2026-11-24.csv", EXPORT[:20], **STOP)


def test_a_run_that_goes_on_is_compared_as_before(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "a.csv", HEADER, EXPORT)
    with HttpSink() as sink:
        given = {**STOP, "on_row_change": "warn", "no_state": True, "partition_rows": 100}
        run_import(tmp_path, sink.url, source, **given, run_id="before")
        write_rows(source, HEADER, EXPORT[:20])
        with StopRequest("deliver"), pytest.raises(StoppedError):
            run_import(tmp_path, sink.url, source, **given)
        profile = tmp_path / "runs/before/profile.json"
        changed = read_json(profile)
        changed["sources"][0]["filled"]["Attributes.gone"] = 40
        profile.write_bytes(orjson.dumps(changed))
        (run_id,) = (path.name for path in (tmp_path / "runs").iterdir() if path.name != "before")
        summary = resume(tmp_path, run_id)
    assert thresholds_of(summary["breaches"]) == ["max_row_change"]
    assert summary["accepted"] == 20


def test_history_on_s3_is_as_on_disk(tmp_path: Path) -> None:
    with s3_server(tmp_path):
        runs_dir = f"s3://{BUCKET}/runs"
        assert check(tmp_path, "a-1.csv", EXPORT, **STOP, runs_dir=runs_dir) == []
        with pytest.raises(GuardError, match=r"20 rows, 50\.0% fewer than its last run \(40\)"):
            check(tmp_path, "a-2.csv", EXPORT[:20], **STOP, runs_dir=runs_dir)


def test_at_a_terminal(cli_here: CommandLine) -> None:
    folder = cli_here.cwd
    check(folder, "crm-1.csv", EXPORT)
    write_rows(folder / "crm-2.csv", HEADER, EXPORT[:20])
    (folder / "endpoint-import.toml").write_text(
        'on-row-change = "warn"\n'
        '[thresholds."crm-*.csv"]\n'
        'max-row-change = "10%"\n'
        'on-row-change = "stop"\n'
    )
    stopped = cli_here("check", "crm-2.csv", "--run-id", "two")
    assert stopped.code == 4
    assert 'max_row_change in thresholds."crm-*.csv" allows 10%' in stopped.stderr
    assert read_summary(folder / "runs", "two")["status"] == "guarded"
    # What is given on the command line comes before any table.
    warned = cli_here("check", "crm-2.csv", "--on-row-change", "warn")
    assert warned.code == 0
    assert "Warning: crm-2.csv has 20 rows, 50.0% fewer" in warned.stdout
    # However little is told, a file without a row is.
    write_rows(folder / "crm-3.csv", HEADER, [])
    quiet = cli_here("check", "crm-3.csv", "--on-row-change", "warn", "-q", "--run-id", "three")
    assert (quiet.code, len(quiet.stdout.splitlines())) == (0, 1)
    assert re.match(r"Warning: crm-3\.csv has 0 rows, 100\.0% fewer", quiet.stderr), quiet.stderr
    listed = {run["run_id"]: run for run in orjson.loads(cli_here("runs", "--json").stdout)}
    assert listed["two"]["warnings"] == []
    assert "Warning: " + listed["three"]["warnings"][0] in quiet.stderr
    head, *rows = cli_here("runs").stdout.splitlines()
    assert {r.split()[0]: r[: head.index("warnings") + 8].split()[-1] for r in rows}["three"] == "1"

"""Rebuilding: a state of an export, partition by partition and range by range."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from state_support import read_all
from sync_frames import records

from pipelines.errors import SourceError
from pipelines.settings import ImportSettings
from pipelines.state.base import CommitKind, CommitNote, StateKey
from pipelines.state.store import locked_state, open_state
from pipelines.syncing.rebuilding import rebuild

KEY = StateKey("somewhere", "local")
AT = datetime(2026, 11, 22, tzinfo=UTC)


def line(number, **members):
    return {
        "Id": f"e-{number}",
        "ChannelType": "EMAIL",
        "Address": f"p{number}@example.com",
        "OptOut": "NONE",
        "EndpointStatus": "ACTIVE",
        "RequestId": f"r-{number}",
        "CohortId": "3",
        "User": {"UserId": f"u-{number}"},
        **members,
    }


def write(path: Path, lines) -> Path:
    text = "\n".join(json.dumps(line) for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def run(folder: Path, *exports: Path, may_replace=False):
    settings = ImportSettings(
        sources=[str(export) for export in exports],
        endpoint_url="http://127.0.0.1:9",  # nothing listens there: it is not needed
        local=True,
        partition_rows=100,
    )
    with locked_state(folder / "state", KEY, run_id=None) as state:
        return rebuild(settings, state, AT, may_replace=may_replace)


def read_state(folder):
    return {r["endpoint_id"]: r for r in read_all(open_state(folder / "state", KEY))}


def test_partitions_are_merged_range_by_range(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.state.reading.RANGE_ROWS", 60)
    first = write(tmp_path / "a.json", (line(n) for n in range(250)))
    second = write(
        tmp_path / "b.gz",
        [line(n, OptOut="ALL", Id=f"E-{n}") for n in range(245, 255)] + [{"Address": "x"}],
    )
    told = run(tmp_path, first, second)
    assert (told.lines, told.without_id, told.repeated) == (261, 1, 5)
    assert (told.records, told.opted_out) == (255, 10)
    found = read_state(tmp_path)
    # Of the lines of an Id, whatever its case, the last one counts.
    assert set(found) == {f"e-{n}" for n in range(245)} | {f"E-{n}" for n in range(245, 255)}
    assert found["E-250"]["opt_out"] == "ALL"


def test_a_record_has_what_the_export_says_and_no_more(tmp_path):
    run(tmp_path, write(tmp_path / "a.json", [line(1, OptOut=None, EndpointStatus="INACTIVE")]))
    (record,) = read_state(tmp_path).values()
    assert (record["user_id"], record["opt_out"], record["status"]) == ("u-1", None, "INACTIVE")
    assert (record["content"], record["is_ours"], record["accepted_at"]) == (None, False, None)
    names = record["layout"].split("\x1f")
    known = {name for name, mark in zip(names, record["marks"], strict=True) if mark is not None}
    assert known == {"Address", "ChannelType", "EndpointStatus", "User.UserId"}


def test_invalid_endpoints_are_known_too(tmp_path):
    told = run(tmp_path, write(tmp_path / "a.json", [line(1, ChannelType="SMS", Address="12")]))
    assert told.records == 1


def test_who_opted_out_and_was_deleted_stays_known(tmp_path):
    before = records(
        [
            {"endpoint_id": "out", "opt_out": "ALL", "retired": "delete"},
            {"endpoint_id": "deleted", "opt_out": "NONE", "retired": "delete"},
            {"endpoint_id": "gone", "opt_out": "ALL"},
            {"endpoint_id": "E-1", "opt_out": "ALL"},
            {"endpoint_id": "e-2", "opt_out": "ALL"},
        ]
    )
    note = CommitNote(kind=CommitKind.ACCEPTED, run_id="r1", at=AT)
    with locked_state(tmp_path / "state", KEY, run_id="r1") as state:
        state.commit([before.sort("key_hash")], note)
    export = write(tmp_path / "a.json", [line(1), line(2, OptOut=None)])
    told = run(tmp_path, export, may_replace=True)
    assert told.forgotten == 2
    found = read_state(tmp_path)
    assert set(found) == {"out", "e-1", "e-2"}
    # What the service says counts, and where it does not say anything, what was known.
    assert (found["e-1"]["opt_out"], found["e-2"]["opt_out"]) == ("NONE", "ALL")


def test_an_export_without_endpoints_changes_nothing(tmp_path):
    run(tmp_path, write(tmp_path / "a.json", [line(1)]))
    empty = write(tmp_path / "b.json", [{"Address": "x", "ChannelType": "EMAIL"}])
    with pytest.raises(SourceError, match="no endpoints"):
        run(tmp_path, empty, may_replace=True)
    assert set(read_state(tmp_path)) == {"e-1"}

"""removals.csv, and what the books say of endpoints that are gone."""

import csv
import stat
from dataclasses import replace

import polars as pl
import pytest
from fakes import ScriptedDestination
from retiring_support import ACCEPTED_AT, write_gone
from sending_support import ACCEPTED, REFUSED, TERMINAL, make_run, make_sender

from pipelines.syncing.removals import RemovalCounts, read_retired, write_removals
from pipelines.syncing.retiring import send_retirements
from schemas.sync import RetirePolicy
from schemas.sync_records import RECORD_SCHEMA

UPDATES = [RetirePolicy.OPTOUT, RetirePolicy.INACTIVE]


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs")


def retire(run, *answers, policy=RetirePolicy.DELETE):
    destination = ScriptedDestination(answers, max_items=1)
    return send_retirements(run, policy, make_sender(destination))


def read_lines(run):
    with run.removals.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


HEADER = [
    *("Id", "User.UserId", "_accepted_at", "_accepted_by_run"),
    *("_policy", "_outcome", "_message"),
]


def test_each_is_listed_with_what_became_of_it(run):
    write_gone(run, 0, "a", "b", user_id=["u,1", None])
    write_gone(run, 1, "c", accepted_at=None, run_id=None)
    retire(run, ACCEPTED, REFUSED, TERMINAL)
    assert write_removals(run, RetirePolicy.DELETE) == RemovalCounts(3, 1, 1, 1)
    told = ["2026-01-02T03:04:05Z", "before", "delete"]
    assert read_lines(run) == [
        HEADER,
        ["a", "u,1", *told, "retired", ""],
        ["b", "", *told, "refused", "Missing Address"],
        ["c", "", "", "", "delete", "not done", ""],
    ]


def test_what_a_guard_kept_back_is_listed_as_to_retire(run):
    write_gone(run, 0, "a", "b")
    counts = write_removals(run, RetirePolicy.OPTOUT, is_stopped=True)
    assert counts == RemovalCounts(to_retire=2, retired=0, refused=0, not_done=0)
    assert [line[4:6] for line in read_lines(run)[1:]] == [["optout", "to retire"]] * 2


def test_nothing_gone_is_a_header(run):
    assert write_removals(run, RetirePolicy.OPTOUT) == RemovalCounts(0, 0, 0, 0)
    assert read_lines(run) == [HEADER]


@pytest.mark.parametrize("endpoint_id", ['q"u,o', "line\nbreak", "é 日本", " a "])
def test_ids_come_back_as_they_are(run, endpoint_id):
    write_gone(run, 0, endpoint_id)
    write_removals(run, RetirePolicy.OPTOUT, is_stopped=True)
    assert read_lines(run)[1][0] == endpoint_id


def test_it_is_private_and_replaced_whole(run):
    write_gone(run, 0, "a")
    write_removals(run, RetirePolicy.OPTOUT, is_stopped=True)
    first = run.removals.stat()
    assert stat.S_IMODE(first.st_mode) == 0o600
    write_removals(run, RetirePolicy.OPTOUT)
    assert run.removals.stat().st_ino != first.st_ino
    assert [path.name for path in run.path.glob(".*")] == []


@pytest.mark.parametrize("policy", UPDATES)
@pytest.mark.parametrize(
    ("said", "counts"),
    [("Missing Address", RemovalCounts(2, 2, 0, 0)), ("Not now", RemovalCounts(2, 1, 1, 0))],
    ids=["as not there", "for another reason"],
)
def test_an_update_of_what_is_not_there_counts_when_it_is_refused(run, policy, said, counts):
    write_gone(run, 0, "doubtful", "lost", accepted_at=[None, ACCEPTED_AT])
    refused = replace(REFUSED, message=said)
    retire(run, refused, refused, ACCEPTED, policy=policy)
    assert write_removals(run, policy) == counts


def test_a_delete_that_is_refused_is_none(run):
    write_gone(run, 0, "doubtful", accepted_at=None)
    retire(run, REFUSED)
    assert write_removals(run, RetirePolicy.DELETE) == RemovalCounts(1, 0, 1, 0)


def test_what_was_retired_is_read_as_records_in_their_order(run):
    write_gone(run, 0, "b", "a", key_hash=[1, 2], feeds=[1, 3])
    write_gone(run, 1, "c", key_hash=[3])
    retire(run, ACCEPTED, REFUSED)
    frames = list(read_retired(run, RetirePolicy.DELETE))
    assert [frame.height for frame in frames] == [2, 1]
    frame = pl.concat(frames)
    assert frame.drop("outcome", "message", "request_id").schema == RECORD_SCHEMA
    assert frame["key_hash"].to_list() == [1, 2, 3]
    assert frame.select("endpoint_id", "outcome", "request_id").rows() == [
        ("b", "accepted", "request-1"),
        ("a", "rejected", "request-2"),
        ("c", "accepted", None),
    ]

"""Verifying: what a sample is drawn from, and what counts as due after it."""

import random
from datetime import UTC, datetime

import polars as pl
from state_support import read_all
from sync_frames import layout, records

from pipelines.state.base import CommitKind, CommitNote, StateKey
from pipelines.state.store import locked_state, open_state
from pipelines.syncing.verifying import draw_sample, make_due

KEY = StateKey("somewhere", "app-1")
AT = datetime(2026, 11, 22, tzinfo=UTC)
NOTE = CommitNote(kind=CommitKind.ACCEPTED, run_id="r1", at=AT)


def commit(place, frame):
    with locked_state(place, KEY, run_id="r1") as state:
        state.commit([frame.sort("key_hash")], NOTE)


def marked(count, **members):
    members = {"layout": layout("Address"), "marks": [1], "opt_out": "NONE", **members}
    return records([members] * count)


def suspects(frame, **members):
    said = {"said_opt_out": None, "said_status": None, "is_missing": False, **members}
    return frame.with_columns(pl.lit(value).alias(name) for name, value in said.items())


def test_a_sample_is_of_all_ranges_and_no_record_twice(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.state.reading.RANGE_ROWS", 100)
    commit(tmp_path, marked(1000))
    state = open_state(tmp_path, KEY)
    assert len(state.ranges()) == 10
    drawn = draw_sample(state, 95, random.Random(1))
    assert drawn.height == 95
    assert drawn["endpoint_id"].n_unique() == 95
    for part in state.ranges():
        found = drawn.filter(pl.col("key_hash").is_between(part.first, part.last))
        assert found.height in (9, 10)
    again = draw_sample(state, 95, random.Random(1))
    assert again.equals(drawn)
    assert not draw_sample(state, 95, random.Random(2)).equals(drawn)


def test_a_sample_is_no_larger_than_the_state(tmp_path):
    assert draw_sample(open_state(tmp_path, KEY), 9, random.Random(1)).is_empty()
    commit(tmp_path, marked(5))
    assert draw_sample(open_state(tmp_path, KEY), 9, random.Random(1)).height == 5


def test_what_is_due_is_not_known_any_more(tmp_path):
    commit(tmp_path, marked(3))
    meant = suspects(read_frame(tmp_path).head(1), said_opt_out="ALL", said_status="INACTIVE")
    with locked_state(tmp_path, KEY, run_id=None) as state:
        assert make_due(state, meant, AT) == 1
    after = {record["endpoint_id"]: record for record in read_all(open_state(tmp_path, KEY))}
    due = after.pop(meant["endpoint_id"][0])
    assert (due["content"], due["layout"], due["marks"]) == (None, None, None)
    assert (due["opt_out"], due["status"], due["feeds"]) == ("ALL", "INACTIVE", 1)
    assert due["accepted_at"] is not None
    assert all(record["content"] is not None for record in after.values())


def test_what_is_inactive_for_being_gone_was_not_set_so_on_purpose(tmp_path):
    commit(tmp_path, marked(1, retired="inactive", status="ACTIVE"))
    meant = suspects(read_frame(tmp_path), said_opt_out="ALL", said_status="INACTIVE")
    with locked_state(tmp_path, KEY, run_id=None) as state:
        make_due(state, meant, AT)
    (due,) = read_all(open_state(tmp_path, KEY))
    assert (due["opt_out"], due["status"], due["retired"]) == ("ALL", "ACTIVE", "inactive")


def test_what_is_missing_was_never_confirmed(tmp_path):
    commit(tmp_path, marked(1, opt_out="ALL", is_ours=False))
    meant = suspects(read_frame(tmp_path), is_missing=True)
    with locked_state(tmp_path, KEY, run_id=None) as state:
        make_due(state, meant, AT)
    (due,) = read_all(open_state(tmp_path, KEY))
    assert (due["opt_out"], due["is_ours"], due["accepted_at"]) == ("ALL", True, None)


def test_what_a_run_wrote_meanwhile_is_left_as_it_is(tmp_path):
    commit(tmp_path, marked(2))
    meant = suspects(read_frame(tmp_path))
    commit(tmp_path, marked(1, run_id="r2"))
    with locked_state(tmp_path, KEY, run_id=None) as state:
        assert make_due(state, meant, AT) == 1
        assert make_due(state, meant, AT) == 0
    contents = {r["endpoint_id"]: r["content"] for r in read_all(open_state(tmp_path, KEY))}
    assert contents == {"e-0": 1000, "e-1": None}


def read_frame(place):
    state = open_state(place, KEY)
    return pl.concat([state.read(part) for part in state.ranges()])

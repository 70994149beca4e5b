"""What is remembered, case by case; and that no crash makes it say too much."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sync_frames import ACCEPTED_AT, keyed_rows, records

from pipelines.steps.compare import CompareParams, compare
from pipelines.steps.sync_records import (
    Occasion,
    accept,
    find_gone,
    intend,
    intend_to_retire,
    join_feed,
    leave_feed,
    retire,
)
from schemas.sync import Standing
from schemas.sync_records import RECORD_SCHEMA

LATER = Occasion(datetime(2026, 2, 1, 3, 4, 5, tzinfo=UTC), "second", feed=1)
LAST_FEED = Occasion(LATER.at, LATER.run_id, feed=63)
OPT_OUTS = (None, "ALL", "NONE")
STATUSES = (None, "ACTIVE", "INACTIVE")
RETIRED = (None, "optout", "inactive", "delete")


def only(frame):
    assert frame.schema == RECORD_SCHEMA
    (record,) = frame.rows(named=True)
    return record


def standing(row, known):
    (found,) = compare(keyed_rows([row]), known, CompareParams())["standing"]
    return Standing(found)


def test_record_of_a_new_row_that_is_about_to_be_sent():
    rows = keyed_rows(
        [{"user_id": "u", "opt_out": "NONE", "status": "ACTIVE", "layout": "Address"}]
    )
    assert only(intend(rows, records([]), LATER)) == {
        "key_hash": rows["key_hash"].item(),
        "endpoint_id": "E-0",
        "user_id": "u",
        "opt_out": None,
        "opt_out_by": None,
        "status": None,
        "content": None,
        "layout": None,
        "marks": None,
        "feeds": 0,
        "is_ours": True,
        "retired": None,
        "accepted_at": None,
        "run_id": None,
        "is_forgotten": False,
    }


def test_record_of_a_new_row_that_was_taken():
    row = {"user_id": "u", "opt_out": "NONE", "layout": "Address", "marks": [3]}
    rows = keyed_rows([row])
    expected = {
        "key_hash": rows["key_hash"].item(),
        "endpoint_id": "E-0",
        "user_id": "u",
        "opt_out": "NONE",
        "opt_out_by": None,
        "status": "ACTIVE",
        "content": 1000,
        "layout": "Address",
        "marks": [3],
        "feeds": 2,
        "is_ours": True,
        "retired": None,
        "accepted_at": LATER.at,
        "run_id": "second",
        "is_forgotten": False,
    }
    assert only(accept(rows, records([]), LATER)) == expected
    assert only(accept(rows, intend(rows, records([]), LATER), LATER)) == expected
    gone = records([{"user_id": "v", "opt_out": "ALL", "is_forgotten": True}])
    assert only(accept(rows, gone, LATER)) == expected


@pytest.mark.parametrize("known", OPT_OUTS)
@pytest.mark.parametrize("said", OPT_OUTS)
def test_opt_out_that_is_remembered(known, said):
    """Before it is known whether a row was taken only a refusal counts."""
    rows, stored = keyed_rows([{"opt_out": said}]), records([{"opt_out": known}])
    assert only(intend(rows, stored, LATER))["opt_out"] == ("ALL" if said == "ALL" else known)
    for before in (stored, intend(rows, stored, LATER)):
        assert only(accept(rows, before, LATER))["opt_out"] == (said or known)


@pytest.mark.parametrize("known", STATUSES)
@pytest.mark.parametrize("said", STATUSES)
def test_status_that_is_remembered(known, said):
    rows, stored = keyed_rows([{"status": said}]), records([{"status": known}])
    expected = "INACTIVE" if said == "INACTIVE" else known
    assert only(intend(rows, stored, LATER))["status"] == expected
    for before in (stored, intend(rows, stored, LATER)):
        assert only(accept(rows, before, LATER))["status"] == (said or "ACTIVE")


def test_what_a_row_leaves_out_stays():
    rows = keyed_rows([{}])
    stored = records([{"user_id": "u", "feeds": 1}])
    for found in (intend(rows, stored, LATER), accept(rows, stored, LATER)):
        assert only(found)["user_id"] == "u"
        assert only(found)["feeds"] == 3


def test_an_endpoint_from_an_export_is_ours_once_it_was_taken():
    rows, stored = keyed_rows([{}]), records([{"is_ours": False}])
    assert not only(intend(rows, stored, LATER))["is_ours"]
    assert only(accept(rows, intend(rows, stored, LATER), LATER))["is_ours"]


@pytest.mark.parametrize("policy", RETIRED[1:])
def test_a_retired_one_that_comes_back(policy):
    rows, stored = keyed_rows([{}]), records([{"retired": policy}])
    intended = only(intend(rows, stored, LATER))
    assert intended["retired"] is None
    assert intended["accepted_at"] == (None if policy == "delete" else ACCEPTED_AT)
    assert intended["run_id"] == (None if policy == "delete" else "first")
    accepted = only(accept(rows, stored, LATER))
    assert (accepted["retired"], accepted["accepted_at"]) == (None, LATER.at)


@given(
    st.fixed_dictionaries(
        {
            "opt_out": st.sampled_from(OPT_OUTS),
            "status": st.sampled_from(STATUSES),
            "retired": st.sampled_from(RETIRED),
        }
    ),
    st.fixed_dictionaries(
        {"opt_out": st.sampled_from(OPT_OUTS), "status": st.sampled_from(STATUSES)}
    ),
    st.fixed_dictionaries(
        {"opt_out": st.sampled_from(OPT_OUTS), "status": st.sampled_from(STATUSES)}
    ),
)
def test_what_is_held_stays_held_over_a_crash(record, tried, later):
    """A run breaks off after its intent: who was refused before is not let through by that."""
    stored = records([{**record, "content": 1}])
    intended = intend(keyed_rows([tried]), stored, LATER)
    row = {**later, "content": 2}
    before, after = standing(row, stored), standing(row, intended)
    assert after in (before, Standing.OPTS_IN, Standing.REACTIVATES, Standing.DOUBTFUL)
    if before in (Standing.OPTS_IN, Standing.REACTIVATES):
        assert after in (Standing.OPTS_IN, Standing.REACTIVATES)


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.sampled_from(RETIRED[1:]))
def test_nothing_that_was_tried_is_called_unchanged(ids, policy):
    rows = keyed_rows([{"endpoint_id": name.upper()} for name in ids])
    known = accept(rows, records([]), LATER)
    assert set(compare(rows, known, CompareParams())["standing"]) <= {Standing.UNCHANGED}
    for tried in (
        intend(rows, known, LATER),
        intend_to_retire(known, policy),
        retire(known, policy, LATER),
    ):
        assert set(compare(rows, tried, CompareParams())["standing"]).isdisjoint(
            [Standing.UNCHANGED]
        )
        assert tried["key_hash"].is_sorted()


def test_a_row_that_is_not_sent_joins_its_feed_once():
    rows = keyed_rows([{}, {}, {}, {}])
    known = records([{"feeds": 1}, {"feeds": 3}, {"feeds": 1, "is_forgotten": True}])
    unrelated = records([{"endpoint_id": "other"}])
    joined = join_feed(rows, pl.concat([known, unrelated]), LATER)
    assert only(joined) == {**known.row(0, named=True), "feeds": 3}
    assert join_feed(rows, joined, LATER).is_empty()


FEED = [
    pytest.param({}, True, id="ours"),
    pytest.param({"content": None, "accepted_at": None}, True, id="doubtful"),
    pytest.param({"endpoint_id": "E-0", "feeds": 2}, True, id="in-upper-case"),
    pytest.param({"is_ours": False}, False, id="of-an-export"),
    pytest.param({"feeds": 3}, False, id="in-another-feed-too"),
    pytest.param({"retired": "optout"}, False, id="retired"),
    pytest.param({"is_forgotten": True}, None, id="forgotten"),
    pytest.param({"feeds": 1}, None, id="in-another-feed-only"),
    pytest.param({"feeds": 0}, None, id="in-no-feed"),
]


@pytest.mark.parametrize(("record", "is_gone"), FEED)
def test_gone_is_what_only_this_feed_had(record, is_gone):
    known = records([{"feeds": 2, **record}])
    assert find_gone(known, pl.Series(["e-0"]), feed=1).is_empty()
    assert leave_feed(known, pl.Series(["e-0"]), feed=1).is_empty()
    nobody = pl.Series([], dtype=pl.String)
    assert find_gone(known, nobody, feed=1).height == (is_gone is True)
    left = leave_feed(known, nobody, feed=1)
    assert left.height == (is_gone is False)
    assert left.equals(known.head(left.height).with_columns(feeds=pl.col("feeds") - 2))


def test_the_last_feed_is_a_bit_as_any_other():
    accepted = accept(keyed_rows([{}]), records([{"feeds": 1}]), LAST_FEED)
    assert only(accepted)["feeds"] == 2**63 + 1
    nobody = pl.Series([], dtype=pl.String)
    assert find_gone(accepted, nobody, feed=63).is_empty()
    alone = leave_feed(accepted, nobody, feed=0)
    assert find_gone(alone, nobody, feed=63).equals(alone)


@pytest.mark.parametrize("policy", RETIRED[1:])
@pytest.mark.parametrize("opt_out", OPT_OUTS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_retired_one_keeps_what_was_said_of_consent(policy, opt_out, status):
    gone = records([{"opt_out": opt_out, "status": status, "feeds": 2, "marks": [1]}])
    said = "ALL" if policy == "optout" else opt_out
    by = {"ALL": "source"}.get(opt_out, "mirror") if policy == "optout" else None
    before_by = "source" if opt_out == "ALL" else None
    empty = {"content": None, "marks": None, "opt_out": said, "opt_out_by": by or before_by}
    unconfirmed = {"accepted_at": None, "run_id": None} if policy == "delete" else {}
    before = gone.row(0, named=True)
    assert only(intend_to_retire(gone, policy)) == {**before, **empty, **unconfirmed}
    assert only(retire(intend_to_retire(gone, policy), policy, LATER)) == {
        **before,
        **empty,
        "feeds": 0,
        "retired": policy,
        "accepted_at": LATER.at,
        "run_id": "second",
    }


def test_what_was_about_to_be_retired_is_gone_still():
    gone = records([{"feeds": 2}])
    nobody = pl.Series([], dtype=pl.String)
    for policy in RETIRED[1:]:
        assert find_gone(intend_to_retire(gone, policy), nobody, feed=1).height == 1
        assert find_gone(retire(gone, policy, LATER), nobody, feed=1).is_empty()


@given(st.lists(st.integers(0, 9), unique=True))
def test_records_are_sorted_as_the_state_wants_them(numbers):
    rows = keyed_rows([{"endpoint_id": f"E-{n}"} for n in numbers])
    known = records([{"endpoint_id": f"e-{n}", "feeds": 1 + 2 * (n % 2)} for n in range(10)])
    nobody = pl.Series([], dtype=pl.String)
    for found, height in (
        (intend(rows, known, LATER), len(numbers)),
        (accept(rows, known, LATER), len(numbers)),
        (join_feed(rows, known, LATER), sum(n % 2 == 0 for n in numbers)),
        (find_gone(known, nobody, 0), 5),
        (leave_feed(known, nobody, 0), 5),
        (retire(known, "optout", LATER), 10),
    ):
        assert found.height == height
        assert found["key_hash"].is_sorted()


@pytest.mark.parametrize(
    ("said", "known", "by"),
    [("ALL", "service", "source"), (None, "service", "service"), ("NONE", "mirror", None)],
)
def test_who_opted_out_last_is_remembered(said, known, by):
    rows, before = (
        keyed_rows([{"opt_out": said}]),
        records([{"opt_out": "ALL", "opt_out_by": known}]),
    )
    assert only(accept(rows, before, LATER))["opt_out_by"] == by
    intended = only(intend(rows, before, LATER))
    assert (intended["opt_out"], intended["opt_out_by"]) == ("ALL", by or known)

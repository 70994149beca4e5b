"""A plain function says how a row must stand; the whole table of cases is compared with it."""

from itertools import product

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from step_frames import endpoints
from sync_frames import ACCEPTED_AT, keyed_rows, layout, records

from pipelines.steps.compare import CompareParams, compare, find_changed_columns
from pipelines.steps.encode import encode
from schemas.sync import DUE, HELD, Standing
from schemas.sync_records import COMPARED_SCHEMA

SAME, OTHER = {"content": 1}, {"content": 2}
DOUBTFUL = {"content": None}
LAYOUT = {"layout": layout("Address", "ChannelType")}
REBUILT_SAME = {"content": None, "marks": [7, None], **LAYOUT}
REBUILT_OTHER = {"content": None, "marks": [8, None], **LAYOUT}
CONTENTS = [SAME, OTHER, DOUBTFUL, REBUILT_SAME, REBUILT_OTHER]
OPT_OUTS = (None, "ALL", "NONE")
STATUSES = (None, "ACTIVE", "INACTIVE")
RETIRED = (None, "optout", "inactive", "delete")
CASES = [
    (
        {"content": 1, "opt_out": said, "status": status, "marks": [7, None], **LAYOUT},
        {
            **content,
            "opt_out": known_said,
            "status": known_status,
            "retired": retired,
            "is_ours": is_ours,
            "accepted_at": accepted_at,
        },
    )
    for said, known_said, status, known_status, retired, content, is_ours, accepted_at in product(
        *(OPT_OUTS, OPT_OUTS, STATUSES, STATUSES, RETIRED),
        *(CONTENTS, (True, False), (ACCEPTED_AT, None)),
    )
]


def is_unchanged(row, record):
    if record["retired"]:
        return False
    if record["content"] is not None:
        return record["content"] == row["content"]
    if "marks" not in record:
        return False
    return record["marks"] == row["marks"] and all(
        row[name] in (None, record[name]) for name in ("opt_out", "status")
    )


def is_stored(record):
    """Say whether the service has the endpoint for sure."""
    if record["retired"] == "delete":
        return False
    if record["accepted_at"] or not record["is_ours"]:
        return True
    return record["content"] is not None or "marks" in record


def must_stand(row, record, params):
    if not params.is_full_refresh and is_unchanged(row, record):
        return Standing.UNCHANGED
    if not params.may_opt_in:
        if record["opt_out"] == "ALL" and row["opt_out"] != "ALL":
            if row["opt_out"] == "NONE" and 0 not in params.consenting:
                return Standing.OPTS_IN
            if row["opt_out"] is None and not is_stored(record):
                return Standing.OPTS_IN
        may_activate = row["status"] == "ACTIVE" and 0 in params.activating
        if record["status"] == "INACTIVE" and row["status"] != "INACTIVE" and not may_activate:
            return Standing.REACTIVATES
    if record["retired"]:
        return Standing.RETURNED
    if record["content"] is None and "marks" not in record:
        return Standing.DOUBTFUL
    return Standing.CHANGED


@pytest.mark.parametrize("is_full_refresh", [False, True], ids=["", "full-refresh"])
@pytest.mark.parametrize("may_opt_in", [False, True], ids=["", "allowed"])
@pytest.mark.parametrize("consenting", [frozenset(), frozenset({0})], ids=["", "consenting"])
@pytest.mark.parametrize("activating", [frozenset({1}), frozenset({0, 1})], ids=["", "activating"])
def test_every_case(is_full_refresh, may_opt_in, consenting, activating):
    params = CompareParams(is_full_refresh, may_opt_in, consenting, activating)
    rows, known = (keyed_rows([r for r, _ in CASES]), records([k for _, k in CASES]))
    found = compare(rows, known.reverse(), params)
    assert found.schema == COMPARED_SCHEMA
    assert found["row_key"].equals(rows["row_key"])
    for (row, record), standing, is_known, takes_back in zip(
        CASES, *(found[name] for name in COMPARED_SCHEMA.names()[2:]), strict=True
    ):
        assert standing == must_stand(row, record, params), (row, record)
        says_none = row["opt_out"] == record["opt_out"] == "NONE"
        assert is_known == (says_none and is_stored(record)), (row, record)
        is_undone = (row["opt_out"], record["opt_out"]) == ("NONE", "ALL")
        assert takes_back == (is_undone and standing in DUE)


@pytest.mark.parametrize("said", OPT_OUTS)
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("is_full_refresh", [False, True])
def test_without_a_record_a_row_is_new(said, status, is_full_refresh):
    rows = keyed_rows([{"opt_out": said, "status": status}])
    gone = records([{"opt_out": "ALL", "status": "INACTIVE", "is_forgotten": True}])
    for known in (gone, gone.clear(), records([{"endpoint_id": "other", "opt_out": "ALL"}])):
        found = compare(rows, known, CompareParams(is_full_refresh=is_full_refresh))
        assert found.select("standing", "is_known_opt_in").rows() == [(Standing.NEW, False)]


@pytest.mark.parametrize("by", ["mirror", "service", None])
def test_a_column_does_not_take_back_what_others_said(by):
    rows = keyed_rows([{"opt_out": "NONE"}])
    known = records([{**OTHER, "opt_out": "ALL", "opt_out_by": by}])
    consenting = CompareParams(consenting=frozenset({0}))
    assert compare(rows, known, consenting)["standing"].to_list() == [Standing.OPTS_IN]
    allowed = compare(rows, known, CompareParams(may_opt_in=True))
    assert allowed["takes_back"].to_list() == [True]


def test_nobody_who_is_not_allowed_to_is_opted_in_or_activated():
    """What may not be is told in other words than above: by what is sent."""
    rows, known = (keyed_rows([r for r, _ in CASES]), records([k for _, k in CASES]))
    found = compare(rows, known, CompareParams(is_full_refresh=True))["standing"]
    for (row, record), standing in zip(CASES, found, strict=True):
        assert standing in (*DUE, *HELD)
        if standing in DUE and record["opt_out"] == "ALL":
            assert row["opt_out"] != "NONE"
        if standing in DUE and record["status"] == "INACTIVE":
            assert row["status"] == "INACTIVE"


def test_consent_is_that_of_the_very_endpoint():
    """A record gives several; only the second one takes its OptOut from a column."""
    row = {"opt_out": "NONE", "status": "ACTIVE"}
    rows = keyed_rows([{"row_key": 33, **row}, {"row_key": 34, **row}])
    params = CompareParams(consenting=frozenset({1}), activating=frozenset({1}))
    for opt_out, status, held in (("ALL", None, "OPTS_IN"), (None, "INACTIVE", "REACTIVATES")):
        known = records([{**OTHER, "opt_out": opt_out, "status": status}] * 2)
        known = known.with_columns(endpoint_id=rows["endpoint_id"])
        found = compare(rows, known, params)["standing"].to_list()
        assert found == [Standing.CHANGED, Standing[held]]


def test_ids_are_compared_as_texts_without_their_case():
    rows = keyed_rows([{"endpoint_id": name, "content": 5} for name in ("E-Ä", "e-a", "E-B")])
    known = records([{"endpoint_id": name, "content": 5} for name in ("e-ä", "E-b")])
    known = known.with_columns(key_hash=pl.lit(1, pl.UInt64))
    rows = rows.with_columns(key_hash=pl.lit(1, pl.UInt64))
    found = compare(rows, known, CompareParams())["standing"].to_list()
    assert found == [Standing.UNCHANGED, Standing.NEW, Standing.UNCHANGED]


def test_no_rows_and_no_records():
    none = keyed_rows([])
    assert compare(none, records([{}]), CompareParams()).schema == COMPARED_SCHEMA
    assert find_changed_columns(none, records([{}])).is_empty()


def test_a_row_without_marks_is_not_unchanged_for_that():
    rows, known = keyed_rows([{}]), records([REBUILT_SAME])
    assert compare(rows, known, CompareParams())["standing"].to_list() == [Standing.CHANGED]
    assert find_changed_columns(rows, known)["columns"].to_list() == [None]


MARKS = st.none() | st.integers(1, 2)
NAMES = st.lists(st.sampled_from(["Address", "Attributes.a,b", "OptOut"]), unique=True, min_size=1)
STORED = st.none() | st.tuples(st.booleans(), NAMES.flatmap(lambda names: marks_of(names)))


def marks_of(names):
    return st.fixed_dictionaries(dict.fromkeys(sorted(names), MARKS))


def as_marks(columns):
    return {"layout": layout(*columns), "marks": list(columns.values())}


@given(st.lists(st.tuples(NAMES.flatmap(marks_of), STORED), max_size=6))
def test_changed_columns_are_those_whose_marks_differ(pairs):
    """Rows with many layouts at once; a record has marks with content, without it, or none."""
    rows = keyed_rows([as_marks(ours) for ours, _ in pairs])
    known = records(
        [
            {"content": None}
            if stored is None
            else {"content": stored[0] or None} | as_marks(stored[1])
            for _, stored in pairs
        ]
    )
    expected = []
    for ours, stored in pairs:
        if stored is None:
            expected.append(None)
            continue
        has_content, theirs = stored
        expected.append(
            [
                name
                for name in sorted({*ours, *theirs})
                if ours.get(name) != theirs.get(name)
                and (has_content or ours.get(name) is not None)
            ]
        )
    found = find_changed_columns(rows, known)
    assert found.columns == ["partition", "row_key", "columns"]
    assert found["row_key"].equals(rows["row_key"])
    assert found["columns"].to_list() == expected
    unchanged = compare(rows, known, CompareParams())["standing"] == Standing.UNCHANGED
    is_rebuilt = [stored is not None and not stored[0] for _, stored in pairs]
    assert unchanged.to_list() == [
        rebuilt and changed == [] for rebuilt, changed in zip(is_rebuilt, expected, strict=True)
    ]


def test_what_is_encoded_is_compared_column_by_column():
    """A night later one row has another city and one has lost its column; numbers are as before."""
    columns = {"Location.City": ["Ulm", "Ulm"], "Metrics.M": ["1.50", "2"], "OptOut": [None, "ALL"]}
    later = {"Location.City": ["Ulm", "Köln"], "Metrics.M": ["1.5", "2.0"]}
    known, rows = (encode(endpoints(night)).frame for night in (columns, later))
    members = ("content", "layout", "marks", "endpoint_id", "opt_out")
    rows = keyed_rows(rows.select(*members).rows(named=True))
    known = records(known.select(*members).rows(named=True))
    found = compare(rows, known, CompareParams())["standing"].to_list()
    assert found == [Standing.UNCHANGED, Standing.CHANGED]
    changed = find_changed_columns(rows, known)["columns"].to_list()
    assert changed == [[], ["Location.City", "OptOut"]]

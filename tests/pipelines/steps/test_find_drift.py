"""Drift: what was accepted against what the service has, column by column."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_frames import endpoints

from pipelines.steps.encode import encode
from pipelines.steps.endpoint_columns import list_columns
from pipelines.steps.find_drift import DELETED, find_drift
from pipelines.steps.fingerprint import fingerprint
from schemas.sync_records import RECORD_SCHEMA

ROW = {
    "Id": ["E-1"],
    "Location.City": ["Oslo"],
    "Location.Latitude": ["59.9"],
    "Attributes.Plan": ["gold"],
    "Attributes.Topics": [["a", "b"]],
    "Metrics.Visits": ["12.50"],
    "User.UserAttributes.Tier": ["one"],
}
STORED = {
    "Id": "e-1",
    "ChannelType": "EMAIL",
    "Address": "ana0@example.com",
    "EndpointStatus": "ACTIVE",
    "EffectiveDate": "2026-01-02T00:00:00.000Z",
    "RequestId": "r-9",
    "Location": {"City": "Oslo", "Latitude": 59.9},
    "Attributes": {"Plan": ["gold"], "Topics": ["a", "b"], "Other": ["x"]},
    "Metrics": {"Visits": 12.5},
    "User": {"UserId": "u-1", "UserAttributes": {"Tier": ["one"]}},
}


def records(columns=ROW, **members):
    return as_records(endpoints(columns), **members)


def as_records(frame, **members):
    content = fingerprint(frame, encode(frame).frame["item"])
    filled = {
        "endpoint_id": frame["Id"],
        "user_id": None,
        "opt_out": None,
        "status": None,
        "is_ours": True,
        **members,
    }
    made = content.with_columns(
        value if isinstance(value, pl.Series) else pl.lit(value).alias(name)
        for name, value in filled.items()
    ).rename({"Id": "endpoint_id"}, strict=False)
    lacking = [pl.lit(None).alias(name) for name in RECORD_SCHEMA if name not in made.columns]
    return made.with_columns(lacking).select(RECORD_SCHEMA.names()).cast(dict(RECORD_SCHEMA))


def drift(known, *stored):
    return find_drift(known, list_columns(stored))["column"].to_list()


def test_what_the_service_took_is_the_same_however_it_writes_it():
    assert drift(records(), STORED) == []


@pytest.mark.parametrize(
    ("change", "column"),
    [
        pytest.param({"Address": "other@example.com"}, "Address", id="scalar"),
        pytest.param({"Location": {"City": "Rome", "Latitude": 59.9}}, "Location.City", id="group"),
        pytest.param({"Location": {"City": "Oslo", "Latitude": 60}}, "Location.Latitude", id="no"),
        pytest.param({"Metrics": {}}, "Metrics.Visits", id="gone"),
        pytest.param(
            {"User": {"UserAttributes": {"Tier": []}}}, "User.UserAttributes.Tier", id="u"
        ),
        pytest.param(
            {"Attributes": {"Plan": ["gold"], "Topics": ["b", "a"]}}, "Attributes.Topics", id="list"
        ),
    ],
)
def test_what_differs_is_named(change, column):
    assert drift(records(), {**STORED, **change}) == [column]


def test_what_was_to_be_cleared_and_is_gone_is_the_same():
    row = {**ROW, "Location.City": [None]}
    frame = endpoints(row).with_columns(pl.lit(value=True).alias("clear:Location.City"))
    known = as_records(frame)
    assert drift(known, {**STORED, "Location": {"Latitude": 59.9}}) == []
    assert drift(known, STORED) == ["Location.City"]


@pytest.mark.parametrize(
    ("members", "columns"),
    [
        pytest.param({"opt_out": "ALL"}, ["OptOut"], id="opt-out-taken-back"),
        pytest.param({"status": "INACTIVE"}, ["EndpointStatus"], id="activated"),
        pytest.param({"user_id": "u-2"}, ["User.UserId"], id="another-user"),
        pytest.param({"status": "ACTIVE", "user_id": "u-1"}, [], id="as-said"),
        pytest.param({"retired": "delete"}, [DELETED], id="there-again"),
        pytest.param(
            {"retired": "inactive", "status": "ACTIVE"}, ["EndpointStatus"], id="active-again"
        ),
    ],
)
def test_what_the_record_says_itself_is_compared(members, columns):
    assert drift(records(**members), STORED) == columns


def test_what_was_set_inactive_for_being_gone_is_inactive():
    retired = records(retired="inactive", status="ACTIVE")
    assert drift(retired, {**STORED, "EndpointStatus": "INACTIVE"}) == []


def test_endpoints_that_are_not_there_are_left_out():
    two = records({"Id": ["e-1", "e-2"]})
    assert drift(two, {"Id": "E-2", "Address": "ana1@example.com"}) == ["ChannelType"]
    assert drift(two) == []


@settings(deadline=None, max_examples=50)
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1)),
    number=st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_value_comes_back_the_same(texts, number):
    row = {"Id": ["e-1"], "Attributes.A": [texts or ["x"]], "Metrics.M": [repr(number)]}
    known = records(row)
    stored = {"Id": "e-1", "ChannelType": "EMAIL", "Address": "ana0@example.com"}
    stored |= {"Attributes": {"A": texts or ["x"]}, "Metrics": {"M": number}}
    assert drift(known, stored) == []

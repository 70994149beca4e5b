"""Endpoints as the service gives them back, as rows with canonical columns."""

import polars as pl
import pytest

from pipelines.steps.endpoint_columns import ALWAYS, list_columns
from schemas.columns import SCALAR_COLUMNS

WHOLE = {
    "Id": "e-1",
    "ApplicationId": "app-1",
    "CohortId": "7",
    "CreationDate": "2026-01-01T00:00:00.000Z",
    "ChannelType": "EMAIL",
    "Address": "ana@example.com",
    "EndpointStatus": "ACTIVE",
    "OptOut": "NONE",
    "EffectiveDate": "2026-01-02T00:00:00.000Z",
    "RequestId": "r-1",
    "Location": {
        "Latitude": 47.6,
        "Longitude": -122.3,
        "PostalCode": "98121",
        "City": "Seattle",
        "Region": "WA",
        "Country": "US",
    },
    "Demographic": {
        "Make": "apple",
        "Model": "iPhone",
        "ModelVersion": "8",
        "Timezone": "America/Los_Angeles",
        "Locale": "en_US",
        "AppVersion": "1.0",
        "Platform": "ios",
        "PlatformVersion": "11.3.1",
    },
    "Attributes": {"Plan": ["gold"], "dotted.name": ["a", "b"]},
    "Metrics": {"Visits": 12.0},
    "User": {"UserId": "u-1", "UserAttributes": {"Tier": ["one"]}},
}


def test_every_column_is_found():
    frame = list_columns([WHOLE])
    named = {"Attributes.Plan", "Attributes.dotted.name", "Metrics.Visits"}
    assert set(frame.columns) == {*SCALAR_COLUMNS, *named, "User.UserAttributes.Tier"}
    row = frame.row(0, named=True)
    assert row["Location.Latitude"] == 47.6
    assert row["Demographic.PlatformVersion"] == "11.3.1"
    assert row["Attributes.dotted.name"] == ["a", "b"]
    assert row["Metrics.Visits"] == 12.0
    assert row["User.UserAttributes.Tier"] == ["one"]


@pytest.mark.parametrize(
    "without",
    [
        pytest.param({}, id="not-there"),
        pytest.param({"Location": {}, "Attributes": {}, "User": {}}, id="empty-groups"),
        pytest.param({"Location": None, "OptOut": None, "Metrics": None}, id="nulls"),
        pytest.param({"Location": {"City": ""}, "Attributes": {"Plan": []}}, id="cleared"),
    ],
)
def test_what_has_no_value_is_no_column_or_null(without):
    alone = list_columns([{"Id": "e-1", **without}])
    assert alone.columns == list(ALWAYS)
    both = list_columns([WHOLE, {"Id": "e-2", **without}])
    assert set(both.row(1)) == {"e-2", None}


def test_a_group_that_is_none_is_left_out():
    assert list_columns([{"Id": "e-1", "Attributes": "odd", "Location": 5}]).columns == list(ALWAYS)


def test_no_endpoints_give_no_rows():
    frame = list_columns([])
    assert (frame.height, frame.schema) == (0, pl.Schema(dict.fromkeys(ALWAYS, pl.String)))

"""audience.parquet: the audience with types, structs and lists, as a data warehouse writes it."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from making.audience import DISCOURAGED_NAME, LONG_NAME
from making.people import Row

TEXT = pa.string()
LOCATION = pa.struct(
    [
        ("Latitude", pa.float64()),
        ("Longitude", pa.float64()),
        *((name, TEXT) for name in ("PostalCode", "City", "Region", "Country")),
    ]
)
DEMOGRAPHIC = pa.struct(
    [
        (name, TEXT)
        for name in (
            *("Make", "Model", "ModelVersion", "Timezone", "Locale", "AppVersion"),
            *("Platform", "PlatformVersion"),
        )
    ]
)
USER = pa.struct(
    [("UserId", TEXT), ("UserAttributes", pa.struct([("Name", TEXT), ("Loyalty", TEXT)]))]
)
SCHEMA = pa.schema(
    [
        *((name, TEXT) for name in ("Id", "ChannelType", "Address", "EndpointStatus", "OptOut")),
        ("EffectiveDate", pa.timestamp("ms", "UTC")),
        ("Location", LOCATION),
        ("Demographic", DEMOGRAPHIC),
        ("User", USER),
        ("Attributes.Interests", pa.list_(TEXT)),
        ("Attributes.Plan", TEXT),
        ("Attributes.Motto", TEXT),
        ("Metrics.Purchases", pa.int64()),
        ("Metrics.LifetimeValue", TEXT),
        *((name, TEXT) for name in (LONG_NAME, DISCOURAGED_NAME, "Salutation", "Notes")),
    ]
)
ZONE_MISSING = "effective_date.zone_missing"
UNREADABLE = {"record.malformed", "effective_date.invalid"}
"""Issues of rows that have no place in a typed file."""


def keep_typed(rows: list[Row]) -> list[Row]:
    """Leave out the rows that a typed file cannot hold."""
    return [row for row in rows if not UNREADABLE & set(row.codes)]


def expected_codes(row: Row) -> list[str]:
    """Give the codes that are left when the date is a point in time."""
    return [code for code in row.codes if code != ZONE_MISSING]


def make_table(rows: list[Row]) -> pa.Table:
    """Make the table of rows that `keep_typed` left."""
    return pa.Table.from_pylist([_record(row) for row in rows], schema=SCHEMA)


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for field in SCHEMA:
        value = _struct(row, field) if pa.types.is_struct(field.type) else row[field.name] or None
        record[field.name] = value
    record["Attributes.Interests"] = row.interests
    purchases, date = row["Metrics.Purchases"], row["EffectiveDate"]
    record["Metrics.Purchases"] = int(purchases) if purchases else None
    record["EffectiveDate"] = _moment(date) if date else None
    return record


def _struct(row: Row, field: pa.Field) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for member in field.type:
        path = pa.field(f"{field.name}.{member.name}", member.type)
        if pa.types.is_struct(member.type):
            record[member.name] = _struct(row, path)
        else:
            text = row[path.name]
            is_number = pa.types.is_floating(member.type)
            record[member.name] = (float(text) if is_number else text) if text else None
    return record


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

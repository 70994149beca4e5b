"""Every limit of the endpoint API in one table: name, value, unit and where it was found.

Rules, encoder, batch packer, local server and documentation read this table, so a quota that
changes is changed once. Values are those of the service's quota page as of 2026-08.
"""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a limit counts."""

    ITEMS = "items"
    BYTES = "bytes"
    CHARACTERS = "characters"
    NAMES = "names"
    VALUES = "values"
    ENDPOINTS = "endpoints"
    REQUESTS_PER_SECOND = "requests/s"
    REQUESTS_IN_FLIGHT = "requests in flight"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of the service."""

    name: str
    """Stable name, used in messages and documentation."""
    value: int
    """The largest allowed value, in `unit`."""
    unit: Unit
    """What `value` counts."""
    source: str
    """Page (and year) that states it, with what is uncertain about it."""


QUOTAS = "Amazon Pinpoint developer guide, Quotas (2026)"

BATCH_ITEMS = Limit("batch_items", 100, Unit.ITEMS, QUOTAS)
PAYLOAD_BYTES = Limit(
    "payload_bytes", 7_000_000, Unit.BYTES, f"{QUOTAS}: 7 MB for request and response together"
)
ENDPOINT_BYTES = Limit(
    "endpoint_bytes",
    15_000,
    Unit.BYTES,
    f"{QUOTAS}: 15 KB. Whether a KB is 1000 or 1024 bytes is not said: the smaller is safe",
)
ATTRIBUTE_NAMES = Limit(
    "attribute_names",
    250,
    Unit.NAMES,
    f"{QUOTAS}: Attributes, Metrics and UserAttributes together, per application",
)
ATTRIBUTE_NAME_CHARACTERS = Limit("attribute_name_characters", 50, Unit.CHARACTERS, QUOTAS)
ATTRIBUTE_VALUE_CHARACTERS = Limit("attribute_value_characters", 100, Unit.CHARACTERS, QUOTAS)
ATTRIBUTE_VALUES = Limit("attribute_values", 50, Unit.VALUES, f"{QUOTAS}: per attribute name")
USER_ENDPOINTS = Limit(
    "user_endpoints", 15, Unit.ENDPOINTS, f"{QUOTAS}: per UserId; 10 until about 2020"
)
BATCH_RATE = Limit(
    "batch_rate", 2, Unit.REQUESTS_PER_SECOND, f"{QUOTAS}: UpdateEndpointsBatch, account and region"
)
BATCHES_IN_FLIGHT = Limit(
    "batches_in_flight", 2, Unit.REQUESTS_IN_FLIGHT, f"{QUOTAS}: burst counts requests in flight"
)
DELETE_RATE = Limit(
    "delete_rate", 5, Unit.REQUESTS_PER_SECOND, f"{QUOTAS}: DeleteEndpoint, account and region"
)
DELETES_IN_FLIGHT = Limit(
    "deletes_in_flight", 5, Unit.REQUESTS_IN_FLIGHT, f"{QUOTAS}: burst counts requests in flight"
)
READ_RATE = Limit(
    "read_rate", 10, Unit.REQUESTS_PER_SECOND, f"{QUOTAS}: GetEndpoint, account and region"
)

LIMITS: tuple[Limit, ...] = (
    BATCH_ITEMS,
    PAYLOAD_BYTES,
    ENDPOINT_BYTES,
    ATTRIBUTE_NAMES,
    ATTRIBUTE_NAME_CHARACTERS,
    ATTRIBUTE_VALUE_CHARACTERS,
    ATTRIBUTE_VALUES,
    USER_ENDPOINTS,
    BATCH_RATE,
    BATCHES_IN_FLIGHT,
    DELETE_RATE,
    DELETES_IN_FLIGHT,
    READ_RATE,
)
"""All limits, in the order of the documentation."""

"""Reads request bodies: what breaks a rule is answered with 400, naming the item and the field.

Rules that need what is stored (a missing Address, the phone format of a partial update, quotas)
are in `merge`, `users` and `attribute_names`. Country, Locale and Timezone are not enforced, as
the service's own import samples hold three-letter countries. Members that the model does not
name are ignored, so that an exported record with its read-only members can be sent back.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from pipelines.local_server.errors import BadRequestError
from pipelines.local_server.records import JsonObject, Members
from schemas.channels import ChannelType
from schemas.limits import (
    ATTRIBUTE_NAME_CHARACTERS,
    ATTRIBUTE_VALUE_CHARACTERS,
    ATTRIBUTE_VALUES,
    BATCH_ITEMS,
    ENDPOINT_BYTES,
)

STATUSES = frozenset({"ACTIVE", "INACTIVE"})
OPT_OUTS = frozenset({"ALL", "NONE"})
CHANNELS = frozenset(str(channel) for channel in ChannelType)
COORDINATES = frozenset({"Latitude", "Longitude"})
PLACE_NAMES = frozenset({"City", "Country", "PostalCode", "Region"})
DEMOGRAPHICS = frozenset(
    {
        "AppVersion",
        "Locale",
        "Make",
        "Model",
        "ModelVersion",
        "Platform",
        "PlatformVersion",
        "Timezone",
    }
)

_FORBIDDEN_IN_ID = re.compile(r"[${}]")


@dataclass(slots=True)
class EndpointChange:
    """What one request item asks for, checked as far as possible without the stored endpoint.

    None means "not sent", as does a JSON null: it leaves what is stored.
    """

    id: str
    address: str | None
    channel: str | None
    status: str | None
    opt_out: str | None
    effective_date: str | None
    request_id: str | None
    user_id: str | None
    """An empty string takes the endpoint away from its user."""
    members: Members
    """Location, Demographic, Attributes and Metrics that were sent, without nulls."""
    user_attributes: dict[str, object]


def parse_object(body: bytes) -> JsonObject:
    """Parse a request body that has to be a JSON object.

    Raises:
        BadRequestError: It is not JSON (NaN and lone surrogates included), or not an object.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"Malformed JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRequestError("The request body must be a JSON object")
    return value


def parse_batch(body: bytes) -> list[EndpointChange]:
    """Parse the body of UpdateEndpointsBatch; duplicate Ids are kept, in order.

    Raises:
        BadRequestError: Any of its items breaks a rule.
    """
    items = parse_object(body).get("Item")
    if not isinstance(items, list) or not items:
        raise BadRequestError("Missing Item: the batch must hold at least one endpoint")
    if len(items) > BATCH_ITEMS.value:
        raise BadRequestError(
            f"Too many items: a batch holds at most {BATCH_ITEMS.value}, this one {len(items)}"
        )
    changes = []
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise BadRequestError(f"Invalid item: Item[{number}] must be a JSON object")
        endpoint_id = item.get("Id")
        if endpoint_id is None or endpoint_id == "":
            raise BadRequestError(f"Missing Id: Item[{number}]")
        if not isinstance(endpoint_id, str):
            raise BadRequestError(f"Invalid Id: Item[{number}]: Id must be a string")
        changes.append(parse_endpoint(endpoint_id, item))
    return changes


def parse_endpoint(endpoint_id: str, item: JsonObject) -> EndpointChange:
    """Parse one EndpointRequest or EndpointBatchItem.

    Raises:
        BadRequestError: It breaks a rule; the message names the id and the field.
    """
    if _FORBIDDEN_IN_ID.search(endpoint_id):
        raise BadRequestError(f"Invalid Id: item '{endpoint_id}': Id may not contain $, {{ or }}")
    if len(orjson.dumps(item)) > ENDPOINT_BYTES.value:
        raise endpoint_too_large(endpoint_id)
    reader = _Reader(endpoint_id)
    user = reader.section(item, "User")
    members = {
        "Location": reader.location(reader.section(item, "Location")),
        "Demographic": reader.demographic(reader.section(item, "Demographic")),
        "Attributes": reader.lists(reader.section(item, "Attributes"), "Attributes"),
        "Metrics": reader.numbers(reader.section(item, "Metrics"), "Metrics"),
    }
    return EndpointChange(
        id=endpoint_id,
        address=reader.text(item, "Address"),
        channel=reader.one_of(item, "ChannelType", CHANNELS),
        status=reader.one_of(item, "EndpointStatus", STATUSES),
        opt_out=reader.one_of(item, "OptOut", OPT_OUTS),
        effective_date=reader.text(item, "EffectiveDate"),
        request_id=reader.text(item, "RequestId"),
        user_id=reader.text(user, "UserId", "User."),
        members={name: entries for name, entries in members.items() if entries},
        user_attributes=reader.lists(
            reader.section(user, "UserAttributes", "User."), "User.UserAttributes"
        ),
    )


def endpoint_too_large(endpoint_id: str) -> BadRequestError:
    """Build the answer for an endpoint over the size limit."""
    return BadRequestError(
        f"Endpoint too large: item '{endpoint_id}': more than {ENDPOINT_BYTES.value} bytes of JSON"
    )


@dataclass(slots=True)
class _Reader:
    """Reads typed members of one item; a wrong type is a BadRequestError that names them."""

    endpoint_id: str

    def fault(self, field: str, fault: str) -> BadRequestError:
        return BadRequestError(f"Invalid {field}: item '{self.endpoint_id}': {field} {fault}")

    def text(self, source: JsonObject, name: str, prefix: str = "") -> str | None:
        value = source.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self.fault(prefix + name, "must be a string")

    def one_of(self, source: JsonObject, name: str, allowed: frozenset[str]) -> str | None:
        value = source.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value in allowed:
            return value
        raise self.fault(name, f"must be one of {', '.join(sorted(allowed))}")

    def section(self, source: JsonObject, name: str, prefix: str = "") -> JsonObject:
        value = source.get(name)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        raise self.fault(prefix + name, "must be a JSON object")

    def location(self, source: JsonObject) -> dict[str, object]:
        entries: dict[str, object] = {}
        for name, value in source.items():
            if value is None:
                continue
            if name in COORDINATES:
                # The service keeps one decimal (apiref, EndpointLocation).
                entries[name] = round(self._number(value, f"Location.{name}"), 1)
            elif name in PLACE_NAMES:
                entries[name] = self._string(value, "Location", name)
        return entries

    def demographic(self, source: JsonObject) -> dict[str, object]:
        return {
            name: self._string(value, "Demographic", name)
            for name, value in source.items()
            if value is not None and name in DEMOGRAPHICS
        }

    def numbers(self, source: JsonObject, section: str) -> dict[str, object]:
        return {
            name: self._number(value, f"{section}.{name}")
            for name, value in self._named(source, section)
        }

    def lists(self, source: JsonObject, section: str) -> dict[str, object]:
        entries: dict[str, object] = {}
        for name, value in self._named(source, section):
            if not isinstance(value, list):
                raise self.fault(f"{section}.{name}", "must be a list of strings")
            if len(value) > ATTRIBUTE_VALUES.value:
                raise self.fault(f"{section}.{name}", f"holds over {ATTRIBUTE_VALUES.value} values")
            for each in value:
                text = self._string(each, section, name, "must be a list of strings")
                if len(text) > ATTRIBUTE_VALUE_CHARACTERS.value:
                    raise self.fault(
                        f"{section}.{name}",
                        f"has a value of over {ATTRIBUTE_VALUE_CHARACTERS.value} characters",
                    )
            entries[name] = value
        return entries

    def _named(self, source: JsonObject, section: str) -> Iterator[tuple[str, object]]:
        """Give the entries of a map whose names the sender chooses, without nulls."""
        for name, value in source.items():
            if len(name) > ATTRIBUTE_NAME_CHARACTERS.value:
                raise self.fault(
                    f"{section}.{name}",
                    f"has a name of over {ATTRIBUTE_NAME_CHARACTERS.value} characters",
                )
            if value is not None:
                yield name, value

    def _string(
        self, value: object, section: str, name: str, expected: str = "must be a string"
    ) -> str:
        if isinstance(value, str):
            return value
        raise self.fault(f"{section}.{name}", expected)

    def _number(self, value: object, field: str) -> float:
        # bool is an int in Python, but not a number in JSON.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(field, "must be a number")
        if not math.isfinite(value):
            raise self.fault(field, "must be a finite number")
        return value

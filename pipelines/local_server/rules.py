"""Reads request bodies: what breaks a rule is answered with 400, naming the item and the field.

Rules that need what is stored (a missing Address, the phone format of a partial update, quotas)
are in `merge`, `users` and `attribute_names`. Country, Locale and Timezone are not enforced, as
the service's own import samples hold three-letter countries. Members that the model does not
name are ignored, so that an exported record with its read-only members can be sent back.
"""

import re
from dataclasses import dataclass

import orjson

from pipelines.local_server.errors import BadRequestError
from pipelines.local_server.reader import ItemReader
from pipelines.local_server.records import JsonObject, Members
from schemas.channels import ChannelType
from schemas.limits import BATCH_ITEMS, ENDPOINT_BYTES

STATUSES = frozenset({"ACTIVE", "INACTIVE"})
OPT_OUTS = frozenset({"ALL", "NONE"})
CHANNELS = frozenset(str(channel) for channel in ChannelType)

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
    _check_size(endpoint_id, item)
    reader = ItemReader(endpoint_id)
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


def _check_size(endpoint_id: str, item: JsonObject) -> None:
    try:
        size = len(orjson.dumps(item))
    except orjson.JSONEncodeError as error:
        # orjson reads deeper nesting than it writes.
        raise BadRequestError(f"Malformed JSON: item '{endpoint_id}': nested too deep") from error
    if size > ENDPOINT_BYTES.value:
        raise endpoint_too_large(endpoint_id)

"""How one change is applied to one stored endpoint. Pure: no database, no clock.

Rules: FACTS of the service are the operation docs of UpdateEndpoint (botocore model), the
developer guide (audience-define-user) and the REST API reference "Endpoint".
"""

import re
import zlib

import orjson

from pipelines.local_server.errors import BadRequestError
from pipelines.local_server.records import Endpoint, Members, fold_id
from pipelines.local_server.rules import EndpointChange, endpoint_too_large
from schemas.channels import PHONE_CHANNELS
from schemas.limits import ENDPOINT_BYTES

_E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)

_COHORTS = 100
"""Cohorts are "0" to "99" (apiref, EndpointResponse)."""


def create_endpoint(change: EndpointChange, now: str) -> Endpoint:
    """Make the endpoint that a change creates, before `merge_change` fills it.

    Args:
        change: The change; it has to hold Address and ChannelType.
        now: Creation date, ISO 8601 in UTC.

    Raises:
        BadRequestError: `Missing Address` or `Missing ChannelType`, the service's texts. Which of
            them comes first where both are missing is not known.
    """
    if not change.address:
        raise BadRequestError("Missing Address")
    if change.channel is None:
        raise BadRequestError("Missing ChannelType")
    key = fold_id(change.id)
    return Endpoint(
        key=key,
        id=change.id,
        channel=change.channel,
        address=change.address,
        status="ACTIVE",
        opt_out=None,
        effective_date=now,
        user_id=None,
        creation_date=now,
        # Spread evenly like the service's random choice, but the same in every test run.
        cohort_id=str(zlib.crc32(key.encode("utf-8", "surrogatepass")) % _COHORTS),
        request_id="",
        members={},
    )


def merge_change(
    endpoint: Endpoint, change: EndpointChange, captured: Members, request_id: str, now: str
) -> None:
    """Apply a change to a stored or just created endpoint, in place; its user is not touched.

    What is not sent stays. Entries of Location, Demographic, Attributes and Metrics are merged
    one by one: an attribute's values are replaced as a list, an empty list clears them and keeps
    the name. The status becomes ACTIVE unless the change states one.

    Args:
        endpoint: The endpoint to change.
        change: The change; its `members` are not read, `captured` is.
        captured: `change.members` without the names that RemoveAttributes has taken out.
        request_id: Id of this request, stored unless the change brings one.
        now: ISO 8601 in UTC; the EffectiveDate unless the change brings one.

    Raises:
        BadRequestError: An empty Address, or a phone number that is not E.164.
    """
    if change.address == "":
        raise BadRequestError("Missing Address")
    endpoint.address = change.address or endpoint.address
    endpoint.channel = change.channel or endpoint.channel
    if change.address is not None or change.channel is not None:
        _check_phone(endpoint, change.id)
    endpoint.status = change.status or "ACTIVE"
    endpoint.opt_out = change.opt_out or endpoint.opt_out
    endpoint.effective_date = change.effective_date or now
    endpoint.request_id = change.request_id or request_id
    for name, entries in captured.items():
        endpoint.members[name] = {**endpoint.members.get(name, {}), **entries}


def check_size(endpoint: Endpoint, user_attributes: dict[str, object] | None) -> None:
    """Refuse an endpoint that has grown over the size limit by merging.

    Counted as compact UTF-8 JSON of what senders wrote; what the service adds is not counted.

    Raises:
        BadRequestError: It is too large.
    """
    written: dict[str, object] = {
        "ChannelType": endpoint.channel,
        "Address": endpoint.address,
        **endpoint.members,
    }
    if endpoint.user_id is not None:
        user: dict[str, object] = {"UserId": endpoint.user_id}
        if user_attributes:
            user["UserAttributes"] = user_attributes
        written["User"] = user
    if len(orjson.dumps(written)) > ENDPOINT_BYTES.value:
        raise endpoint_too_large(endpoint.id)


def _check_phone(endpoint: Endpoint, endpoint_id: str) -> None:
    if endpoint.channel in PHONE_CHANNELS and not _E164.fullmatch(endpoint.address):
        raise BadRequestError(f"Invalid phone number: item '{endpoint_id}': Address")

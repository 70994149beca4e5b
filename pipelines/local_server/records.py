"""An endpoint as it is stored, and as GetEndpoint shows it."""

from dataclasses import dataclass
from typing import TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, object]
"""A JSON object whose members are not known beforehand."""

Members: TypeAlias = dict[str, dict[str, object]]
"""The members of an endpoint that are objects themselves: Location, Demographic, Attributes,
Metrics, and the UserAttributes of an endpoint that has no UserId."""

Row: TypeAlias = tuple[str, str, str, str, str, str | None, str, str | None, str, str, str, str]
"""One row of the table `endpoints`, in the order of `COLUMNS`."""

COLUMNS = (
    "key, id, channel, address, status, opt_out, effective_date, user_id, creation_date,"
    " cohort_id, request_id, members"
)
"""Columns of `endpoints` that an `Endpoint` is made of, in the order of its fields."""


@dataclass(slots=True, eq=False)
class Endpoint:
    """One stored endpoint."""

    key: str
    """The id folded to lower case: ids that differ only in case are one endpoint."""
    id: str
    """The id as it was first written."""
    channel: str
    address: str
    status: str
    """ACTIVE or INACTIVE."""
    opt_out: str | None
    """ALL, NONE, or None when it was never sent: a default is not invented."""
    effective_date: str
    user_id: str | None
    """None without a user; then `members` may hold UserAttributes of its own."""
    creation_date: str
    cohort_id: str
    request_id: str
    members: Members

    @classmethod
    def from_row(cls, row: Row) -> "Endpoint":
        """Read what `to_row` wrote."""
        return cls(*row[:11], orjson.loads(row[11]))

    def to_row(self) -> Row:
        """Give the values of `COLUMNS`."""
        return (
            self.key,
            self.id,
            self.channel,
            self.address,
            self.status,
            self.opt_out,
            self.effective_date,
            self.user_id,
            self.creation_date,
            self.cohort_id,
            self.request_id,
            orjson.dumps(self.members).decode(),
        )


def fold_id(endpoint_id: str) -> str:
    """Give the key under which an endpoint id is stored; case does not count.

    Lower case rather than `casefold`: full folding would also unite ids such as "ß" and "ss".
    """
    return endpoint_id.lower()


def endpoint_response(
    endpoint: Endpoint, application_id: str, user_attributes: dict[str, object] | None
) -> JsonObject:
    """Build the EndpointResponse of the API for one endpoint; members never sent are left out.

    Args:
        endpoint: The stored endpoint.
        application_id: Its application.
        user_attributes: UserAttributes of its user; not used for an endpoint without a user.
    """
    members = endpoint.members
    response: JsonObject = {
        "Id": endpoint.id,
        "ApplicationId": application_id,
        "ChannelType": endpoint.channel,
        "Address": endpoint.address,
        "EndpointStatus": endpoint.status,
        "EffectiveDate": endpoint.effective_date,
        "CreationDate": endpoint.creation_date,
        "CohortId": endpoint.cohort_id,
        "RequestId": endpoint.request_id,
    }
    if endpoint.opt_out is not None:
        response["OptOut"] = endpoint.opt_out
    for name in ("Location", "Demographic", "Attributes", "Metrics"):
        if name in members:
            response[name] = members[name]
    user: JsonObject = {} if endpoint.user_id is None else {"UserId": endpoint.user_id}
    shown = members.get("UserAttributes") if endpoint.user_id is None else user_attributes
    if shown:
        user["UserAttributes"] = shown
    if user:
        response["User"] = user
    return response

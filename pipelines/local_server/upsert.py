"""Applies the changes of one request: all of them or none, inside the caller's transaction."""

import sqlite3
from collections.abc import Sequence

from pipelines.local_server.attribute_names import AttributeNames
from pipelines.local_server.merge import check_size, create_endpoint, merge_change
from pipelines.local_server.records import COLUMNS, Endpoint, Members, fold_id
from pipelines.local_server.rules import EndpointChange
from pipelines.local_server.schema import select_matching
from pipelines.local_server.users import Users

_LOAD = (
    f"SELECT {COLUMNS} FROM endpoints"  # noqa: S608 - our own column names
    " WHERE application = ? AND key IN"
)

_DEACTIVATE = (
    "UPDATE endpoints SET status = 'INACTIVE'"
    " WHERE application = ? AND channel = ? AND address = ? AND key <> ? AND status = 'ACTIVE'"
)

_NAMES = COLUMNS.split(", ")

_STORE = (
    f"INSERT INTO endpoints (application, {COLUMNS})"  # noqa: S608 - our own column names
    f" VALUES (?{', ?' * len(_NAMES)}) ON CONFLICT (application, key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name not in ("key", "id"))
)


def load_endpoints(
    connection: sqlite3.Connection, application: int, keys: Sequence[str]
) -> dict[str, Endpoint]:
    """Read the endpoints that exist under these keys."""
    return {
        row[0]: Endpoint.from_row(row)
        for row in select_matching(connection, _LOAD, application, keys)
    }


def apply_changes(
    connection: sqlite3.Connection,
    application: int,
    changes: Sequence[EndpointChange],
    request_id: str,
    now: str,
) -> None:
    """Create or update endpoints in the order of the changes; the last one of an id wins.

    The cost is a handful of statements a request, however many changes it holds.

    Args:
        connection: Inside a transaction that the caller rolls back when this raises.
        application: Row number of the application.
        changes: Parsed items.
        request_id: Id of the request.
        now: ISO 8601 in UTC.

    Raises:
        BadRequestError: A change breaks a rule against what is stored.
    """
    batch = _Batch(connection, application, changes, request_id, now)
    for change in changes:
        batch.apply(change)
    batch.write()


class _Batch:
    """The endpoints, users and names that one request touches, held in memory until `write`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        application: int,
        changes: Sequence[EndpointChange],
        request_id: str,
        now: str,
    ) -> None:
        self._connection = connection
        self._application = application
        self._request_id = request_id
        self._now = now
        self._endpoints = load_endpoints(
            connection, application, [fold_id(change.id) for change in changes]
        )
        stored = {endpoint.user_id for endpoint in self._endpoints.values()}
        sent = {change.user_id for change in changes}
        self._users = Users(
            connection, application, [user_id for user_id in stored | sent if user_id]
        )
        self._names = AttributeNames(connection, application)
        # Who was written last with a channel and address: the one that stays active.
        self._holders: dict[tuple[str, str], str] = {}

    def apply(self, change: EndpointChange) -> None:
        captured, user_attributes = self._capture(change)
        key = fold_id(change.id)
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            endpoint = self._endpoints[key] = create_endpoint(change, self._now)
        merge_change(endpoint, change, captured, self._request_id, self._now)
        self._hold_address(endpoint)
        self._assign_user(endpoint, change.user_id)
        self._users.set_attributes(endpoint, user_attributes)
        check_size(endpoint, self._users.attributes(endpoint.user_id))

    def _capture(self, change: EndpointChange) -> tuple[Members, dict[str, object]]:
        captured = {
            kind: self._names.capture(kind, entries)
            if kind in ("Attributes", "Metrics")
            else entries
            for kind, entries in change.members.items()
        }
        return captured, self._names.capture("UserAttributes", change.user_attributes)

    def _hold_address(self, endpoint: Endpoint) -> None:
        place = (endpoint.channel, endpoint.address)
        former = self._endpoints[self._holders.get(place, endpoint.key)]
        if former is not endpoint and (former.channel, former.address) == place:
            former.status = "INACTIVE"
        self._holders[place] = endpoint.key

    def _assign_user(self, endpoint: Endpoint, sent: str | None) -> None:
        if sent == "":
            self._users.leave(endpoint)
        user_id = sent or endpoint.user_id
        if not user_id:
            return
        displaced_key = self._users.join(endpoint, user_id)
        if displaced_key is not None:
            displaced = self._endpoint(displaced_key)
            displaced.status = "INACTIVE"
            self._users.leave(displaced)

    def _endpoint(self, key: str) -> Endpoint:
        if key not in self._endpoints:
            self._endpoints |= load_endpoints(self._connection, self._application, [key])
        return self._endpoints[key]

    def write(self) -> None:
        # First the other stored holders of the addresses. Some may be of this request: those get
        # the status that its items gave them with the statement after.
        self._connection.executemany(
            _DEACTIVATE,
            [(self._application, *place, key) for place, key in self._holders.items()],
        )
        self._connection.executemany(
            _STORE,
            [(self._application, *endpoint.to_row()) for endpoint in self._endpoints.values()],
        )
        self._names.write()
        self._users.write()

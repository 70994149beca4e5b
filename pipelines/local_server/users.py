"""Users of an application: which endpoints they have, and the attributes that those share."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from pipelines.local_server.errors import BadRequestError
from pipelines.local_server.records import Endpoint
from pipelines.local_server.schema import select_matching
from schemas.channels import EVICTING_CHANNELS
from schemas.limits import USER_ENDPOINTS


class Seat(NamedTuple):
    """One endpoint of a user, with what eviction goes by."""

    effective_date: str
    channel: str


class Users:
    """The users that a transaction deals with, read at its start and written at its end."""

    def __init__(
        self, connection: sqlite3.Connection, application: int, user_ids: Iterable[str]
    ) -> None:
        self._connection = connection
        self._application = application
        self._seats: dict[str, dict[str, Seat]] = {user_id: {} for user_id in user_ids}
        self._attributes: dict[str, dict[str, object]] = {}
        self._changed: set[str] = set()
        self._emptied: set[str] = set()
        self._load(list(self._seats))

    def _load(self, user_ids: Sequence[str]) -> None:
        for user_id, key, effective_date, channel in select_matching(
            self._connection,
            "SELECT user_id, key, effective_date, channel FROM endpoints"
            " WHERE application = ? AND user_id IN",
            self._application,
            user_ids,
        ):
            self._seats[user_id][key] = Seat(effective_date, channel)
        for user_id, attributes in select_matching(
            self._connection,
            "SELECT user_id, attributes FROM users WHERE application = ? AND user_id IN",
            self._application,
            user_ids,
        ):
            self._attributes[user_id] = orjson.loads(attributes)

    def attributes(self, user_id: str | None) -> dict[str, object] | None:
        """Give the UserAttributes of a user, None if there are none."""
        return None if user_id is None else self._attributes.get(user_id)

    def leave(self, endpoint: Endpoint) -> None:
        """Take the UserId from an endpoint; it keeps a copy of the attributes."""
        if endpoint.user_id is None:
            return
        shared = self._attributes.get(endpoint.user_id)
        if shared:
            endpoint.members["UserAttributes"] = dict(shared)
        self._stand_up(endpoint.key, endpoint.user_id)
        endpoint.user_id = None

    def join(self, endpoint: Endpoint, user_id: str) -> str | None:
        """Give an endpoint a UserId, or renew its place if it has that one already.

        Attributes that the endpoint had without a user are added to the user's, which win. Those
        of a former user are not taken along: they are about someone else.

        Returns:
            The key of the endpoint that is displaced, if any: the caller has to deactivate it and
            let it `leave`.

        Raises:
            BadRequestError: The user has 15 endpoints and none that may be displaced.
        """
        if endpoint.user_id is not None and endpoint.user_id != user_id:
            self._stand_up(endpoint.key, endpoint.user_id)
        seats = self._seats[user_id]
        displaced = None
        if endpoint.key not in seats and len(seats) >= USER_ENDPOINTS.value:
            displaced = _choose_displaced(seats, endpoint.channel)
        seats[endpoint.key] = Seat(endpoint.effective_date, endpoint.channel)
        endpoint.user_id = user_id
        own = endpoint.members.pop("UserAttributes", None)
        if own:
            self._attributes[user_id] = {**own, **self._attributes.get(user_id, {})}
            self._changed.add(user_id)
        return displaced

    def set_attributes(self, endpoint: Endpoint, sent: dict[str, object]) -> None:
        """Merge sent UserAttributes: into the user's, or the endpoint's own if it has no user."""
        if not sent:
            return
        if endpoint.user_id is None:
            endpoint.members["UserAttributes"] = {
                **endpoint.members.get("UserAttributes", {}),
                **sent,
            }
            return
        stored = self._attributes.get(endpoint.user_id, {})
        merged = {**stored, **sent}
        if merged != stored:
            self._attributes[endpoint.user_id] = merged
            self._changed.add(endpoint.user_id)

    def write(self) -> None:
        """Store changed attributes, and forget those of users whose last endpoint has left."""
        self._connection.executemany(
            "DELETE FROM users WHERE application = ? AND user_id = ?",
            [(self._application, user_id) for user_id in self._emptied],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO users VALUES (?, ?, ?)",
            [
                (self._application, user_id, orjson.dumps(self._attributes[user_id]).decode())
                for user_id in self._changed
            ],
        )

    def _stand_up(self, key: str, user_id: str) -> None:
        seats = self._seats[user_id]
        seats.pop(key, None)
        if not seats:
            # At once, as if each item were a request: who joins later in it starts afresh.
            self._attributes.pop(user_id, None)
            self._changed.discard(user_id)
            self._emptied.add(user_id)


def forget_users(connection: sqlite3.Connection, application: int, user_ids: Iterable[str]) -> None:
    """Delete the attributes of those users that have no endpoint any more."""
    connection.executemany(
        "DELETE FROM users WHERE application = ?1 AND user_id = ?2 AND NOT EXISTS"
        " (SELECT 1 FROM endpoints WHERE application = ?1 AND user_id = ?2)",
        [(application, user_id) for user_id in user_ids],
    )


def _choose_displaced(seats: dict[str, Seat], channel: str) -> str:
    """Choose which endpoint makes room (developer guide, audience-define-auto-inactive)."""
    candidates = [
        (seat.effective_date, key)
        for key, seat in seats.items()
        if seat.channel in EVICTING_CHANNELS
    ]
    if channel not in EVICTING_CHANNELS or not candidates:
        raise BadRequestError(f"Exceeded maximum endpoint per user count: {USER_ENDPOINTS.value}")
    return min(candidates)[1]

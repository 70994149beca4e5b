"""What the operations do to the database; one transaction each."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson

from pipelines.local_server.attribute_names import AttributeNames
from pipelines.local_server.errors import NotFoundError
from pipelines.local_server.records import (
    COLUMNS,
    Endpoint,
    JsonObject,
    endpoint_response,
    fold_id,
)
from pipelines.local_server.rules import EndpointChange
from pipelines.local_server.schema import open_database
from pipelines.local_server.upsert import apply_changes, load_endpoints
from pipelines.local_server.users import Users, forget_users

_OF_USER = (
    f"SELECT {COLUMNS} FROM endpoints"  # noqa: S608 - our own column names
    " WHERE application = ? AND user_id = ? ORDER BY key"
)


class Application(NamedTuple):
    """One application (project) of the service."""

    number: int
    """Row number; what the other tables refer to."""
    id: str
    name: str
    tags: str
    """A JSON object."""
    creation_date: str

    def response(self) -> JsonObject:
        """Build the ApplicationResponse; region and account in the ARN are made up."""
        return {
            "Arn": f"arn:aws:mobiletargeting:us-east-1:000000000000:apps/{self.id}",
            "CreationDate": self.creation_date,
            "Id": self.id,
            "Name": self.name,
            "tags": orjson.loads(self.tags),
        }


def utc_now() -> datetime:
    """Give the time of the machine's clock, in UTC."""
    return datetime.now(UTC)


class Store:
    """The applications and endpoints in one database file.

    For one thread: the server answers requests one after the other.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = utc_now) -> None:
        """Open or create the database file.

        Args:
            path: The file.
            clock: Gives the time that dates are taken from, with its zone.

        Raises:
            ConfigurationError: The file cannot be used.
        """
        self._connection = open_database(path)
        self._clock = clock

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._connection.close()

    def create_application(
        self, name: str, tags: JsonObject | None = None, application_id: str | None = None
    ) -> Application:
        """Create an application; without an id it gets one of 32 hex characters."""
        row = self._connection.execute(
            "INSERT INTO applications (id, name, tags, creation_date) VALUES (?, ?, ?, ?)"
            " RETURNING number, id, name, tags, creation_date",
            (
                application_id or secrets.token_hex(16),
                name,
                orjson.dumps(tags or {}).decode(),
                self._now(),
            ),
        ).fetchone()
        return Application(*row)

    def ensure_application(self, application_id: str) -> None:
        """Create the application of this id, with the id as its name, unless it exists."""
        try:
            self.application(application_id)
        except NotFoundError:
            self.create_application(application_id, application_id=application_id)

    def application(self, application_id: str) -> Application:
        """Find an application.

        Raises:
            NotFoundError: There is none with this id.
        """
        row = self._connection.execute(
            "SELECT number, id, name, tags, creation_date FROM applications WHERE id = ?",
            (application_id,),
        ).fetchone()
        if row is None:
            raise NotFoundError(f"Application not found: '{application_id}'")
        return Application(*row)

    def applications(self) -> list[Application]:
        """List all applications in the order of creation."""
        rows = self._connection.execute(
            "SELECT number, id, name, tags, creation_date FROM applications ORDER BY number"
        )
        return [Application(*row) for row in rows]

    def delete_application(self, application_id: str) -> Application:
        """Delete an application with everything in it, and return what it was."""
        application = self.application(application_id)
        self._connection.execute("DELETE FROM applications WHERE number = ?", (application.number,))
        return application

    def endpoint(self, application: Application, endpoint_id: str) -> JsonObject:
        """Give the EndpointResponse of one endpoint.

        Raises:
            NotFoundError: The application has no such endpoint.
        """
        return self._responses(application, [self._find(application, endpoint_id)])[0]

    def put_endpoints(
        self, application: Application, changes: Sequence[EndpointChange], request_id: str
    ) -> None:
        """Apply all changes of a request, or none.

        Raises:
            BadRequestError: One of them breaks a rule; nothing is stored.
        """
        with self._transaction():
            apply_changes(self._connection, application.number, changes, request_id, self._now())

    def delete_endpoint(self, application: Application, endpoint_id: str) -> JsonObject:
        """Delete an endpoint and return what it was.

        Raises:
            NotFoundError: The application has no such endpoint.
        """
        endpoint = self._find(application, endpoint_id)
        response = self._responses(application, [endpoint])[0]
        with self._transaction():
            self._connection.execute(
                "DELETE FROM endpoints WHERE application = ? AND key = ?",
                (application.number, endpoint.key),
            )
            if endpoint.user_id is not None:
                forget_users(self._connection, application.number, [endpoint.user_id])
        return response

    def user_endpoints(self, application: Application, user_id: str) -> list[JsonObject]:
        """List the endpoints of a user.

        Raises:
            NotFoundError: No endpoint of the application has this UserId.
        """
        rows = self._connection.execute(_OF_USER, (application.number, user_id)).fetchall()
        if not rows:
            raise NotFoundError(f"User not found: '{user_id}'")
        return self._responses(application, [Endpoint.from_row(row) for row in rows])

    def delete_user_endpoints(self, application: Application, user_id: str) -> list[JsonObject]:
        """Delete the endpoints of a user and return what they were.

        Raises:
            NotFoundError: No endpoint of the application has this UserId.
        """
        responses = self.user_endpoints(application, user_id)
        with self._transaction():
            self._connection.execute(
                "DELETE FROM endpoints WHERE application = ? AND user_id = ?",
                (application.number, user_id),
            )
            forget_users(self._connection, application.number, [user_id])
        return responses

    def remove_attributes(
        self, application: Application, kind: str, patterns: Sequence[str]
    ) -> None:
        """Stop capturing values under these names or globs; what is stored stays."""
        with self._transaction():
            AttributeNames(self._connection, application.number).remove(kind, patterns)

    def _find(self, application: Application, endpoint_id: str) -> Endpoint:
        key = fold_id(endpoint_id)
        found = load_endpoints(self._connection, application.number, [key]).get(key)
        if found is None:
            raise NotFoundError(f"Endpoint not found: '{endpoint_id}'")
        return found

    def _responses(
        self, application: Application, endpoints: Sequence[Endpoint]
    ) -> list[JsonObject]:
        user_ids = {endpoint.user_id for endpoint in endpoints if endpoint.user_id is not None}
        users = Users(self._connection, application.number, user_ids)
        return [
            endpoint_response(endpoint, application.id, users.attributes(endpoint.user_id))
            for endpoint in endpoints
        ]

    def _now(self) -> str:
        text = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        return text.removesuffix("+00:00") + "Z"

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: takes the write lock before reading, so that what is read stays true.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

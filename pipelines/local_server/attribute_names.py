"""Names of custom attributes in an application: how many there are, and which are removed."""

import sqlite3
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TypeVar

from pipelines.local_server.errors import BadRequestError
from schemas.limits import ATTRIBUTE_NAMES

Value = TypeVar("Value")

ATTRIBUTE_TYPES = {
    "endpoint-custom-attributes": "Attributes",
    "endpoint-metric-attributes": "Metrics",
    "endpoint-user-attributes": "UserAttributes",
}
"""Attribute types of RemoveAttributes (botocore model), and the map that each one means."""


class AttributeNames:
    """The custom attribute names of one application, as of the running transaction.

    A name counts once per map: `Attributes.plan` and `Metrics.plan` are two.
    """

    def __init__(self, connection: sqlite3.Connection, application: int) -> None:
        self._connection = connection
        self._application = application
        self._known: set[tuple[str, str]] = set(
            connection.execute(
                "SELECT kind, name FROM attribute_names WHERE application = ?", (application,)
            )
        )
        self._removed: list[tuple[str, str]] = connection.execute(
            "SELECT kind, pattern FROM removed_attributes WHERE application = ?", (application,)
        ).fetchall()
        self._new: set[tuple[str, str]] = set()

    def capture(self, kind: str, entries: dict[str, Value]) -> dict[str, Value]:
        """Keep the entries that are not removed, and count their names.

        Raises:
            BadRequestError: The application would have too many names. The text is the heading
                of the user guide's troubleshooting page.
        """
        if self._removed:
            entries = {
                name: value for name, value in entries.items() if not self._is_removed(kind, name)
            }
        for name in entries:
            pair = (kind, name)
            if pair not in self._known:
                self._known.add(pair)
                self._new.add(pair)
        if len(self._known) > ATTRIBUTE_NAMES.value:
            raise BadRequestError(
                f"Too many custom attributes: {len(self._known)} names in this application,"
                f" {ATTRIBUTE_NAMES.value} allowed"
            )
        return entries

    def remove(self, kind: str, patterns: Iterable[str]) -> None:
        """Stop capturing values under these names or globs; stored values stay.

        The names no longer count towards the limit: the reference gives RemoveAttributes as the
        way out of it.
        """
        self._removed += [(kind, pattern) for pattern in patterns]
        self._connection.executemany(
            "INSERT OR IGNORE INTO removed_attributes VALUES (?, ?, ?)",
            [(self._application, kind, pattern) for pattern in patterns],
        )
        self._connection.executemany(
            "DELETE FROM attribute_names WHERE application = ? AND kind = ? AND name = ?",
            [
                (self._application, known_kind, name)
                for known_kind, name in self._known
                if known_kind == kind and self._is_removed(kind, name)
            ],
        )

    def write(self) -> None:
        """Store the names that `capture` has seen for the first time."""
        self._connection.executemany(
            "INSERT INTO attribute_names VALUES (?, ?, ?)",
            [(self._application, kind, name) for kind, name in self._new],
        )

    def _is_removed(self, kind: str, name: str) -> bool:
        return any(
            kind == removed_kind and fnmatchcase(name, pattern)
            for removed_kind, pattern in self._removed
        )

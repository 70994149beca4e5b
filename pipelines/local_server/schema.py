"""The database file: tables, indexes and how it is opened."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigurationError

APPLICATION_ID = 0x454E4450
"""Marks our files in SQLite's header ("ENDP"), so that another program's is not written into."""

SCHEMA_VERSION = 1
"""Raised when the tables change; a file of another version is refused."""

_VALUES = 100
"""Values looked up by one statement: the ids of a full batch."""

SCHEMA = """
CREATE TABLE applications (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    tags TEXT NOT NULL,
    creation_date TEXT NOT NULL
);
CREATE TABLE endpoints (
    application INTEGER NOT NULL REFERENCES applications (number) ON DELETE CASCADE,
    key TEXT NOT NULL,
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    status TEXT NOT NULL,
    opt_out TEXT,
    effective_date TEXT NOT NULL,
    user_id TEXT,
    creation_date TEXT NOT NULL,
    cohort_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    members TEXT NOT NULL,
    UNIQUE (application, key)
);
CREATE INDEX endpoints_by_address ON endpoints (application, channel, address);
CREATE INDEX endpoints_by_user ON endpoints (application, user_id) WHERE user_id IS NOT NULL;
-- UserAttributes belong to the user: kept once, they are the same on all of a user's endpoints.
CREATE TABLE users (
    application INTEGER NOT NULL REFERENCES applications (number) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (application, user_id)
) WITHOUT ROWID;
CREATE TABLE attribute_names (
    application INTEGER NOT NULL REFERENCES applications (number) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (application, kind, name)
) WITHOUT ROWID;
-- Names or globs given to RemoveAttributes: values under them are no longer captured.
CREATE TABLE removed_attributes (
    application INTEGER NOT NULL REFERENCES applications (number) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    pattern TEXT NOT NULL,
    PRIMARY KEY (application, kind, pattern)
) WITHOUT ROWID;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database file, creating it readable by its owner only (mode 0600).

    A committed request survives the death of the process; after a power cut the last moments may
    be missing, but the file is whole (WAL with synchronous=NORMAL).

    Raises:
        ConfigurationError: The file cannot be created or opened, or is not a database of ours.
    """
    try:
        # The write-ahead log and its index take over the mode of the database file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(f"Cannot open the database {path}: {error.strerror}.") from error
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        _prepare(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ConfigurationError(
            f"{path} cannot be used as the server's database: {error}. Give another --db."
        ) from error
    except ConfigurationError:
        connection.close()
        raise
    return connection


def select_matching(
    connection: sqlite3.Connection, query: str, application: int, values: Sequence[str]
) -> Iterator[Any]:
    """Give the rows of an application whose column has one of the values.

    Args:
        connection: The database.
        query: A SELECT that ends in `WHERE application = ? AND <column> IN`.
        application: Row number of the application.
        values: Any number of values.
    """
    # Two forms of the statement only, so that it stays prepared; NULL fills up and matches nothing.
    size = 1 if len(values) == 1 else _VALUES
    marks = f"({', '.join('?' * size)})"
    for start in range(0, len(values), size):
        part = values[start : start + size]
        filler = [None] * (size - len(part))
        yield from connection.execute(query + marks, (application, *part, *filler))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if not is_empty and owner != APPLICATION_ID:
        raise ConfigurationError(f"{path} is another program's database. Give another --db.")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    # 64 MB: keeps the index pages of a few million endpoints in memory.
    connection.execute("PRAGMA cache_size = -65536")
    if is_empty:
        connection.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
            f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path} was written by another version of the server ({version}). Give another --db."
        )

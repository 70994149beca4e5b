"""What a sync state is to the rest of the program: records by Id, read by ranges, committed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict

from pipelines.storage.file_lock import Owner


@dataclass(frozen=True, slots=True)
class StateKey:
    """What a state is about: one application of one service."""

    destination: str
    """Name of the service (`destinations.base.Destination.name`); of the embedded server, its
    database file."""
    application_id: str


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The records whose `key_hash` is from `first` to `last`, both included."""

    first: int
    last: int


class CommitKind(StrEnum):
    """Why records were written."""

    INTENT = "intent"
    """Before a run sends: what it is about to send has no known content from now on."""
    ACCEPTED = "accepted"
    """After it has sent: what the service took."""
    REBUILT = "rebuilt"
    """From an export of the service."""
    FORGOTTEN = "forgotten"
    """A person asked for it: records are taken out, or count as due."""


class CommitNote(BaseModel):
    """What is remembered of a commit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: CommitKind
    run_id: str | None
    """The run that made it."""
    at: AwareDatetime
    is_final: bool = False
    """Whether its run came to its end with this: nothing of it is left to send."""
    feed: str | None = None
    """The feed that the run brought."""
    rows: int | None = None
    """Endpoints that its source held, told by a final commit."""
    unidentified: int | None = None
    """Rows of its source whose Id could not be told."""


class StateReader(Protocol):
    """A state as it was when it was opened."""

    key: StateKey
    born: str | None
    """When the service made the application, if it said so when the state began."""
    feeds: Sequence[str]
    """Names of the feeds, by number."""
    notes: Sequence[CommitNote]
    """The last commits, oldest first."""
    generation: int
    """How often it was committed; 0 if never."""

    def count(self) -> int:
        """Give the number of records, at the most: those written twice may count twice."""
        ...

    def size_bytes(self) -> int:
        """Give the size of its files."""
        ...

    def owner(self) -> Owner | None:
        """Say who may write it now: who holds its lock.

        Raises:
            StateError: The lock is another user's.
        """
        ...

    def ranges(self, rows: int = 0) -> list[KeyRange]:
        """Cut the range of all hashes so that each part holds about as many records as fit.

        Args:
            rows: Rows that are to be compared with them, if those are more.
        """
        ...

    def read(self, part: KeyRange, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read the newest record of each Id of a range, without those that are forgotten.

        Args:
            part: The range.
            columns: Of `RECORD_SCHEMA`; None for all.

        Raises:
            StateError: A file of the state is gone or damaged.
        """
        ...


class StateWriter(StateReader, Protocol):
    """A state that this process may write: it holds the lock."""

    def number_feed(self, name: str) -> int:
        """Give the number of a feed (0 to 63); a new name gets the next one.

        The next commit keeps it.

        Raises:
            StateError: There are 64 already.
        """
        ...

    def commit(
        self, records: Iterable[pl.DataFrame], note: CommitNote, *, born: str | None = None
    ) -> None:
        """Add records: all of them, or, if the process dies, none.

        A record replaces the one with its Id (in lower case). After that the reading methods tell
        of the new state.

        Args:
            records: Frames in the shape of `RECORD_SCHEMA`, sorted by `key_hash` within and among
                each other; an Id stands in them once. Taken one at a time.
            note: What to remember of it.
            born: What `born` is from now on, if not None.

        Raises:
            StorageError: They cannot be written, or the lock was lost to another process.
        """
        ...

    def erase(self) -> None:
        """Remove forgotten records from the files, too, and not only from what is read.

        Who is reading without the lock has to begin anew.

        Raises:
            StorageError: They cannot be written, or the lock was lost to another process.
        """
        ...

"""The pointer: the one small file that says what a state is made of. To replace it is to commit."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.errors import StateError
from pipelines.state.base import CommitNote, StateKey

NAME: Final = "pointer.json"
FORMAT: Literal[1] = 1
"""Version of the layout of a state."""
KEPT_NOTES: Final = 50
"""Of the last commits. Of each feed the last final one is kept for ever, and the last one that
tells of rows: guards compare with it."""
REBUILD: Final = (
    "Remove it with `endpoint-import state forget`: the next run sends everything then. Or, after "
    "that, make it anew with `endpoint-import state rebuild EXPORT`, which keeps opt-outs known."
)
"""What to do about a state that cannot be read."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SegmentFile(_Part):
    """A file of records, sorted by `key_hash`; an Id stands in it once."""

    name: str
    rows: int
    size_bytes: int
    first: int
    """Its smallest hash."""
    last: int
    """Its greatest."""
    footer_crc32: int


class Segment(_Part):
    """What one commit brought, or several that were folded together: an Id stands in it once."""

    files: tuple[SegmentFile, ...]
    """In the order of their hashes, without overlap."""

    @property
    def rows(self) -> int:
        """How many records it has."""
        return sum(file.rows for file in self.files)


class Pointer(_Part):
    """A state at one time."""

    format: Literal[1] = FORMAT
    destination: str
    application_id: str
    born: str | None = None
    feeds: tuple[str, ...] = ()
    notes: tuple[CommitNote, ...] = ()
    generation: int = 0
    """How often records were committed."""
    revision: int = 0
    """How often this file was replaced, also to fold segments together."""
    segments: tuple[Segment, ...] = ()
    """Oldest first: a record in a later one replaces that of its Id in an earlier one."""
    left: tuple[str, ...] = ()
    """Files that only the revision before had: who reads without the lock may still need them."""

    @property
    def key(self) -> StateKey:
        """What it is about."""
        return StateKey(self.destination, self.application_id)

    @property
    def files(self) -> list[SegmentFile]:
        """All files, oldest segments first."""
        return [file for segment in self.segments for file in segment.files]

    def followed_by(self, **changes: Any) -> "Pointer":
        """Give the next revision."""
        followed = self.model_copy(update={**changes, "revision": self.revision + 1})
        names = {file.name for file in followed.files}
        left = tuple(file.name for file in self.files if file.name not in names)
        return followed.model_copy(update={"left": left})

    def to_bytes(self) -> bytes:
        """Write it."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def parse_pointer(content: bytes, location: str) -> Pointer:
    """Read a pointer.

    Raises:
        StateError: It is damaged, or of a newer version of this program.
    """
    try:
        data = orjson.loads(content)
        found = data.get("format") if isinstance(data, dict) else None
        if isinstance(found, int) and found > FORMAT:
            raise StateError(
                f"The sync state {location} was written by a newer version of endpoint-import "
                f"(format {found}; this one knows {FORMAT}). Use that version. Or give the state "
                f"up: {REBUILD[0].lower()}{REBUILD[1:]}"
            )
        return Pointer.model_validate_json(content)
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise StateError(f"{location}/{NAME} is damaged. {REBUILD}") from error


def keep_notes(notes: Sequence[CommitNote]) -> tuple[CommitNote, ...]:
    """Give the notes that are kept: the last ones, and of each feed the last ones that matter."""
    of_feeds = [(number, note) for number, note in enumerate(notes) if note.feed]
    final = {note.feed: number for number, note in of_feeds if note.is_final}
    # A final one need not tell of rows: in other modes than mirror it does not.
    counted = {note.feed: number for number, note in of_feeds if note.rows is not None}
    kept = {*range(len(notes))[-KEPT_NOTES:], *final.values(), *counted.values()}
    return tuple(notes[number] for number in sorted(kept))

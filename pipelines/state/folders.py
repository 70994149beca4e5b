"""Where the files of a state are: how they are found, read, added, and swapped."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.errors import StateError, StorageError
from pipelines.state import pointer
from pipelines.state.base import StateKey
from pipelines.storage import file_lock
from pipelines.storage.atomic import cannot_write, remove_leftovers, replacing
from pipelines.storage.file_lock import Owner
from pipelines.storage.places import Place, S3Folder

OnLoss = Callable[[], None]
LONGEST_SLUG = 40
SEGMENT = re.compile(r"(\d{8})-[0-9a-f]{8}-\d{4}\.parquet")
"""Name of a segment file: the revision that it was made for, what no other has, and its number."""
THEN = "then run the command again."
PRIVATE_FOLDER = 0o700
"""Ids may be addresses: only the user may read them."""


def name_folder(key: StateKey) -> str:
    """Name the folder of a state: readable, and another one for each key."""
    slug = re.sub(r"[^a-z0-9]+", "-", key.application_id.lower())[:LONGEST_SLUG].strip("-")
    digest = hashlib.sha256(f"{key.destination}\0{key.application_id}".encode()).hexdigest()
    return f"{slug or 'application'}-{digest[:12]}"


@dataclass(frozen=True, slots=True)
class StoredPointer:
    """A pointer as it was read."""

    content: bytes
    version: str
    """Another one after each change."""


class StateFolder(Protocol):
    """The folder of one state."""

    @property
    def location(self) -> str:
        """Where it is, for people."""
        ...

    def read_pointer(self) -> StoredPointer | None:
        """Read the pointer; None if nothing was ever committed.

        Raises:
            StateError: It is another user's.
        """
        ...

    def swap_pointer(self, content: bytes, version: str | None) -> str:
        """Replace the pointer, unless it is not of this version any more; give the new version.

        Raises:
            StorageError: It cannot be written, or another process wrote it.
        """
        ...

    def fetched(self, names: Sequence[str]) -> AbstractContextManager[list[Path]]:
        """Give files for a `with` block. One that is gone is not at its path."""
        ...

    def adding(self, name: str) -> AbstractContextManager[Path]:
        """Give the path at which to write a file; it is there whole after the `with` block.

        Raises:
            StorageError: It cannot be written.
        """
        ...

    def list_names(self) -> list[str]:
        """List the files."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, whether they are there or not."""
        ...

    def locked(self, owner: Owner, on_loss: OnLoss) -> AbstractContextManager[bool]:
        """Make the folder and hold its lock; give whether it is held (`file_lock.hold`).

        Args:
            owner: Who is to hold it.
            on_loss: Is called, from another thread, if another process takes it over.
        """
        ...

    def owner(self) -> Owner | None:
        """Say who holds the lock now."""
        ...

    def require_held(self) -> None:
        """Refuse to write once another process has taken the lock over.

        Raises:
            StorageError: It has.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A state on a disk of this machine (`StateFolder`)."""

    path: Path

    @property
    def location(self) -> str:
        """Where it is, for people."""
        return str(self.path)

    def read_pointer(self) -> StoredPointer | None:
        """Read the pointer; None if nothing was ever committed."""
        path = self.path / pointer.NAME
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StateError(f"{path} cannot be read: {error.strerror}.") from error
        return StoredPointer(content, hashlib.sha256(content).hexdigest())

    def swap_pointer(self, content: bytes, version: str | None) -> str:
        """Replace the pointer, unless it is not of this version any more."""
        found = self.read_pointer()
        if (found.version if found else None) != version:
            raise changed_meanwhile(self.location)
        with replacing(self.path / pointer.NAME, THEN) as temporary:
            temporary.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    @contextmanager
    def fetched(self, names: Sequence[str]) -> Iterator[list[Path]]:
        """Give files where they are."""
        yield [self.path / name for name in names]

    def adding(self, name: str) -> AbstractContextManager[Path]:
        """Give the path at which to write a file."""
        return replacing(self.path / name, THEN)

    def list_names(self) -> list[str]:
        """List the files."""
        try:
            return sorted(path.name for path in self.path.iterdir())
        except OSError as error:
            raise cannot_write(self.path, error, THEN) from error

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, whether they are there or not."""
        for name in names:
            try:
                (self.path / name).unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(self.path / name, error, THEN) from error

    @contextmanager
    def locked(self, owner: Owner, on_loss: OnLoss) -> Iterator[bool]:
        """Make the folder and hold its lock, which the kernel takes from nobody who lives."""
        try:
            self.path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            self.path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            self.path.chmod(PRIVATE_FOLDER)
        except OSError as error:
            raise cannot_write(self.path, error, THEN) from error
        with file_lock.hold(self.path / "lock", owner, THEN) as is_ours:
            if is_ours:
                remove_leftovers(self.path, THEN)
            yield is_ours

    def owner(self) -> Owner | None:
        """Say who holds the lock now."""
        path = self.path / "lock"
        try:
            return file_lock.read_owner(path)
        except OSError as error:
            raise StateError(f"{path} cannot be read: {error.strerror}.") from error

    def require_held(self) -> None:
        """Do nothing: the kernel takes the lock from nobody who lives."""


def changed_meanwhile(location: str) -> StorageError:
    """Say that somebody else committed."""
    return StorageError(
        f"Another process has written the sync state {location} meanwhile. Nothing was changed: "
        f"run the command again."
    )


def folder_at(place: Place, name: str) -> StateFolder:
    """Give a folder of a place; it need not be there."""
    if isinstance(place, S3Folder):
        from pipelines.state.s3_folder import BucketFolder  # needs boto3, which takes a while

        return BucketFolder(place / name)
    return LocalFolder(place / name)


def list_folders(place: Place) -> list[str]:
    """List the folders of a place."""
    if isinstance(place, S3Folder):
        from pipelines.state.s3_folder import list_names

        return list_names(place)
    try:
        return sorted(path.name for path in place.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StateError(f"{place} cannot be read: {error.strerror}.") from error

"""A state on S3: files are downloaded while a range needs them, the pointer is put by its ETag."""

import shutil
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import StorageError
from pipelines.state import pointer
from pipelines.state.folders import THEN, OnLoss, StoredPointer, changed_meanwhile
from pipelines.storage import s3_lock
from pipelines.storage.atomic import cannot_write, replacing
from pipelines.storage.file_lock import Owner
from pipelines.storage.places import S3Folder
from pipelines.storage.s3_store import S3Store, TakenError

OPTION = "--state-dir"


def list_names(place: S3Folder) -> list[str]:
    """List the folders of a place."""
    return S3Store(place, OPTION).list_folders()


class BucketFolder:
    """A state in a bucket (`folders.StateFolder`).

    Downloads are shared by those who read at the same time, and kept until another range is read
    that does not need them: ranges go up, and most of what one needs the next one needs too.
    """

    def __init__(self, place: S3Folder) -> None:
        """Look at nothing yet."""
        self._place = place
        self._store = S3Store(place, OPTION)
        self._lost: str | None = None
        self._lock = threading.Lock()
        self._private: Path | None = None
        self._used: Counter[str] = Counter()

    @property
    def location(self) -> str:
        """Where it is, for people."""
        return str(self._place)

    def read_pointer(self) -> StoredPointer | None:
        """Read the pointer; None if nothing was ever committed."""
        found = self._store.read(pointer.NAME)
        return StoredPointer(found.content, found.etag) if found else None

    def swap_pointer(self, content: bytes, version: str | None) -> str:
        """Replace the pointer, unless it is not of this version any more."""
        try:
            return self._store.write(pointer.NAME, content, replaces=version)
        except TakenError as error:
            # The answer to a first try may have been lost, and the client's second one refused.
            found = self.read_pointer()
            if found is None or found.content != content:
                raise changed_meanwhile(self.location) from error
            return found.version

    @contextmanager
    def fetched(self, names: Sequence[str]) -> Iterator[list[Path]]:
        """Give copies of files."""
        with self._lock:
            folder = self._folder("read")
            self._used.update(names)
            for path in folder.iterdir():
                if not self._used[path.name]:
                    path.unlink()
            paths = [folder / name for name in names]
            for path in paths:
                if not path.is_file():
                    self._download(path)
        try:
            yield paths
        finally:
            with self._lock:
                self._used.subtract(names)

    @contextmanager
    def adding(self, name: str) -> Iterator[Path]:
        """Give the path at which to write a file."""
        with self._lock:
            path = self._folder("new") / name
        try:
            with replacing(path, THEN) as temporary:
                yield temporary
            self.require_held()
            with path.open("rb") as file:
                self._store.write(name, file)
        finally:
            path.unlink(missing_ok=True)

    def list_names(self) -> list[str]:
        """List the files."""
        return sorted(self._store.list_objects())

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, whether they are there or not."""
        self._store.delete(list(names))

    @contextmanager
    def locked(self, owner: Owner, on_loss: OnLoss) -> Iterator[bool]:
        """Hold the lock."""

        def give_up(reason: str) -> None:
            self._lost = reason
            on_loss()

        with s3_lock.hold(self._store, owner, give_up) as is_ours:
            yield is_ours

    def owner(self) -> Owner | None:
        """Say who holds the lock now."""
        return s3_lock.read_owner(self._store)

    def require_held(self) -> None:
        """Refuse to write once another process has taken the lock over."""
        if self._lost is not None:
            raise StorageError(self._lost)

    def _download(self, path: Path) -> None:
        # Not there before it is whole: else half of it would be taken for a damaged file.
        incoming = path.with_name(f".{path.name}.download")
        try:
            if self._store.download(path.name, incoming, None) is not None:
                incoming.replace(path)
        except OSError as error:
            raise cannot_write(path, error, THEN) from error

    def _folder(self, name: str) -> Path:
        if self._private is None:
            self._private = Path(tempfile.mkdtemp(prefix="endpoint-import-"))
            weakref.finalize(self, shutil.rmtree, self._private, ignore_errors=True)
        folder = self._private / name
        folder.mkdir(exist_ok=True)
        return folder

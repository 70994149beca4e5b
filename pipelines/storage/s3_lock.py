"""A lock on S3: an object that its owner writes again and again while it lives.

Nobody can tell whether a process on another machine is dead, only that it has not been heard of
for long. An owner that wakes up after that finds the object to be another's, and writes nothing
any more.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pipelines.errors import StorageError
from pipelines.storage.file_lock import Owner
from pipelines.storage.s3_store import S3Object, S3Store, TakenError

NAME = "lock"
RENEW_EVERY_S = 10.0
"""Between two signs of life, in seconds: one small request each."""
EXPIRES_S = 60.0
"""Seconds without a sign of life after which an owner counts as dead: several signs may be late."""


def read_owner(store: S3Store) -> Owner | None:
    """Say who holds the lock of a folder now; None if nobody does."""
    found = store.read(NAME)
    return Owner.parse(found.content) if found and _is_held(found) else None


def _is_held(lock: S3Object | None) -> bool:
    return lock is not None and bool(lock.content) and lock.age_s < EXPIRES_S


@contextmanager
def hold(store: S3Store, owner: Owner, give_up: Callable[[str], None]) -> Iterator[bool]:
    """Hold the lock of a folder for a `with` block.

    Args:
        store: The folder.
        owner: What to tell others of who holds it.
        give_up: Is called, from another thread, with the reason if another process takes it over.

    Yields:
        Whether it is held: not if it is another's.
    """
    found = store.read(NAME)
    if _is_held(found):
        yield False
        return
    try:
        etag = store.write(NAME, owner.to_bytes(), replaces=found.etag if found else None)
    except TakenError:
        yield False
        return
    renewal = _Renewal(store, owner.to_bytes(), etag, give_up)
    try:
        yield True
    finally:
        renewal.end()


class _Renewal(threading.Thread):
    def __init__(
        self, store: S3Store, owner: bytes, etag: str, give_up: Callable[[str], None]
    ) -> None:
        super().__init__(daemon=True, name="lock-renewal")
        self._store, self._owner, self._etag, self._give_up = store, owner, etag, give_up
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(RENEW_EVERY_S):
            try:
                self._etag = self._store.write(NAME, self._owner, replaces=self._etag)
            except TakenError:
                self._give_up(
                    f"Another process has taken {self._store.folder} over, as this one was not "
                    "heard of for a minute. Nothing is lost: leave the work to it."
                )
                return
            except StorageError:
                continue  # whoever writes next says so

    def end(self) -> None:
        self._ended.set()
        self.join()
        with suppress(StorageError, TakenError):
            self._store.write(NAME, b"", replaces=self._etag)

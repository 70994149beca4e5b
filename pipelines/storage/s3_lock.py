"""The lock of a run on S3: an object that its owner writes again and again while it lives.

Nobody can tell whether a process on another machine is dead, only that it has not been heard of
for long. An owner that wakes up after that finds the object to be another's, and writes nothing
any more.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pipelines.errors import StorageError
from pipelines.storage.mirror import MirroredRun
from pipelines.storage.s3_store import S3Object, TakenError

NAME = "lock"
RENEW_EVERY_S = 10.0
"""Between two signs of life, in seconds: one small request each."""
EXPIRES_S = 60.0
"""Seconds without a sign of life after which an owner counts as dead: several signs may be late."""


def is_held(lock: S3Object | None) -> bool:
    """Say whether somebody holds a lock."""
    return lock is not None and bool(lock.content) and lock.age_s < EXPIRES_S


@contextmanager
def hold(run: MirroredRun, owner: bytes) -> Iterator[bool]:
    """Hold the lock of a run for a `with` block.

    Args:
        run: The run.
        owner: What to tell others of who holds it.

    Yields:
        Whether it is held: not if it is another's.
    """
    found = run.store.read(NAME)
    if is_held(found):
        yield False
        return
    try:
        etag = run.store.write(NAME, owner, replaces=found.etag if found else None)
    except TakenError:
        yield False
        return
    run.regain()
    renewal = _Renewal(run, owner, etag)
    try:
        yield True
    finally:
        renewal.end()


class _Renewal(threading.Thread):
    def __init__(self, run: MirroredRun, owner: bytes, etag: str) -> None:
        super().__init__(daemon=True, name="lock-renewal")
        self._run, self._owner, self._etag = run, owner, etag
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(RENEW_EVERY_S):
            try:
                self._etag = self._run.store.write(NAME, self._owner, replaces=self._etag)
            except TakenError:
                self._run.give_up(
                    f"Another process has taken {self._run.location} over, as this one was not "
                    "heard of for a minute. Nothing is lost: leave the run to it."
                )
                return
            except StorageError:
                continue  # whoever writes next says so

    def end(self) -> None:
        self._ended.set()
        self.join()
        with suppress(StorageError, TakenError):
            self._run.store.write(NAME, b"", replaces=self._etag)

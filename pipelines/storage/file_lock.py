"""A lock on this machine's disks: a file that one process holds at a time.

The lock is the kernel's (flock), so that it ends with the process that holds it, however that dies.
What stands in the file only says who that is. Programs that the owner starts do not inherit the
lock; processes that it forks do, and keep it for as long as they live.

On S3 there is no such thing: see `s3_lock`.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pipelines.storage.atomic import PRIVATE_FILE, cannot_write

ATTEMPTS = 5
"""Looks at a lock before it counts as held: whoever asks for its owner holds it for a moment, and
an owner needs a moment to write down who it is."""
WAIT_S = 0.02
"""Between two looks; both of these moments are far shorter."""
_LONGEST_TEXT = 4096


class Owner(BaseModel):
    """Who holds a lock."""

    model_config = ConfigDict(frozen=True)

    pid: int
    host: str
    started_at: AwareDatetime
    """When it took the lock."""
    run_id: str | None = None
    """The run for which it did, unless the lock is that of a run."""

    @classmethod
    def new(cls, run_id: str | None = None) -> "Owner":
        """Give this process as the owner, from now on."""
        host = socket.gethostname()
        return cls(pid=os.getpid(), host=host, started_at=datetime.now(UTC), run_id=run_id)

    @classmethod
    def parse(cls, text: bytes) -> "Owner | None":
        """Read who it is; None if that cannot be told."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None

    def to_bytes(self) -> bytes:
        """Write who it is."""
        return self.model_dump_json(exclude_none=True).encode()

    def __str__(self) -> str:
        """Say who it is, for people."""
        who = f"process {self.pid} on {self.host} since {self.started_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"run {self.run_id}, {who}" if self.run_id else who


@contextmanager
def hold(path: Path, owner: Owner, remedy: str | None = None) -> Iterator[bool]:
    """Hold a lock for a `with` block; a killed owner's lock is taken over.

    Args:
        path: The file.
        owner: What to tell others of who holds it.
        remedy: What else to do if it cannot be written (`cannot_write`).

    Yields:
        Whether it is held: not if it is another's, or this process holds it already.

    Raises:
        StorageError: The file cannot be written.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    except OSError as error:
        raise cannot_write(path, error, remedy) from error
    try:
        try:
            is_ours = _acquire(file)
            if is_ours:
                _write_owner(file, owner)
        except OSError as error:
            raise cannot_write(path, error, remedy) from error
        if not is_ours:
            yield False
            return
        try:
            yield True
        finally:
            # The file stays: another process may have it open, and would lock a file without name.
            with suppress(OSError):
                os.ftruncate(file, 0)
            # Closing alone would leave the lock with processes that were forked meanwhile.
            fcntl.flock(file, fcntl.LOCK_UN)
    finally:
        os.close(file)


def read_owner(path: Path) -> Owner | None:
    """Say who holds a lock now; None if nobody does, or does not say so.

    Raises:
        OSError: The lock is another user's.
    """
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        for _ in range(ATTEMPTS):
            if _try(file, fcntl.LOCK_SH):
                return None
            if owner := _read(file):
                return owner
            time.sleep(WAIT_S)
    finally:
        os.close(file)
    return None


def _acquire(file: int) -> bool:
    for _ in range(ATTEMPTS):
        if _try(file, fcntl.LOCK_EX):
            return True
        time.sleep(WAIT_S)
    return False


def _try(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_owner(file: int, owner: Owner) -> None:
    text = owner.to_bytes()
    # Over what stands there, and cut behind it: that takes no room on a full disk.
    os.pwrite(file, text, 0)
    os.ftruncate(file, len(text))


def _read(file: int) -> Owner | None:
    try:
        return Owner.parse(os.pread(file, _LONGEST_TEXT, 0))
    except OSError:
        return None

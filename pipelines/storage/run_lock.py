"""The run lock: one run directory has one writer.

The lock is the kernel's (flock on `<run>/lock`), so that it ends with the process that holds it,
however that dies. What stands in the file only says who that is. Programs that the owner starts do
not inherit the lock; processes that it forks do, and keep it for as long as they live.
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

from pipelines.errors import RunStateError
from pipelines.storage.atomic import PRIVATE_FILE, cannot_write
from pipelines.storage.run_dir import RunDirectory

ATTEMPTS = 5
"""Looks at a lock before it counts as held: whoever asks for its owner holds it for a moment, and
an owner needs a moment to write down who it is."""
WAIT_S = 0.02
"""Between two looks; both of these moments are far shorter."""
_LONGEST_TEXT = 4096


class Owner(BaseModel):
    """Who works on a run."""

    model_config = ConfigDict(frozen=True)

    pid: int
    host: str
    started_at: AwareDatetime
    """When it took the lock."""


@contextmanager
def locked(run: RunDirectory) -> Iterator[None]:
    """Hold the lock of a run for a `with` block; a killed owner's lock is taken over.

    Raises:
        RunStateError: Another process works on the run, or this one does already.
        StorageError: The run directory cannot be written.
    """
    path = _path(run)
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        try:
            is_ours = _acquire(file)
            if is_ours:
                _write_owner(file)
        except OSError as error:
            raise cannot_write(path, error) from error
        if not is_ours:
            raise _refusal(run, _read(file))
        try:
            yield
        finally:
            # The file stays: another process may have it open, and would lock a file without name.
            with suppress(OSError):
                os.ftruncate(file, 0)
            # Closing alone would leave the lock with processes that were forked meanwhile.
            fcntl.flock(file, fcntl.LOCK_UN)
    finally:
        os.close(file)


def read_owner(run: RunDirectory) -> Owner | None:
    """Say who works on a run now; None if nobody does.

    Raises:
        RunStateError: The lock is another user's.
    """
    path = _path(run)
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunStateError(f"{path} cannot be read: {error.strerror}.") from error
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


def _path(run: RunDirectory) -> Path:
    return run.path / "lock"


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


def _write_owner(file: int) -> None:
    owner = Owner(pid=os.getpid(), host=socket.gethostname(), started_at=datetime.now(UTC))
    text = owner.model_dump_json().encode()
    # Over what stands there, and cut behind it: that takes no room on a full disk.
    os.pwrite(file, text, 0)
    os.ftruncate(file, len(text))


def _read(file: int) -> Owner | None:
    try:
        return Owner.model_validate_json(os.pread(file, _LONGEST_TEXT, 0))
    except (OSError, ValidationError):
        return None


def _refusal(run: RunDirectory, owner: Owner | None) -> RunStateError:
    who = "another process"
    if owner:
        since = f"{owner.started_at:%Y-%m-%d %H:%M:%S} UTC"
        who = f"process {owner.pid} on {owner.host} since {since}"
    return RunStateError(
        f"Run {run.run_id} is being worked on by {who}. Wait until that ends or stop it, then "
        f"resume the run.",
        run_id=run.run_id,
    )

"""The run lock: one run directory has one writer.

The lock is the kernel's (flock on `<run>/lock`), so that it ends with the process that holds it,
however that dies. What stands in the file only says who that is. Programs that the owner starts do
not inherit the lock; processes that it forks do, and keep it for as long as they live.

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
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pipelines.errors import RunStateError
from pipelines.storage.atomic import PRIVATE_FILE, cannot_write
from pipelines.storage.places import S3Folder
from pipelines.storage.run_dir import RunDirectory

if TYPE_CHECKING:
    from pipelines.storage.mirror import MirroredRun

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
    if (mirrored := _on_s3(run)) is not None:
        from pipelines.storage import s3_lock

        with s3_lock.hold(mirrored, _new_owner().model_dump_json().encode()) as is_ours:
            if not is_ours:
                raise _refusal(run, read_owner(run))
            yield
        return
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
    if (mirrored := _on_s3(run)) is not None:
        from pipelines.storage import s3_lock

        found = mirrored.store.read(s3_lock.NAME)
        return _parse(found.content) if found and s3_lock.is_held(found) else None
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


def _on_s3(run: RunDirectory) -> "MirroredRun | None":
    if not isinstance(run.runs_dir, S3Folder):
        return None
    from pipelines.storage.mirror import MirroredRun  # needs boto3, which takes a while

    return run if isinstance(run, MirroredRun) else None


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


def _new_owner() -> Owner:
    return Owner(pid=os.getpid(), host=socket.gethostname(), started_at=datetime.now(UTC))


def _write_owner(file: int) -> None:
    text = _new_owner().model_dump_json().encode()
    # Over what stands there, and cut behind it: that takes no room on a full disk.
    os.pwrite(file, text, 0)
    os.ftruncate(file, len(text))


def _read(file: int) -> Owner | None:
    try:
        return _parse(os.pread(file, _LONGEST_TEXT, 0))
    except OSError:
        return None


def _parse(text: bytes) -> Owner | None:
    try:
        return Owner.model_validate_json(text)
    except ValidationError:
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

"""The run lock: one run directory has one writer (`file_lock`, on S3 `s3_lock`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import RunStateError
from pipelines.storage import file_lock
from pipelines.storage.file_lock import Owner
from pipelines.storage.places import S3Folder
from pipelines.storage.run_dir import RunDirectory

if TYPE_CHECKING:
    from pipelines.storage.mirror import MirroredRun


@contextmanager
def locked(run: RunDirectory) -> Iterator[None]:
    """Hold the lock of a run for a `with` block; a killed owner's lock is taken over.

    Raises:
        RunStateError: Another process works on the run, or this one does already.
        StorageError: The run directory cannot be written.
    """
    if (mirrored := _on_s3(run)) is not None:
        from pipelines.storage import s3_lock

        lock = s3_lock.hold(mirrored.store, Owner.new(), mirrored.give_up)
    else:
        mirrored, lock = None, file_lock.hold(_path(run), Owner.new())
    with lock as is_ours:
        if not is_ours:
            raise _refusal(run, read_owner(run))
        if mirrored is not None:
            mirrored.regain()
        yield


def read_owner(run: RunDirectory) -> Owner | None:
    """Say who works on a run now; None if nobody does.

    Raises:
        RunStateError: The lock is another user's.
    """
    if (mirrored := _on_s3(run)) is not None:
        from pipelines.storage import s3_lock

        return s3_lock.read_owner(mirrored.store)
    path = _path(run)
    try:
        return file_lock.read_owner(path)
    except OSError as error:
        raise RunStateError(f"{path} cannot be read: {error.strerror}.") from error


def _on_s3(run: RunDirectory) -> "MirroredRun | None":
    if not isinstance(run.runs_dir, S3Folder):
        return None
    from pipelines.storage.mirror import MirroredRun  # needs boto3, which takes a while

    return run if isinstance(run, MirroredRun) else None


def _path(run: RunDirectory) -> Path:
    return run.path / "lock"


def _refusal(run: RunDirectory, owner: Owner | None) -> RunStateError:
    return RunStateError(
        f"Run {run.run_id} is being worked on by {owner or 'another process'}. Wait until that "
        f"ends or stop it, then resume the run.",
        run_id=run.run_id,
    )

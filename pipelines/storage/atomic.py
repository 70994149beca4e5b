"""Files that are there whole or not at all: temporary name, sync, rename.

A full disk is no accident of the program: whatever a writer raises for it becomes a StorageError.
pyarrow and plain files raise OSError; so does polars' CSV writer, but without a number, and its
Parquet writer raises a ComputeError: there only the text tells (measured with a small tmpfs and
with RLIMIT_FSIZE, at every size up to that of the whole file).
"""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

import orjson
import polars as pl
from polars.exceptions import PolarsError

from pipelines.errors import StorageError

PRIVATE_FILE = 0o600
"""Rows hold personal data: only the user may read them."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Faults that room heals: the disk, the user's quota, the process's largest file."""
_NUMBER_IN_TEXT = re.compile(r"\(os error (\d+)\)")


class Upload(Protocol):
    """Puts files where other machines find them."""

    def upload(self, source: Path, path: Path) -> None:
        """Upload what is to stand at a path."""
        ...

    def follow(self, path: Path) -> "LogCopy":
        """Keep the copy of a log that grows up to date."""
        ...


class LogCopy(Protocol):
    """Keeps the copy of a log up to date."""

    def check(self) -> None:
        """Raise what went wrong since the last call."""
        ...

    def close(self) -> None:
        """Bring the copy up to date for the last time."""
        ...


UPLOADS: dict[Path, Upload] = {}
"""Folders that are copies of what is elsewhere, and how a file gets there."""


def _upload(source: Path, path: Path) -> None:
    for folder, upload in list(UPLOADS.items()):
        if path.is_relative_to(folder):
            upload.upload(source, path)


def follow(path: Path) -> LogCopy | None:
    """Keep the copy of a log that grows up to date, if there is to be one."""
    found = [upload for folder, upload in list(UPLOADS.items()) if path.is_relative_to(folder)]
    return found[0].follow(path) if found else None


@contextmanager
def replacing(path: Path, remedy: str | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it there once it is written and synced.

    A process that is killed leaves the temporary file; `remove_leftovers` removes it.

    Args:
        path: The file.
        remedy: What else to do if it cannot be written (`cannot_write`).

    Raises:
        StorageError: The disk is full, or the directory is gone or read-only.
    """
    # No two writers share it, on whichever machines: a worker may be taken for dead and live on.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(PRIVATE_FILE)
        _upload(temporary, path)
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise cannot_write(path, error, remedy) from error
    except PolarsError as error:
        if _error_number(error) is None:
            raise
        raise cannot_write(path, error, remedy) from error
    finally:
        # A second error would hide the first, which is the one to know.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: Exception, remedy: str | None = None) -> StorageError:
    """Say that a file cannot be written, why, and what to do about it.

    Args:
        path: The file.
        error: Why.
        remedy: What to do after the cause is put right; None to go on with the file's run.
    """
    number = _error_number(error)
    if number in FULL:
        reason, first = os.strerror(number), "Make room"
    else:
        reason, first = getattr(error, "strerror", None) or str(error), "Put that right"
    told = f"{path} cannot be written: {reason}. {first}"
    if remedy is not None:
        return StorageError(f"{told}, {remedy}")
    run_id = _find_run(path)
    if run_id is None:
        return StorageError(f"{told} (or choose another --runs-dir) and resume the run.")
    return StorageError(f"{told}, then: endpoint-import resume {run_id}", run_id=run_id)


def _error_number(error: Exception) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    match = _NUMBER_IN_TEXT.search(str(error))
    return int(match[1]) if match else None


def _find_run(path: Path) -> str | None:
    """Give the id of the run that a file belongs to, unless it has no manifest yet."""
    with suppress(OSError):
        for folder in path.absolute().parents[:2]:
            if (folder / "manifest.json").is_file():
                return folder.name
    return None


def sync_directory(folder: Path) -> None:
    """Make the names in a directory outlast a power cut."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def remove_leftovers(folder: Path, remedy: str | None = None) -> None:
    """Remove the temporary files of killed processes from a folder, not from those below it.

    Only for who holds the folder's lock: it cannot tell them from files that are being written.

    Raises:
        StorageError: One cannot be removed.
    """
    for path in folder.glob(".*.tmp"):
        try:
            path.unlink()
        except OSError as error:
            raise cannot_write(path, error, remedy) from error


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as Parquet."""
    with replacing(path) as temporary:
        # For files that live as long as a run: cheap to write and read, not small.
        frame.write_parquet(temporary, compression="lz4", statistics=False)


def count_rows(files: list[Path]) -> int:
    """Count the rows of Parquet files without reading them."""
    return int(pl.scan_parquet(files).select(pl.len()).collect().item()) if files else 0


def write_json(value: object, path: Path, default: Callable[[Any], Any] | None = None) -> None:
    """Write a value as indented JSON."""
    write_text(orjson.dumps(value, default, orjson.OPT_INDENT_2).decode() + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8 with the line ends that it has."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())

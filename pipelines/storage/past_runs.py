"""Past runs: small files of many run directories, read at once, without opening each as a run."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from pipelines.errors import StorageError
from pipelines.storage.places import Place, S3Folder
from pipelines.storage.run_dir import RUN_ID

AT_ONCE = 8
"""Requests to S3 under way."""


def list_latest(runs_dir: Place, most: int) -> list[str]:
    """List the names of the runs that were probably the last ones, the latest first.

    Those that were written last; on S3, where each has to be asked for that, those that come last
    by name.
    """
    if isinstance(runs_dir, S3Folder):
        from pipelines.storage.s3_store import S3Store  # boto3 takes a while

        names = filter(RUN_ID.fullmatch, S3Store(runs_dir).list_folders())
        return sorted(names, key=_by_number, reverse=True)[:most]
    written: list[tuple[float, str]] = []
    for manifest in runs_dir.glob("*/manifest.json"):
        with suppress(OSError):  # it is gone, or somebody else's
            written.append((manifest.stat().st_mtime, manifest.parent.name))
    return [name for _, name in sorted(written, reverse=True)[:most]]


def _by_number(name: str) -> list[tuple[int, str]]:
    """Sort night-10 behind night-9."""
    return [
        (int(part), "") if part.isdecimal() else (0, part) for part in re.split("([0-9]+)", name)
    ]


def read_files(runs_dir: Place, names: Sequence[str], file: str) -> list[bytes | None]:
    """Read a file of each run; None where there is none that can be read."""
    if not isinstance(runs_dir, S3Folder):
        return [_read_local(runs_dir / name / file) for name in names]
    from pipelines.storage.s3_store import S3Store

    store = S3Store(runs_dir)

    def read(name: str) -> bytes | None:
        with suppress(StorageError):  # somebody else's
            found = store.read(f"{name}/{file}")
            return None if found is None else found.content
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(read, names))


def _read_local(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

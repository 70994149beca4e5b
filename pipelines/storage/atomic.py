"""Files that are there whole or not at all: temporary name, sync, rename."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow.parquet as pq

from pipelines.errors import StorageError

PRIVATE_FILE = 0o600
"""Rows hold personal data: only the user may read them."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it there once it is written and synced.

    Raises:
        StorageError: The disk is full, or the directory is gone or read-only.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(PRIVATE_FILE)
        temporary.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}. Make room or choose another "
            "--runs-dir, and start again."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as Parquet."""
    with replacing(path) as temporary:
        # For files that live as long as a run: cheap to write, not small. Most texts are distinct,
        # so that a dictionary would be built for nothing.
        pq.write_table(
            frame.to_arrow(),
            temporary,
            compression="lz4",
            use_dictionary=False,
            write_statistics=False,
        )


def write_json(value: object, path: Path, default: Callable[[Any], Any] | None = None) -> None:
    """Write a value as indented JSON."""
    write_text(orjson.dumps(value, default, orjson.OPT_INDENT_2).decode() + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8 with the line ends that it has."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())

"""Stamps: whether a source is still what it was when the run began."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipelines.errors import SourceError


class SourceStamp(BaseModel):
    """What tells, without reading it, that a file is still the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    """Where it is, as the user named it."""
    size_bytes: int
    modified_ns: int
    """Time of the last change to its content, in nanoseconds since 1970."""


def stamp_source(path: Path) -> SourceStamp:
    """Note what a file is like now.

    Raises:
        SourceError: It is gone, or cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    return SourceStamp(path=str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns)


def refuse_changed(stamp: SourceStamp) -> None:
    """Refuse a file that is not as it was when it was stamped: its rows may be others.

    Raises:
        SourceError: Names what differs.
    """
    try:
        now = stamp_source(Path(stamp.path))
    except SourceError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        raise SourceError(
            f"{stamp.path} is gone: it was there when the run began. Start a new run."
        ) from error
    if now.size_bytes != stamp.size_bytes:
        change = f"it was {stamp.size_bytes:,} bytes, is {now.size_bytes:,}"
    elif now.modified_ns != stamp.modified_ns:
        before, after = _in_words(stamp.modified_ns), _in_words(now.modified_ns)
        change = f"it was last modified at {before}, now at {after}"
    else:
        return
    raise SourceError(f"{stamp.path} has changed since the run began: {change}. Start a new run.")


def _in_words(modified_ns: int) -> str:
    return f"{datetime.fromtimestamp(modified_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S.%f} UTC"

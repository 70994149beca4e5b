"""Stamps: whether a source is still what it was when the run began."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipelines.errors import SourceError
from pipelines.sources.base import (
    STANDARD_INPUT,
    ObjectVersion,
    Packing,
    SourceFile,
    SourceFormat,
)
from pipelines.sources.standard_input import is_taken, take_standard_input

NOT_AGAIN = "Standard input (-) cannot be read again: what came by it is gone with its process."


class SourceStamp(BaseModel):
    """What there is to know to open a source again, and to tell that it is still the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    """Where it is, as the user named it; of a member, its archive."""
    format: SourceFormat | None = None
    packing: Packing | None = None
    member: str | None = None
    member_bytes: int = 0
    partition: tuple[tuple[str, str | None], ...] = ()
    named: str = ""
    """The SOURCE that it was found by; empty in manifests of versions that did not note it."""
    size_bytes: int
    modified_ns: int
    """Time of the last change to its content, in nanoseconds since 1970; 0 of standard input."""
    etag: str | None = None
    """Of an object of S3: every request asks for the version that has it."""
    sha256: str | None = None
    """Of the content of standard input, which nothing else tells."""

    @property
    def source(self) -> SourceFile:
        """The source, to be opened as it was then."""
        version = self.etag and ObjectVersion(self.etag, self.size_bytes, self.modified_ns)
        return SourceFile(
            path=self.path,
            format=self.format,
            packing=self.packing,
            member=self.member,
            member_bytes=self.member_bytes,
            partition=self.partition,
            named=self.named,
            version=version or None,
        )

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine."""
        return self.etag is None and self.path != STANDARD_INPUT


def stamp_source(source: SourceFile) -> SourceStamp:
    """Note what a source is like now; standard input is read for that.

    Raises:
        SourceError: It is gone, or cannot be looked at.
    """
    stamp = partial(
        SourceStamp,
        path=source.path,
        format=source.format,
        packing=source.packing,
        member=source.member,
        member_bytes=source.member_bytes,
        partition=source.partition,
        named=source.named,
    )
    if source.path == STANDARD_INPUT:
        taken = take_standard_input()
        return stamp(size_bytes=taken.size_bytes, modified_ns=0, sha256=taken.sha256)
    if (version := source.version) is not None:
        size_bytes, modified_ns = version.size_bytes, version.modified_ns
        return stamp(size_bytes=size_bytes, modified_ns=modified_ns, etag=version.etag)
    try:
        status = Path(source.path).stat()
    except OSError as error:
        raise SourceError(f"Cannot read {source.path}: {error.strerror}.") from error
    return stamp(size_bytes=status.st_size, modified_ns=status.st_mtime_ns)


def refuse_changed(stamp: SourceStamp) -> None:
    """Refuse a file that is not as it was when it was stamped: its rows may be others.

    Objects of S3 are not asked for: every request for one names the version that is meant.

    Raises:
        SourceError: Names what differs.
    """
    if stamp.path == STANDARD_INPUT and not is_taken(stamp.sha256):
        raise SourceError(f"{NOT_AGAIN} Start a new run.")
    if not stamp.is_local:
        return
    try:
        now = stamp_source(stamp.source)
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

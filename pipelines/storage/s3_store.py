"""S3: the few requests that a run directory or a sync state there is made of.

A service that is compatible has to know conditional writes, as AWS, MinIO and Ceph do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.errors import StorageError
from pipelines.s3_client import GONE, REMEDIES, error_code, s3_client
from pipelines.storage.places import S3Folder

MOST_DELETED = 1000
"""Keys in one DeleteObjects request."""
_UNCHANGED = frozenset({"304", "NotModified"})
_TAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_REMEDIES = {
    "NoSuchBucket": "Make the bucket, or correct {option}.",
    "AccessDenied": "Allow these credentials to list, read, write and delete there.",
    "403": "Allow these credentials to list, read, write and delete there.",
    **REMEDIES,
}


class TakenError(Exception):
    """Another process has written the object meanwhile."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object as it was read."""

    content: bytes
    etag: str
    age_s: float
    """Seconds since it was written, by the clock of the service."""


@dataclass(frozen=True, slots=True)
class S3Store:
    """The objects of a folder."""

    folder: S3Folder
    """The folder."""
    option: str = "--runs-dir"
    """By which option it was given."""

    def read(self, name: str) -> S3Object | None:
        """Read a small object; None if it is not there."""
        with self._explained(name):
            try:
                answer = s3_client().get_object(
                    Bucket=self.folder.bucket, Key=self.folder.key(name)
                )
            except ClientError as error:
                if error_code(error) in GONE:
                    return None
                raise
            date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
            now = parsedate_to_datetime(date) if date else datetime.now(UTC)
            age_s = (now - answer["LastModified"]).total_seconds()
            return S3Object(answer["Body"].read(), answer["ETag"], age_s)

    def download(self, name: str, path: Path, etag: str | None) -> str | None:
        """Write an object into a file, unless it has this ETag; give its ETag, None if gone."""
        condition: Any = {"IfNoneMatch": etag} if etag else {}
        with self._explained(name):
            try:
                answer = s3_client().get_object(
                    Bucket=self.folder.bucket, Key=self.folder.key(name), **condition
                )
            except ClientError as error:
                if error_code(error) in GONE:
                    return None
                if error_code(error) in _UNCHANGED:
                    return etag
                raise
            with path.open("wb") as file:
                for part in answer["Body"].iter_chunks(1 << 20):
                    file.write(part)
            return answer["ETag"]

    def write(self, name: str, content: bytes | BinaryIO, *, replaces: str | None = "any") -> str:
        """Write an object whole; give its ETag.

        Args:
            name: Of the object.
            content: What is to stand in it.
            replaces: ETag of what it may replace; None for nothing, "any" for whatever is there.

        Raises:
            TakenError: Something else is there.
            StorageError: It cannot be written.
        """
        condition: Any = {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}
        if replaces == "any":
            condition = {}
        with self._explained(name):
            try:
                answer = s3_client().put_object(
                    Bucket=self.folder.bucket, Key=self.folder.key(name), Body=content, **condition
                )
            except ClientError as error:
                if error_code(error) in _TAKEN | GONE:
                    raise TakenError from error
                raise
        return answer["ETag"]

    def list_objects(self, below: str = "") -> dict[str, datetime]:
        """List the objects below a name, with the times at which they were written."""
        start = self.folder.key(below)
        start = f"{start}/" if start and not start.endswith("/") else start
        found: dict[str, datetime] = {}
        with self._explained(below):
            pages = (
                s3_client()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self.folder.bucket, Prefix=start)
            )
            for page in pages:
                for item in page.get("Contents", []):
                    name = item["Key"][len(self.folder.prefix) :].lstrip("/")
                    found[name] = item["LastModified"]
        return found

    def list_folders(self) -> list[str]:
        """List the names of the folders in this one."""
        start = f"{self.folder.prefix}/" if self.folder.prefix else ""
        with self._explained(""):
            pages = (
                s3_client()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self.folder.bucket, Prefix=start, Delimiter="/")
            )
            return [
                item["Prefix"][len(start) :].rstrip("/")
                for page in pages
                for item in page.get("CommonPrefixes", [])
            ]

    def delete(self, names: list[str]) -> None:
        """Delete objects, whether they are there or not."""
        with self._explained(""):
            for first in range(0, len(names), MOST_DELETED):
                keys = [{"Key": self.folder.key(n)} for n in names[first : first + MOST_DELETED]]
                s3_client().delete_objects(
                    Bucket=self.folder.bucket,
                    Delete={"Objects": keys, "Quiet": True},  # type: ignore[typeddict-item]
                )

    def _explained(self, name: str) -> "_Explained":
        return _Explained(self.folder / name if name else self.folder, self.option)


@dataclass(frozen=True, slots=True)
class _Explained:
    """Turns what boto3 raises in a `with` block into an error that says what to do."""

    place: S3Folder
    option: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, ClientError | BotoCoreError):
            remedy = _REMEDIES.get(
                error_code(error), "Put that right, or choose another {option}."
            ).format(option=self.option)
            raise StorageError(f"{self.place} cannot be used: {error}. {remedy}") from error

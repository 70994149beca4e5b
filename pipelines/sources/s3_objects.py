"""Objects of S3: finding them by key, prefix or pattern, and reading the version that was found."""

import io
from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import takewhile
from typing import Any, BinaryIO

import smart_open.s3
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.errors import SourceError
from pipelines.s3_client import GONE, REMEDIES, error_code, s3_client
from pipelines.sources.base import S3, ObjectVersion
from pipelines.sources.hive import is_partition_folder
from pipelines.sources.streams import READ_AHEAD_BYTES, Explain, open_stream

_CHANGED = frozenset({"PreconditionFailed", "412"})
_REMEDIES = {
    "NoSuchBucket": "Check the bucket's name.",
    "AccessDenied": "Allow these credentials to list and read there.",
    "403": "Allow these credentials to list and read there.",
    "InvalidObjectState": "Restore it from the archive first.",
    **REMEDIES,
}
_ERRORS = (ClientError, BotoCoreError)
Objects = dict[str, ObjectVersion]
"""By key."""


def find_objects(name: str) -> dict[str, ObjectVersion]:
    """Find the objects that a name means, in the order of their names.

    Args:
        name: s3://BUCKET/KEY, s3://BUCKET/PREFIX/ or a pattern. Of a prefix, what lies right there
            and in folders of the form key=value.

    Raises:
        SourceError: It names no bucket, or S3 cannot be used as it is.
    """
    bucket, _, key = name.removeprefix(S3).partition("/")
    if not bucket:
        raise SourceError(f"{name} names no bucket: write s3://BUCKET/KEY.")
    try:
        found = _find(bucket, key)
    except _ERRORS as error:
        raise _explain(name, error) from error
    keys = sorted(found, key=lambda key: key.split("/"))
    return {f"{S3}{bucket}/{key}": found[key] for key in keys if not key.endswith("/")}


def is_prefix(name: str) -> bool:
    """Say whether a name can only be a prefix."""
    return name.endswith("/") or "/" not in name.removeprefix(S3)


def _find(bucket: str, key: str) -> Objects:
    if key and not key.endswith("/"):
        exact = _look_at(bucket, key)
        if exact is not None:
            return {key: exact}
        if has_magic(key):
            return _match(bucket, key)
        key += "/"
    return _list_folder(bucket, key)


def _look_at(bucket: str, key: str) -> ObjectVersion | None:
    """Give an object; None if it is not there, or listing has to tell what is the matter."""
    try:
        answer = s3_client().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in GONE | {"403", "400"}:
            return None
        raise
    return _version(answer["ETag"], answer["ContentLength"], answer["LastModified"])


def _match(bucket: str, pattern: str) -> Objects:
    parts = pattern.split("/")
    fixed = list(takewhile(lambda part: not has_magic(part), parts))
    start = "/".join(fixed) + "/" if fixed else ""
    found, _ = _list(bucket, start, delimiter="")
    return {key: found[key] for key in found if _matches(key.split("/"), parts)}


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Say whether a key fits, as local paths do: * stays within a folder, ** is any folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[first:], pattern[1:]) for first in range(len(parts) + 1))
    return (
        bool(parts)
        and fnmatchcase(parts[0], pattern[0])
        and parts[0].startswith(".") <= pattern[0].startswith(".")
        and _matches(parts[1:], pattern[1:])
    )


def _list_folder(bucket: str, prefix: str) -> Objects:
    """List what lies in a folder, and in the folders of a hive below: one listing for each key."""
    found, folders = _list(bucket, prefix, delimiter="/")
    names = [folder.removeprefix(prefix).rstrip("/") for folder in folders]
    for column in sorted({name.partition("=")[0] for name in names if is_partition_folder(name)}):
        below, _ = _list(bucket, f"{prefix}{column}=", delimiter="")
        for key, version in below.items():
            if all(map(is_partition_folder, key.removeprefix(prefix).split("/")[:-1])):
                found[key] = version
    return {key: found[key] for key in found if not key.rpartition("/")[2].startswith(".")}


def _list(bucket: str, prefix: str, delimiter: str) -> tuple[Objects, list[str]]:
    objects: Objects = {}
    folders: list[str] = []
    for page in _pages(bucket, prefix, delimiter):
        for item in page.get("Contents", []):
            objects[item["Key"]] = _version(item["ETag"], item["Size"], item["LastModified"])
        folders += [folder["Prefix"] for folder in page.get("CommonPrefixes", [])]
    return objects, folders


def _pages(bucket: str, prefix: str, delimiter: str) -> Iterator[Any]:
    pages = s3_client().get_paginator("list_objects_v2")
    yield from pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter=delimiter)


def _version(etag: str, size_bytes: int, modified: datetime) -> ObjectVersion:
    return ObjectVersion(etag, size_bytes, round(modified.timestamp() * 1e9))


def open_object(name: str, version: ObjectVersion) -> BinaryIO:
    """Open an object, to be read forward or here and there.

    A connection that breaks is made again for what is left.

    Args:
        name: s3://BUCKET/KEY.
        version: Every request asks for this one.

    Raises:
        SourceError: It is not this version any more, or cannot be read; likewise later.
    """
    bucket, _, key = name.removeprefix(S3).partition("/")

    def explain(error: Exception, _: int) -> SourceError:
        return _explain(name, error)

    reader = smart_open.s3.open(
        bucket,
        key,
        "rb",
        buffer_size=READ_AHEAD_BYTES,
        defer_seek=True,
        client=s3_client(),
        client_kwargs={"S3.Client.get_object": {"IfMatch": version.etag}},
    )
    return open_stream(_Reader(reader, explain), explain, is_place=True)


class _Reader(io.RawIOBase):
    """smart_open's reader, without botocore's errors."""

    def __init__(self, reader: io.BufferedIOBase, explain: Explain) -> None:
        self._reader = reader
        self._explain = explain

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return self._reader.read(size)
        except BotoCoreError as error:
            raise self._explain(error, 0) from error

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._reader.seek(offset, whence)
        except BotoCoreError as error:
            raise self._explain(error, 0) from error

    def close(self) -> None:
        super().close()
        self._reader.close()


def _explain(name: str, error: Exception) -> SourceError:
    cause = getattr(error, "backend_error", error)  # smart_open's, around one of botocore
    code = error_code(cause)
    if code in _CHANGED:
        return SourceError(f"{name} has changed since the run began. Start a new run.")
    if code in GONE:
        return SourceError(f"{name} is gone: it was there when the run began. Start a new run.")
    if code == "ParamValidationError":
        return SourceError(f"{name} cannot be the name of an object. Write s3://BUCKET/KEY.")
    remedy = _REMEDIES.get(code, "Try again, or copy it here and name the copy.")
    return SourceError(f"Cannot read {name}: {cause}. {remedy}")

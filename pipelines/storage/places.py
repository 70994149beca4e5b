"""Places where run directories are kept: a folder of this machine, or one in a bucket of S3."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class S3Folder:
    """A bucket, or what is below a prefix in it."""

    bucket: str
    prefix: str
    """Without a slash at either end."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read s3://BUCKET or s3://BUCKET/PREFIX.

        Raises:
            ValueError: It is something else.
        """
        bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not bucket:
            raise ValueError("give a place in a bucket, such as s3://bucket/runs")
        return cls(bucket, prefix.strip("/"))

    def __str__(self) -> str:
        """Write it as it is read."""
        return SCHEME + "/".join(filter(None, [self.bucket, self.prefix]))

    def __truediv__(self, name: str) -> "S3Folder":
        """Give a folder in this one."""
        return S3Folder(self.bucket, self.key(name))

    @property
    def name(self) -> str:
        """The last part of the prefix."""
        return self.prefix.rpartition("/")[2]

    @property
    def parent(self) -> "S3Folder":
        """The folder that this one is in."""
        return S3Folder(self.bucket, self.prefix.rpartition("/")[0])

    def key(self, name: str) -> str:
        """Give the key of an object in this folder."""
        return f"{self.prefix}/{name}" if self.prefix else name


Place = Path | S3Folder


def parse_place(value: object) -> Place:
    """Read a place from its text.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, str):
        return S3Folder.parse(value) if value.startswith(SCHEME) else Path(value)
    if isinstance(value, Path | S3Folder):
        return value
    raise ValueError("give a folder, or a place in a bucket such as s3://bucket/runs")

"""Contents: the bytes of a source, wherever it is and however it is packed."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import SourceError
from pipelines.sources.archives import open_member
from pipelines.sources.base import (
    STANDARD_INPUT,
    Content,
    LocalContent,
    ObjectVersion,
    Packing,
    SourceFile,
)
from pipelines.sources.standard_input import take_standard_input
from pipelines.sources.streams import PrivateCopy, open_stream, refuse_unpacked
from pipelines.sources.unpacking import CountedFile, unpack


def open_content(source: SourceFile) -> Content:
    """Give the bytes of a source; nothing is opened yet."""
    content = _open_place(source)
    if source.member is not None:
        content = MemberContent(content, source.member, source.name)
    if source.packing is not None:
        content = PackedContent(content, source.packing)
    return content


def _open_place(source: SourceFile) -> Content:
    if source.path == STANDARD_INPUT:
        return StandardInputContent()
    if source.version is not None:
        return ObjectContent(source.path, source.version)
    return LocalContent(Path(source.path))


class StandardInputContent:
    """What came by standard input, which is read once, into a private copy."""

    name = STANDARD_INPUT
    path = None

    def open(self) -> BinaryIO:
        """See `Content.open`."""
        return take_standard_input().open()

    def open_seekable(self) -> BinaryIO:
        """See `Content.open_seekable`."""
        return self.open()


class ObjectContent:
    """An object of S3: the very version that was found, or an error."""

    path = None

    def __init__(self, name: str, version: ObjectVersion) -> None:
        """Name the object."""
        self.name = name
        self._version = version

    def open(self) -> BinaryIO:
        """See `Content.open`."""
        from pipelines.sources.s3_objects import open_object  # needs boto3, which takes a while

        return open_object(self.name, self._version)

    def open_seekable(self) -> BinaryIO:
        """See `Content.open_seekable`."""
        return self.open()


class _ForwardContent(ABC):
    """Content that can only be read forward where it is."""

    path = None

    def __init__(self, name: str) -> None:
        self.name = name
        self._copy: PrivateCopy | None = None

    @abstractmethod
    def open(self) -> BinaryIO:
        """See `Content.open`."""

    def open_seekable(self) -> BinaryIO:
        """See `Content.open_seekable`; one private copy serves all."""
        if self._copy is None:
            with self.open() as stream:
                self._copy = PrivateCopy(stream, self.name)
        return self._copy.open()


class MemberContent(_ForwardContent):
    """A member of a zip archive."""

    def __init__(self, archive: Content, member: str, name: str) -> None:
        """Name the member; the name is only ever compared with those in the archive."""
        super().__init__(name)
        self._archive = archive
        self._member = member

    def open(self) -> BinaryIO:
        """See `Content.open`."""
        return open_member(self._archive, self._member, self.name)


class PackedContent(_ForwardContent):
    """A file packed as a whole: all of its streams or frames, one behind the other."""

    def __init__(self, packed: Content, packing: Packing) -> None:
        """Say what is packed, and how."""
        super().__init__(packed.name)
        self._packed = packed
        self._packing = packing

    def open(self) -> BinaryIO:
        """See `Content.open`."""
        file = CountedFile(self._packed.open())
        return open_stream(
            unpack(file, self._packing),
            self._explain,
            lambda unpacked_bytes: refuse_unpacked(self.name, unpacked_bytes, file.taken_bytes),
        )

    def _explain(self, error: Exception, position: int) -> SourceError:
        return SourceError(
            f"{self.name} cannot be unpacked as {self._packing} behind byte {position:,} of its "
            f"content: it is damaged, or was cut off ({error}). Export or copy it again."
        )

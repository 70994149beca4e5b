"""Archives: the members of a zip file, read where they lie.

Nothing is ever unpacked under a name from the archive: names only tell formats, and label rows.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from pipelines.errors import SourceError
from pipelines.sources.base import Content
from pipelines.sources.formats import READABLE, Kind, read_kind
from pipelines.sources.streams import FAULTS, open_stream, refuse_unpacked

MOST_MEMBERS = 10_000
"""Members of an archive: as many sources as a run can be asked to list one by one."""
MOST_DIRECTORY_BYTES = 8 << 20
"""Bytes of an archive's list of members: 800 for each of them, where 100 are usual."""
_LEAST_HEADER_BYTES = 30
_ENCRYPTED = 0x1
_FOLDER_OF_MACOS = "__MACOSX"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


@dataclass(frozen=True, slots=True)
class Member:
    """A member that can be read."""

    name: str
    """As it stands in the archive; whatever it says, it is no path of this machine."""
    kind: Kind
    packed_bytes: int


def list_members(archive: Content) -> list[Member]:
    """List the members of an archive that are sources, in the order of their names.

    Folders, hidden files, archives and other formats are left out.

    Raises:
        SourceError: It is no archive, is damaged, or has members that cannot or must not be read.
    """
    with archive.open_seekable() as file:
        infos = _open_archive(archive, file).infolist()
        size_bytes = file.seek(0, io.SEEK_END)
    if len(infos) > MOST_MEMBERS:
        raise SourceError(
            f"{archive.name} has {len(infos):,} members; {MOST_MEMBERS:,} are the most that are "
            "read. Unpack it, and name the folder."
        )
    found = [(info, kind) for info in infos if (kind := _read_kind(info)) is not None]
    _refuse_overlaps(archive.name, infos)
    names: set[str] = set()
    for info, _ in found:
        _refuse_unreadable(f"{archive.name}:{info.filename!a}", info)
        if info.filename in names:
            raise SourceError(f"{archive.name} has two members {info.filename!a}. Rename one.")
        names.add(info.filename)
    refuse_unpacked(archive.name, sum(info.file_size for info, _ in found), size_bytes)
    found.sort(key=lambda member: PurePosixPath(member[0].filename))
    return [Member(info.filename, kind, info.compress_size) for info, kind in found]


def require_members(archive: Content) -> list[Member]:
    """List the members of an archive; see `list_members`.

    Raises:
        SourceError: There is none that can be read.
    """
    members = list_members(archive)
    if not members:
        raise SourceError(f"No readable file in {archive.name}. Readable are {READABLE}.")
    return members


def open_member(archive: Content, member: str, name: str) -> BinaryIO:
    """Open a member of an archive, to be read forward.

    Raises:
        SourceError: It cannot be read; likewise later, where it turns out to be damaged, or to hold
            more than anything honest.
    """

    def explain(error: Exception, position: int) -> SourceError:
        return SourceError(
            f"{name} cannot be unpacked behind byte {position:,} of its content: the archive is "
            f"damaged ({error}). Pack or copy it again."
        )

    file = archive.open_seekable()
    try:
        packed = _open_archive(archive, file)
        info = packed.getinfo(member)
        _refuse_unreadable(name, info)
        stream = packed.open(info)
    except KeyError as error:
        raise SourceError(f"{archive.name} has no member {member!a} any more.") from error
    except FAULTS as error:
        raise explain(error, 0) from error
    return open_stream(
        _Opened(stream, file),
        explain,
        lambda unpacked_bytes: refuse_unpacked(name, unpacked_bytes, info.compress_size),
    )


class _Opened:
    """A member that is open, and the archive that it is read from."""

    def __init__(self, stream: IO[bytes], file: BinaryIO) -> None:
        self._stream = stream
        self._file = file

    def read(self, size: int) -> bytes:
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()
        self._file.close()


class _Bounded:
    """An archive's file, of which no more is read at once than an honest list of members takes.

    To go elsewhere costs nothing until something is read there: on S3 that is a request.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size_bytes = file.seek(0, io.SEEK_END)
        self._position = 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}
        self._position = max(0, starts.get(whence, 0) + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        self._file.seek(self._position)
        data = self._file.read(min(size, MOST_DIRECTORY_BYTES + 1) if size >= 0 else size)
        if len(data) > MOST_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its list of members is too long")
        self._position += len(data)
        return data


def _open_archive(archive: Content, file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(cast("IO[bytes]", _Bounded(file)))
    except (*FAULTS, ValueError, NotImplementedError) as error:
        raise SourceError(
            f"{archive.name} cannot be read as a zip archive ({error}). Pack or copy it again."
        ) from error


def _read_kind(info: zipfile.ZipInfo) -> Kind | None:
    parts = PurePosixPath(info.filename).parts
    if info.is_dir() or any(part.startswith(".") and part != ".." for part in parts):
        return None
    kind = read_kind(info.filename)
    return None if _FOLDER_OF_MACOS in parts or kind is None or kind.is_archive else kind


def _refuse_unreadable(name: str, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise SourceError(f"{name} is encrypted. Unpack the archive, and name what was in it.")
    if info.compress_type not in _METHODS:
        raise SourceError(
            f"{name} is packed by a method that is not read ({info.compress_type}). Unpack the "
            "archive, and name what was in it."
        )


def _refuse_overlaps(name: str, infos: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share bytes: so a small archive could hold any amount."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise SourceError(f"{name}: members of the archive overlap. Pack it again.")
        end = info.header_offset + _LEAST_HEADER_BYTES + info.compress_size

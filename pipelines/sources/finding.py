"""Finding sources: from what the user named to files that can be read, in a fixed order."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.errors import SourceError
from pipelines.sources.archives import Member, list_members, require_members
from pipelines.sources.base import S3, STANDARD_INPUT, ObjectVersion, SourceFile, SourceFormat
from pipelines.sources.contents import PackedContent, open_content
from pipelines.sources.formats import (
    READABLE,
    SNIFFED_BYTES,
    read_kind,
    sniff_format,
    sniff_packing,
)
from pipelines.sources.hive import is_partition_folder, read_partition_values


def find_sources(named: Sequence[str]) -> list[SourceFile]:
    """Find the files that the user named, each file once.

    What a name may be: a file, a glob, a directory, an object of S3, a prefix or pattern there, or
    - for standard input. A zip archive gives one source for each member that can be read. Files of
    a glob or a directory come in the order of their names. In a directory only files of a readable
    format count, and those in folders of the form key=value; hidden ones do not.

    Raises:
        SourceError: Nothing is there, or a file named by itself is of another format.
    """
    if sum(name == STANDARD_INPUT for name in named) > 1:
        raise SourceError("Standard input (-) can be read only once. Name it once.")
    files: dict[tuple[str, str | None], SourceFile] = {}
    for name in named:
        for source in _find(name):
            is_local = source.version is None and source.path != STANDARD_INPUT
            place = str(Path(source.path).resolve()) if is_local else source.path
            files.setdefault((place, source.member), replace(source, named=name))
    return list(files.values())


def _find(name: str) -> Iterator[SourceFile]:
    if name == STANDARD_INPUT:
        return _look_into_standard_input()
    if name.startswith(S3):
        return _find_objects(name)
    if "://" in name:
        raise SourceError(f"Cannot read {name}: only s3:// is read. Copy it here, name the copy.")
    try:
        return iter([*_find_local(name)])
    except OSError as error:
        raise SourceError(f"Cannot read {name}: {error.strerror}.") from error


def _find_local(name: str) -> Iterator[SourceFile]:
    path = Path(name)
    if path.is_dir():
        found = [
            source
            for file in sorted(_list_folder(path))
            for source in _look_into(str(file), None, is_chosen=False)
        ]
        if not found:
            raise SourceError(f"No readable file in directory {name}. Readable are {READABLE}.")
        yield from found
        return
    matches = [path]
    if not path.exists():
        paths = sorted(Path(p) for p in glob.glob(name, recursive=True))  # noqa: PTH207 (absolute patterns)
        matches = [path for path in paths if path.is_file()]
    if not matches:
        what = "No file matches" if glob.has_magic(name) else "No such file:"
        raise SourceError(f"{what} {name}. Check the path.")
    if not all(match.is_file() for match in matches):
        raise SourceError(
            f"Cannot read {name}: it is no plain file, and can be read only once. Pipe it into the "
            "command, and name - instead."
        )
    for match in matches:
        yield from _look_into(str(match), None)


def _list_folder(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if is_partition_folder(path.name) and path.is_dir():
            yield from _list_folder(path)
        elif not path.name.startswith(".") and path.is_file():
            yield path


def _find_objects(name: str) -> Iterator[SourceFile]:
    from pipelines.sources.s3_objects import find_objects, is_prefix  # boto3 takes a while

    objects = find_objects(name)
    is_chosen = name in objects or (glob.has_magic(name) and not is_prefix(name))
    found = [
        source
        for path, version in objects.items()
        for source in _look_into(path, version, is_chosen=is_chosen)
    ]
    if not found:
        what = "No object matches" if glob.has_magic(name) else "No readable object at or below"
        raise SourceError(f"{what} {name}. Check the bucket and the key. Readable are {READABLE}.")
    return iter(found)


def _look_into(
    path: str, version: ObjectVersion | None, *, is_chosen: bool = True
) -> Iterator[SourceFile]:
    """Give the sources that a file is or holds.

    Args:
        path: The file.
        version: Of an object of S3.
        is_chosen: Whether it was named, and so has to be readable.
    """
    _refuse_unprintable(path)
    partition = read_partition_values(path)
    kind = read_kind(path)
    if kind is None and is_chosen:
        raise SourceError(
            f"Cannot read {path}: the ending {Path(path).suffix or '(none)'} is not supported. "
            f"Readable are {READABLE}."
        )
    if kind is None:
        return
    file = SourceFile(path, kind.format, kind.packing, partition=partition, version=version)
    if kind.is_archive:
        archive = open_content(file)
        members = require_members(archive) if is_chosen else list_members(archive)
        yield from (_take_member(file, member) for member in members)
    else:
        yield file


def _take_member(archive: SourceFile, member: Member) -> SourceFile:
    return SourceFile(
        archive.path,
        member.kind.format,
        member.kind.packing,
        member.name,
        member.packed_bytes,
        (*archive.partition, *read_partition_values(member.name)),
        archive.version,
    )


def _refuse_unprintable(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"Cannot read {path!a}: its name is not UTF-8. Rename it.") from error


def _look_into_standard_input() -> Iterator[SourceFile]:
    """Read standard input to its end, and see what it is."""
    file = SourceFile(STANDARD_INPUT)
    content = open_content(file)
    with content.open() as stream:
        start = stream.read(SNIFFED_BYTES)
    packing = sniff_packing(start)
    if packing is not None:
        with PackedContent(content, packing).open() as stream:
            start = stream.read(SNIFFED_BYTES)
    found = sniff_format(start)
    if found is SourceFormat.EXCEL and packing is None:
        members = list_members(content)
        if members and not any(member.name.startswith("xl/") for member in members):
            return (_take_member(file, member) for member in members)
    return iter([SourceFile(STANDARD_INPUT, found, packing)])

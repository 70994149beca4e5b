"""Finding sources: from what the user named to files that can be read, in a fixed order."""

import glob
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import SourceError
from pipelines.sources.base import SourceFile, SourceFormat

SUFFIXES = {
    ".csv": SourceFormat.CSV,
    ".parquet": SourceFormat.PARQUET,
    ".pq": SourceFormat.PARQUET,
}
READABLE = "CSV (.csv) and Parquet (.parquet, .pq)"


def find_sources(named: Sequence[str]) -> list[SourceFile]:
    """Find the files that the user named: files, globs and directories, each file once.

    Files of a glob or a directory come in the order of their names. In a directory only files of
    a readable format count; hidden ones do not.

    Raises:
        SourceError: Nothing is there, or a file named by itself is of another format.
    """
    files: dict[Path, SourceFile] = {}
    for name in named:
        for path in _expand(name):
            files.setdefault(path.resolve(), SourceFile(path, _format(path)))
    return list(files.values())


def _expand(name: str) -> list[Path]:
    if name == "-" or "://" in name:
        raise SourceError(
            f"Cannot read {name}: only local files are supported. Copy it here and name the copy."
        )
    try:
        return _find(name)
    except OSError as error:
        raise SourceError(f"Cannot read {name}: {error.strerror}.") from error


def _find(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
        found = [p for p in found if not p.name.startswith(".")]
        if not found:
            raise SourceError(f"No readable file in directory {name}. Readable are {READABLE}.")
        return found
    if path.exists():
        return [path]
    matches = sorted(Path(p) for p in glob.glob(name, recursive=True))  # noqa: PTH207 (absolute patterns)
    matches = [path for path in matches if path.is_file()]
    if not matches:
        what = "No file matches" if glob.has_magic(name) else "No such file:"
        raise SourceError(f"{what} {name}. Check the path.")
    return matches


def _format(path: Path) -> SourceFormat:
    known = SUFFIXES.get(path.suffix.lower())
    if known is None:
        raise SourceError(
            f"Cannot read {path}: the ending {path.suffix or '(none)'} is not supported. "
            f"Readable are {READABLE}."
        )
    return known

"""A run directory on S3: each process works on a mirror of it, a private folder of its own.

Whoever asks for a file of the run gets the path of its copy, which is fetched anew if the object
has changed (one conditional request). What is written whole (`atomic`) is uploaded whole before it
appears in the mirror: a put is as atomic as a rename. Logs that grow are uploaded every few seconds
(`log_upload`). The mirror is removed with its process, or by a later run of a worker; a process
that is killed leaves it among the temporary files.
"""

import atexit
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.errors import StorageError
from pipelines.storage import atomic
from pipelines.storage.places import S3Folder
from pipelines.storage.run_dir import FOLDERS, WORKING_FOLDERS, RunDirectory
from pipelines.storage.s3_store import S3Store

KEEP_S = 3600.0
"""Seconds without use after which a mirror goes, when the next run comes: workers live for weeks.
Work on a run asks for its files every second."""
_lock = threading.Lock()
_states: dict[S3Folder, "_State"] = {}


@dataclass(slots=True)
class _State:
    """What this process knows of its copies."""

    root: Path
    etags: dict[Path, str] = field(default_factory=dict)
    """Of the objects that the copies are of."""
    held: set[Path] = field(default_factory=set)
    """Logs that this process writes: what stands in them is newer than the objects."""
    lost: str | None = None
    """Why nothing may be written any more, if that is so."""
    used_s: float = 0.0
    """When somebody asked for it last."""
    lock: threading.Lock = field(default_factory=threading.Lock)


def _state_of(folder: S3Folder) -> _State:
    with _lock:
        if folder not in _states:
            _remove_old()
            root = Path(tempfile.mkdtemp(prefix="endpoint-import-")) / folder.name
            for name in FOLDERS:
                (root / name).mkdir(mode=0o700, parents=True)
            atexit.register(shutil.rmtree, root.parent, ignore_errors=True)
            _states[folder] = _State(root)
            atomic.UPLOADS[root] = MirroredRun(root, folder)
        _states[folder].used_s = time.monotonic()
        return _states[folder]


def _remove_old() -> None:
    for folder, state in list(_states.items()):
        if time.monotonic() - state.used_s > KEEP_S:
            del _states[folder], atomic.UPLOADS[state.root]
            shutil.rmtree(state.root.parent, ignore_errors=True)


def open_mirror(folder: S3Folder) -> "MirroredRun":
    """Give a run on S3 by this process's mirror of it; there may be none yet."""
    return MirroredRun(_state_of(folder).root, folder)


@dataclass(frozen=True, slots=True)
class MirroredRun(RunDirectory):
    """A run on S3. Processes hand it to each other by its place, not by the mirror."""

    folder: S3Folder
    """Where it is."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the mirror of the process that unpickles it."""
        return open_mirror, (self.folder,)

    @property
    def store(self) -> S3Store:
        """Its objects."""
        return S3Store(self.folder)

    @property
    def location(self) -> str:
        """Where it is, for people."""
        return str(self.folder)

    @property
    def runs_dir(self) -> S3Folder:
        """Where it is kept."""
        return self.folder.parent

    def show(self, path: Path) -> str:
        """Give the place of one of its files, for people."""
        return str(self.folder / self._name(path))

    def from_everywhere(self) -> RunDirectory:
        """Give itself: its place is the same everywhere."""
        return self

    def at(self, *names: str) -> Path:
        """Give the path of a file's copy, which is as new as the object."""
        path = self.path.joinpath(*names)
        state = _state_of(self.folder)
        with state.lock:
            if path in state.held:
                return path
            etag = state.etags.get(path) if path.is_file() else None
            # Beside it, and renamed: a thread may be reading the one before.
            incoming = path.with_name(f".{path.name}.download")
            found = self.store.download(self._name(path), incoming, etag)
            if found is None:
                path.unlink(missing_ok=True)
                state.etags.pop(path, None)
            elif found != etag:
                incoming.replace(path)
                state.etags[path] = found
        return path

    def upload(self, source: Path, path: Path) -> None:
        """Upload what is to stand at a path of the mirror.

        Raises:
            StorageError: It cannot be written, or another process has taken the run over.
        """
        state = _state_of(self.folder)
        self.require_held()
        with source.open("rb") as file:
            etag = self.store.write(self._name(path), file)
        with state.lock:
            state.etags[path] = etag

    def follow(self, path: Path) -> atomic.LogCopy:
        """Keep the object up to date with a log that grows."""
        from pipelines.storage.log_upload import LogUpload

        return LogUpload(self, path)

    def etag(self, path: Path) -> str | None:
        """Give the ETag of the object that a copy is of."""
        return _state_of(self.folder).etags.get(path)

    def hold(self, path: Path) -> None:
        """Fetch a copy no more: this process writes it."""
        state = _state_of(self.folder)
        with state.lock:
            state.held.add(path)

    def let_go(self, path: Path, etag: str | None) -> None:
        """Let a copy be fetched again, once what it holds is this object."""
        state = _state_of(self.folder)
        with state.lock:
            state.held.discard(path)
            if etag is not None:
                state.etags[path] = etag

    def give_up(self, reason: str) -> None:
        """Write nothing any more, for this reason."""
        _state_of(self.folder).lost = reason

    def require_held(self) -> None:
        """Refuse to write once another process has taken the run over.

        Raises:
            StorageError: It has.
        """
        if (reason := _state_of(self.folder).lost) is not None:
            raise StorageError(reason, run_id=self.run_id)

    def regain(self) -> None:
        """Write again."""
        _state_of(self.folder).lost = None

    def list_files(self, folder: str, suffix: str) -> list[Path]:
        """Give the files of a folder, in the order of their names."""
        names = sorted(name for name in self.store.list_objects(folder) if name.endswith(suffix))
        return [self.at(*name.split("/")) for name in names]

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        self.store.delete([self._name(path)])
        path.unlink(missing_ok=True)

    def last_written_at(self) -> datetime:
        """Give the time of the last change to any of the run's files, except its lock."""
        return max(at for name, at in self.store.list_objects().items() if name != "lock")

    def remove_working_files(self) -> None:
        """Remove what is only needed while the run goes on."""
        for folder in WORKING_FOLDERS:
            self.store.delete(list(self.store.list_objects(folder)))
            shutil.rmtree(self.path / folder, ignore_errors=True)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

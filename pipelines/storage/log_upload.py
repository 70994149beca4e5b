"""The copy of a growing log on S3, where nothing can be appended: uploaded whole, now and then.

A killed process so loses the knowledge of its last seconds; those items are sent again, which does
no harm. Each upload replaces the one before it and nothing else: a process that was given up too
early cannot write over the log of the one that took its place.
"""

import threading
from pathlib import Path

from pipelines.errors import StorageError
from pipelines.storage.mirror import MirroredRun
from pipelines.storage.s3_store import TakenError

UPLOAD_EVERY_S = 2.0
"""Between two uploads of a log that grows, in seconds: what a kill costs."""


class LogUpload:
    """Keeps the object up to date while the log is open."""

    def __init__(self, run: MirroredRun, path: Path) -> None:
        """Take the log over from whoever wrote it before.

        Raises:
            StorageError: It cannot be written, or another process writes it.
        """
        self._run = run
        self._path = path
        self._etag = run.etag(path)
        self._size_bytes = -1
        self._error: StorageError | None = None
        self._ended = threading.Event()
        self._upload()
        run.hold(path)
        self._thread = threading.Thread(target=self._follow, daemon=True, name="log-upload")
        self._thread.start()

    def check(self) -> None:
        """Raise what went wrong since the last call.

        Raises:
            StorageError: An upload failed.
        """
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Upload what is there, and end.

        Raises:
            StorageError: That failed, or an upload before.
        """
        self._ended.set()
        self._thread.join()
        try:
            self.check()
            self._upload()
        finally:
            self._run.let_go(self._path, None if self._error else self._etag)

    def _follow(self) -> None:
        while not self._ended.wait(UPLOAD_EVERY_S):
            try:
                self._upload()
            except StorageError as error:
                self._error = error
                return

    def _upload(self) -> None:
        # A line that is being written may be torn in it: the checksums tell.
        content = self._path.read_bytes()
        if len(content) == self._size_bytes:
            return
        self._run.require_held()
        try:
            name = self._path.relative_to(self._run.path).as_posix()
            self._etag = self._run.store.write(name, content, replaces=self._etag)
        except TakenError as error:
            raise StorageError(
                f"{self._run.show(self._path)} is being written by another process, which took "
                "this shipment over. Wait until that ends or stop it, then resume the run.",
                run_id=self._run.run_id,
            ) from error
        self._size_bytes = len(content)

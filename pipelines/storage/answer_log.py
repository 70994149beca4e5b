"""The answer log: what the service answered for one shipment, written down answer by answer.

    delivered/part-00000.log
      8b8a7d5e {"items":100000,"crc32":3203391149}    what the answers are about
      9be3e0a3 {"start":0,"stop":100,...}             one line per answer
      73ffd3a1 "end"                                  everything was answered

Each line begins with the CRC-32 of all JSON texts up to and including its own. So a line that is
torn, damaged, lost, doubled or out of place ends the reading: what is read is always a beginning
of what was written. Answers behind that point are forgotten and their items sent again, which does
no harm.

Answers are not synced one by one. What was written outlives the process (kill -9), as the kernel
has it; a power cut may cost the last answers, with the effect just told.
"""

import fcntl
import os
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from pipelines.errors import RunStateError, StorageError
from pipelines.storage.atomic import PRIVATE_FILE, LogCopy, cannot_write, follow, sync_directory

_END = "end"
"""Ends a log; being no object, it is never an answer."""


LOCK_S = 60.0
"""Seconds to wait for another writer's end: a worker that lost its driver finishes its requests."""
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class AnswerRead:
    """What a log holds, up to the first line that is not whole."""

    stamp: dict[str, int] | None
    """What the answers are about; None if the log is missing or nothing of it is whole."""
    records: list[dict[str, Any]]
    """The answers, in the order in which they were written."""
    is_complete: bool
    """Whether everything was answered."""


def read_answers(path: Path) -> AnswerRead:
    """Read a log without changing it; a missing one is empty.

    Raises:
        RunStateError: It is there and cannot be read.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[AnswerRead, int, int]:
    """Give what a log holds, the bytes that this takes, and the checksum to go on from."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise RunStateError(
            f"{path} cannot be read: {error.strerror}. Put that right, then resume the run."
        ) from error
    values: list[Any] = []
    size = checksum = 0
    while (stop := content.find(b"\n", size)) >= 0:
        text = content[size + 9 : stop]
        following = zlib.crc32(text, checksum)
        # The checksum of no text is the one before: it would prove nothing.
        if not text or content[size : size + 9] != b"%08x " % following:
            break
        values.append(orjson.loads(text))
        size, checksum = stop + 1, following
    is_complete = values[-1:] == [_END]
    records = values[1:-1] if is_complete else values[1:]
    return AnswerRead(values[0] if values else None, records, is_complete), size, checksum


def _lock(file: int, path: Path) -> None:
    """Let no other process write, for as long as the file is open here.

    The lock of a run keeps off who else would work on it, but not a worker of a cluster that its
    scheduler has given up too early.
    """
    last_s = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= last_s:
                raise StorageError(
                    f"{path} is being written by another process, a worker of an earlier attempt. "
                    "Wait until that ends or stop it, then resume the run."
                ) from None
            time.sleep(_LOOK_EVERY_S)
        except OSError as error:
            raise cannot_write(path, error) from error
        else:
            return


class AnswerLog:
    """A log that is open for writing, by any number of threads of one process."""

    def __init__(
        self, path: Path, file: int, read: AnswerRead, size_bytes: int, checksum: int
    ) -> None:
        """Use `open`."""
        self.records = read.records
        """The answers that were there when the log was opened."""
        self.is_complete = read.is_complete
        """Whether everything was answered."""
        self._path = path
        self._file = file
        self._size_bytes = size_bytes
        self._checksum = checksum
        self._is_torn = False
        self._lock = threading.Lock()
        self._copy: LogCopy | None = None

    @classmethod
    def open(cls, path: Path, stamp: Mapping[str, int]) -> Self:
        """Begin a log, or go on with one behind its last whole line.

        Args:
            path: The log; its folder is there.
            stamp: What the answers are about, such as number and checksum of the items.

        Raises:
            RunStateError: The log that is there is about something else.
            StorageError: The disk is full, the folder cannot be written, or another process has
                the log open and does not end.
        """
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            _lock(file, path)
            read, size, checksum = _read(path)
            if read.stamp is not None and read.stamp != dict(stamp):
                raise RunStateError(
                    f"{path} holds answers about other items than the run has now: files of the "
                    "run were changed. Start a new run."
                )
            log = cls(path, file, read, size, checksum)
            # Also for a log that only ends behind its last whole line: nothing is lost by it.
            log._cut_back()
            if read.stamp is None:
                log._write(dict(stamp))
            log._copy = follow(path)
        except BaseException:
            os.close(file)
            raise
        return log

    def append(self, record: Mapping[str, Any]) -> None:
        """Write down one answer. If that fails, the log ends behind the answer before it.

        Raises:
            StorageError: The disk is full. It can be tried again.
        """
        with self._lock:
            if self._file < 0 or self.is_complete:
                raise ValueError(f"{self._path} is closed")
            if self._copy is not None:
                self._copy.check()
            self._write(dict(record))

    def close(self, *, complete: bool) -> None:
        """Sync and close the log; does nothing the second time.

        Args:
            complete: Whether everything was answered, which is written down then.

        Raises:
            StorageError: The disk is full.
        """
        with self._lock:
            if self._file < 0:
                return
            try:
                if complete and not self.is_complete:
                    self._write(_END)
                    self.is_complete = True
                os.fsync(self._file)
                sync_directory(self._path.parent)
            except OSError as error:
                raise cannot_write(self._path, error) from error
            finally:
                # Another thread may have it only when the copy is as new as the log.
                try:
                    if self._copy is not None:
                        self._copy.close()
                finally:
                    os.close(self._file)
                    self._file = -1

    def _write(self, value: dict[str, Any] | str) -> None:
        text = orjson.dumps(value)
        checksum = zlib.crc32(text, self._checksum)
        line = b"%08x %b\n" % (checksum, text)
        try:
            if self._is_torn:
                self._cut_back()
            self._is_torn = True
            written = os.write(self._file, line)
            while written < len(line):  # the second write tells why the first was short
                written += os.write(self._file, line[written:])
        except OSError as error:
            # Where even this fails, it is done before the next line is written.
            with suppress(OSError):
                self._cut_back()
            raise cannot_write(self._path, error) from error
        self._is_torn = False
        self._size_bytes += len(line)
        self._checksum = checksum

    def _cut_back(self) -> None:
        os.ftruncate(self._file, self._size_bytes)
        self._is_torn = False

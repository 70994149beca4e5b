"""Excel workbooks (.xlsx, .xlsm): one worksheet, every cell as the text that it shows.

The first row that is not blank is the header. Rows behind it that are wholly blank are no records:
they are left out and not counted. Dates are written in ISO 8601, formulas by the value that was
saved with them. A workbook has to be held as a whole: that is done by `excel_worker`, in a process
of its own, and the records are streamed from what it leaves.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.ipc as pa_ipc

from pipelines.errors import SourceError
from pipelines.sources.base import Content, ReadingOptions
from pipelines.sources.typed_columns import TypedColumns

WORKER = "pipelines.sources.excel_worker"
TIMEOUT_S = 180
_OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP_START = b"PK\x03\x04"
_REMEDY = "Open it in a spreadsheet program and save the sheet as CSV."
_PASSED_ON = ("PATH", "PYTHONPATH", "TMPDIR", "LD_LIBRARY_PATH")
"""Variables that the worker gets; credentials are none of them."""


class ExcelReader:
    """A worksheet of an Excel workbook."""

    def __init__(self, content: Content, options: ReadingOptions) -> None:
        """Have the worksheet read, and take over its header.

        Raises:
            SourceError: It is no workbook, protected, too large, or lacks the sheet.
        """
        self._name = content.name
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 (as long as this reader)
        weakref.finalize(self, self._rows.close)
        with _as_file(content) as path:
            self._refuse_others(path)
            answer = self._run_worker(path, options.sheet)
        if "refused" in answer:
            raise SourceError(f"{self._name} cannot be read: {answer['refused']}. {_REMEDY}")
        self.reading = {"sheet": answer["sheet"]}
        first = next(self._batches())
        self.header = [name or "" for column in first.columns for name in column.to_pylist()]
        self._columns = TypedColumns(first.schema, self._name)

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield the records; see `base.SourceReader`."""
        row = 1
        batches = self._batches()
        next(batches)
        for batch in batches:
            for frame in self._columns.stage([batch], row):
                row += frame.height
                yield frame

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self._rows.seek(0)
        return iter(pa_ipc.open_stream(self._rows))

    def _refuse_others(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                start = file.read(1 << 16)
        except OSError as error:
            raise SourceError(f"Cannot read {self._name}: {error.strerror or error}.") from error
        if start.startswith(_OLE_START):
            # The directory may stand anywhere in the file, but most programs write it early.
            what = (
                "is protected by a password, or a workbook of Excel 97"
                if _ENCRYPTED not in start
                else "is protected by a password"
            )
            raise SourceError(f"{self._name} {what}. Save it as .xlsx without a password.")
        if not start.startswith(_ZIP_START):
            raise SourceError(
                f"{self._name} is no Excel workbook (.xlsx). Check that it is the right file."
            )

    def _run_worker(self, path: Path, sheet: str | None) -> dict[str, str]:
        descriptor = self._rows.fileno()
        command = [sys.executable, "-P", "-m", WORKER, str(path.absolute()), json.dumps(sheet)]
        quiet = {"ARROW_DEFAULT_MEMORY_POOL": "system", "RAYON_NUM_THREADS": "1"}
        try:
            done = subprocess.run(  # noqa: S603 (our own module)
                [*command, str(descriptor)],
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | quiet,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=[descriptor],
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._too_large(f"more than {TIMEOUT_S} s") from error
        if done.returncode == 0:
            answer: dict[str, str] = json.loads(done.stdout)
            return answer
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            raise self._too_large("too much time")
        raise self._too_large("too much memory")

    def _too_large(self, what: str) -> SourceError:
        return SourceError(
            f"{self._name}: reading it took {what}, or it is damaged; a workbook has to be held as "
            f"a whole. {_REMEDY}"
        )


@contextmanager
def _as_file(content: Content) -> Iterator[Path]:
    """Give the place of a file; of a private copy, if it is not on this machine."""
    if content.path is not None:
        yield content.path
        return
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as copy, content.open_seekable() as file:
        shutil.copyfileobj(file, copy)
        copy.flush()
        yield Path(copy.name)

"""Arrow IPC: files (also called Feather) and streams, batch by batch, typed columns as texts."""

import weakref
from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.ipc as pa_ipc

from pipelines.errors import SourceError
from pipelines.sources.arrow_messages import BrokenMessageError, measure_file, measure_stream
from pipelines.sources.base import Content, ReadingOptions
from pipelines.sources.typed_columns import TypedColumns

BATCH_ROWS = 16_384
"""Rows turned into text at once."""
MAX_BATCH_BYTES = 1 << 30
"""Of a batch, and of all dictionaries, unpacked: they are held as a whole."""
_FILE_START = b"ARROW1"
_FEATHER_1_START = b"FEA1"


class ArrowReader:
    """An Arrow file or stream."""

    def __init__(self, content: Content, _: ReadingOptions) -> None:
        """Open the file, look through its messages and flatten its schema.

        Raises:
            SourceError: It is no Arrow file, cut off, has batches that are too large, or a column
                of a type that has no text.
        """
        self._name = content.name
        try:
            self._file = content.open_seekable()
        except OSError as error:
            raise self._unreadable(error) from error
        weakref.finalize(self, self._file.close)
        try:
            self._is_file = self._check()
            self._columns = TypedColumns(self._open().schema, self._name)
        except OSError as error:
            raise self._unreadable(error) from error
        except (pa.ArrowException, UnicodeDecodeError, BrokenMessageError) as error:
            raise SourceError(f"{self._name} is not a readable Arrow file ({error}).") from error
        self.reading = {"layout": "file" if self._is_file else "stream"}
        self.header = self._columns.header

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield the records; see `base.SourceReader`."""
        row = 1
        try:
            for batch in self._batches():
                batch.validate()
                _validate_inner(batch.columns)
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    part = batch.slice(start, BATCH_ROWS)
                    part.validate(full=True)  # a hostile file may point anywhere
                    for frame in self._columns.stage([part], row):
                        row += frame.height
                        yield frame
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise SourceError(
                f"{self._name}, behind record {row - 1}: cannot be read ({error})."
            ) from error

    def _open(self) -> pa_ipc.RecordBatchFileReader | pa_ipc.RecordBatchStreamReader:
        self._file.seek(0)
        return pa_ipc.open_file(self._file) if self._is_file else pa_ipc.open_stream(self._file)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        opened = self._open()
        if isinstance(opened, pa_ipc.RecordBatchFileReader):
            for number in range(opened.num_record_batches):
                yield opened.get_batch(number)
        else:
            yield from opened

    def _check(self) -> bool:
        """Tell whether it is a file or a stream, once nothing in it is too large to be held."""
        file_bytes = self._file.seek(0, 2)
        self._file.seek(0)
        head = self._file.read(len(_FILE_START))
        if head.startswith(_FEATHER_1_START):
            raise SourceError(
                f"{self._name} is a Feather file of version 1. Write it again as version 2, with "
                "pyarrow.feather.write_feather, or as Parquet."
            )
        is_file = head == _FILE_START
        dictionary_bytes = 0
        for message in (measure_file if is_file else measure_stream)(self._file, file_bytes):
            size = message.size_bytes
            if message.is_dictionary:
                size = dictionary_bytes = dictionary_bytes + size
            # Not even true and false take less than a bit, but columns of nulls take nothing.
            elif not 0 <= message.rows <= 8 * size + BATCH_ROWS:
                raise BrokenMessageError(f"{message.rows:,} rows without values")
            if size > MAX_BATCH_BYTES:
                raise SourceError(
                    f"{self._name}: a batch or its dictionaries take {size:,} bytes; at most "
                    f"{MAX_BATCH_BYTES >> 30} GiB can be held. Write it in smaller batches, of "
                    "100,000 rows, or as Parquet."
                )
        return is_file

    def _unreadable(self, error: OSError) -> SourceError:
        return SourceError(f"Cannot read {self._name}: {error.strerror or error}.")


def _validate_inner(arrays: list[pa.Array]) -> None:
    """Validate what the validation of a batch leaves out."""
    for array in arrays:
        if pa.types.is_dictionary(array.type):
            array.dictionary.validate(full=True)
        elif pa.types.is_struct(array.type):
            _validate_inner([array.field(n) for n in range(array.type.num_fields)])
        elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            array.type.value_field.name.encode()  # polars takes for granted that it is UTF-8
            _validate_inner([array.values])

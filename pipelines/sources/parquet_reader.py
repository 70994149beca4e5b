"""Parquet: batch by batch, typed columns as texts."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import SourceError
from pipelines.sources.base import Content, ReadingOptions
from pipelines.sources.typed_columns import TypedColumns

BATCH_ROWS = 16_384
"""Rows turned into text at once."""
BATCH_BYTES = 64 << 20
"""Bytes of them; whatever is more is turned into text earlier."""
_DECODED_ROWS = 512
"""Rows decoded at once: a value that is long may stand in each of them, and only once in the file.
Fewer take more time, more are hardly faster."""


class ParquetReader:
    """A Parquet file."""

    def __init__(self, content: Content, _: ReadingOptions) -> None:
        """Open the file and flatten its schema.

        Raises:
            SourceError: It is no Parquet file, or a column has a type that has no text.
        """
        self._name = content.name
        self.reading: dict[str, str] = {}
        try:
            self._file = pq.ParquetFile(content.path or content.open_seekable())
        except OSError as error:
            reason = error.strerror or error
            raise SourceError(f"Cannot read {self._name}: {reason}.") from error
        except pa.ArrowException as error:
            raise SourceError(f"{self._name} is not a readable Parquet file ({error}).") from error
        self._columns = TypedColumns(self._file.schema_arrow, self._name)
        self.header = self._columns.header

    def read(self) -> Iterator[pl.DataFrame]:
        """Yield the records; see `base.SourceReader`."""
        row = 1
        try:
            for batches in self._batches():
                for frame in self._columns.stage(batches, row):
                    row += frame.height
                    yield frame
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{self._name}, behind record {row - 1}: cannot be read ({error})."
            ) from error

    def _batches(self) -> Iterator[list[pa.RecordBatch]]:
        waiting: list[pa.RecordBatch] = []
        size_bytes = 0
        for batch in self._file.iter_batches(batch_size=_DECODED_ROWS):
            waiting.append(batch)
            size_bytes += batch.nbytes
            if len(waiting) * _DECODED_ROWS >= BATCH_ROWS or size_bytes > BATCH_BYTES:
                yield waiting
                waiting, size_bytes = [], 0
        if waiting:
            yield waiting

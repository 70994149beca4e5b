"""Which reader reads which format."""

from pipelines.sources.base import (
    LocalContent,
    OpenSource,
    ReadingOptions,
    SourceFile,
    SourceFormat,
    SourceReader,
)
from pipelines.sources.csv_reader import CsvReader
from pipelines.sources.parquet_reader import ParquetReader

READERS: dict[SourceFormat, OpenSource] = {
    SourceFormat.CSV: CsvReader,
    SourceFormat.PARQUET: ParquetReader,
}


def open_source(source: SourceFile, options: ReadingOptions) -> SourceReader:
    """Open a file with the reader of its format.

    Raises:
        SourceError: The file cannot be read.
    """
    return READERS[source.format](LocalContent(source.path), options)

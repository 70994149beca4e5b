"""Which reader reads which format."""

from pipelines.storage.csv_source import CsvSource
from pipelines.storage.parquet_source import ParquetSource
from pipelines.storage.sources import OpenSource, SourceFile, SourceFormat, SourceReader

READERS: dict[SourceFormat, OpenSource] = {
    SourceFormat.CSV: CsvSource,
    SourceFormat.PARQUET: ParquetSource,
}


def open_source(source: SourceFile) -> SourceReader:
    """Open a file with the reader of its format.

    Raises:
        SourceError: The file cannot be read.
    """
    return READERS[source.format](source.path)

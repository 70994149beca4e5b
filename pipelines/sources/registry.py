"""Which reader reads which format."""

from pipelines.sources.arrow_reader import ArrowReader
from pipelines.sources.base import (
    OpenSource,
    ReadingOptions,
    SourceFile,
    SourceFormat,
    SourceReader,
)
from pipelines.sources.contents import open_content
from pipelines.sources.csv_reader import CsvReader
from pipelines.sources.excel_reader import ExcelReader
from pipelines.sources.formats import SNIFFED_BYTES, sniff_format
from pipelines.sources.hive import PartitionedReader
from pipelines.sources.ndjson_reader import NdjsonReader
from pipelines.sources.parquet_reader import ParquetReader

READERS: dict[SourceFormat, OpenSource] = {
    SourceFormat.CSV: CsvReader,
    SourceFormat.PARQUET: ParquetReader,
    SourceFormat.NDJSON: NdjsonReader,
    SourceFormat.ARROW: ArrowReader,
    SourceFormat.EXCEL: ExcelReader,
}


def decide_format(source: SourceFile) -> SourceFormat:
    """Give the format of a source, by a look into it if its name does not tell.

    Raises:
        SourceError: It cannot be read.
    """
    if source.format is not None:
        return source.format
    with open_content(source).open() as file:
        return sniff_format(file.read(SNIFFED_BYTES))


def open_source(source: SourceFile, options: ReadingOptions) -> SourceReader:
    """Open a file with the reader of its format.

    Raises:
        SourceError: The file cannot be read.
    """
    known = decide_format(source)
    reader = READERS[known](open_content(source), options)
    return PartitionedReader(reader, source.partition) if source.partition else reader

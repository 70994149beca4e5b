"""What the tests of CSV share: reading bytes through the reader."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader


def read_bytes(content, **options):
    """Give header, rows (source_row, malformed, *cells) and reading of a file of these bytes."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(content)
        reader = CsvReader(LocalContent(path), ReadingOptions(**options))
        return (
            reader.header,
            [row for frame in reader.read() for row in frame.rows()],
            reader.reading,
        )

"""Mapping suggestion: the first records of a source, the presets, and what is suggested of both."""

from dataclasses import replace

import polars as pl

from pipelines.errors import ConfigurationError, SourceError
from pipelines.mapping_files import list_presets, load_mapping
from pipelines.sources.base import ReadingOptions, SourceFile, SourceReader
from pipelines.sources.cutting import take_rows
from pipelines.sources.finding import find_sources
from pipelines.sources.registry import open_source
from pipelines.suggesting.suggest import suggest
from pipelines.suggesting.suggestion import Suggestion
from schemas.emails import check_emails
from schemas.mapping import Mapping

SAMPLE_ROWS = 10_000
"""Records that are looked at: enough to meet every usual value, and read in a second."""
SAMPLE_BYTES = 64 << 20
"""Bytes of records from which no more are read, however few they are."""
NO_PRESET = "none"
"""What --preset is given for a suggestion from names and values alone."""
LIST_MARK = ";"
"""Written between the values of a list, to look at them like at a cell."""


def suggest_mapping(
    source: str,
    reading: ReadingOptions,
    *,
    preset: str | None = None,
    default_country: str | None = None,
) -> tuple[SourceFile, int, Suggestion]:
    """Suggest a mapping for a source.

    Args:
        source: A file, glob or directory; of several files the first one is looked at.
        reading: How it is written.
        preset: Preset to begin with, `NO_PRESET` for none; found out if None.
        default_country: Country of phone numbers in national form.

    Returns:
        The file, how many of its records were looked at, and the suggestion.

    Raises:
        ConfigurationError: There is no such preset.
        SourceError: The source cannot be read, or has no header.
    """
    presets = load_presets()
    preset = None if preset is None else preset.casefold()
    if preset is not None and preset != NO_PRESET and preset not in presets:
        known = ", ".join(presets)
        raise ConfigurationError(f"There is no preset {preset}. There are: {known}, {NO_PRESET}.")
    file = find_sources([source])[0]
    reader, names = _open(file, reading)
    if names is None:
        _refuse_missing_header(file, reader.header)
    sample = read_sample(reader)
    suggestion = suggest(
        names or reader.header,
        sample,
        presets,
        preset="" if preset == NO_PRESET else preset,
        default_country=default_country,
    )
    if names is not None:
        mapping = suggestion.mapping.model_copy(update={"header": tuple(names)})
        suggestion = Suggestion(mapping, suggestion.columns, suggestion.preset, suggestion.warnings)
    return file, sample.height, suggestion


def load_presets() -> dict[str, Mapping]:
    """Read all presets, by name."""
    presets = {name: load_mapping(name) for name in list_presets()}
    return {name: mapping for name, mapping in presets.items() if mapping is not None}


def read_sample(reader: SourceReader) -> pl.DataFrame:
    """Give the first records as texts, malformed ones left out; one column per header position."""
    columns = [f"c{position}" for position in range(len(reader.header))]
    frames: list[pl.DataFrame] = []
    size_bytes = 0
    for frame in take_rows(reader.read(), SAMPLE_ROWS):
        good = frame.filter(pl.col("malformed").is_null()).select(columns)
        frames.append(good.select(_as_text(name, kind) for name, kind in good.schema.items()))
        size_bytes += int(frame.estimated_size())
        if size_bytes > SAMPLE_BYTES:
            break
    empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.concat([empty, *frames])


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.List):
        return pl.col(name).cast(pl.List(pl.String)).list.join(LIST_MARK, ignore_nulls=True)
    return pl.col(name).cast(pl.String)


def _open(file: SourceFile, reading: ReadingOptions) -> tuple[SourceReader, list[str] | None]:
    """Open a source, and name its columns by their place where it has no header to name them."""
    if reading.has_header or reading.header is not None:
        return open_source(file, reading), None
    width = len(open_source(file, replace(reading, has_header=True)).header)
    names = [f"column_{number}" for number in range(1, width + 1)]
    reader = open_source(file, replace(reading, header=tuple(names)))
    return reader, names if reader.header == names else None  # formats other than CSV name them


def _refuse_missing_header(file: SourceFile, header: list[str]) -> None:
    if check_emails(pl.Series([name.strip() for name in header], dtype=pl.String)).any():
        raise SourceError(
            f"{file.name}: a column is named like an e-mail address, so the first record seems to "
            "be data. Give --no-header if the file has none."
        )

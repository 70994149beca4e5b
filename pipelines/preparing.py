"""Preparing a partition: from records as they came to endpoints ready to be sent.

Maps, normalizes, validates and encodes by the pure steps; what they give is written down.
"""

from collections.abc import Iterable

import polars as pl

from pipelines.settings import ImportSettings
from pipelines.sources.base import SourceFormat
from pipelines.staging import SourceLayout
from pipelines.steps.audience import find_audience
from pipelines.steps.encode import encode
from pipelines.steps.endpoint_rows import (
    drop_explained,
    drop_repeated,
    find_named,
    list_endpoints,
)
from pipelines.steps.map_columns import ColumnPlan, excess_columns, map_columns, plan_columns
from pipelines.steps.normalize import NormalizeParams, normalize
from pipelines.steps.profile import profile
from pipelines.steps.regions import read_regions
from pipelines.steps.result import drop_refused, find_issues, join_issues
from pipelines.steps.swallowed import find_swallowed
from pipelines.steps.undecodable import find_undecodable
from pipelines.steps.validate import ValidateParams, validate
from pipelines.storage.atomic import write_parquet
from pipelines.storage.manifest import PartitionRecord
from pipelines.storage.run_dir import RunDirectory
from schemas import issues
from schemas.columns import CLEAR, NAMED_PREFIXES
from schemas.row_keys import first_key
from schemas.undecoded import write_out_marked


def may_have_excess(sources: Iterable[SourceLayout]) -> bool:
    """Say whether sources name more attributes than the service keeps in one application."""
    names = (name for source in sources for name in _plan(source).names)
    return bool(excess_columns(list(names)))


def _plan(source: SourceLayout) -> ColumnPlan:
    return plan_columns(source.header, source.mapping)


def find_excess(
    run: RunDirectory, sources: list[SourceLayout], parts: list[PartitionRecord]
) -> list[str]:
    """Give the attribute columns with values beyond the limit of names in one application."""
    plans = [_plan(source) for source in sources]
    named = list(dict.fromkeys(name for plan in plans for name in plan.names))
    used: set[str] = set()
    for part in parts:
        frame = map_columns(read_staged(run, part.number), plans[part.input]).frame
        used |= {c for c in frame.columns if c.startswith(NAMED_PREFIXES) and _has_value(frame, c)}
    return excess_columns([name for name in named if name in used])


def _has_value(frame: pl.DataFrame, name: str) -> bool:
    if CLEAR + name in frame.columns and frame[CLEAR + name].any():
        return True
    column = frame[name]
    values = column.explode() if isinstance(column.dtype, pl.List) else column
    return bool(values.str.strip_chars().str.len_bytes().gt(0).any())


def prepare(
    run: RunDirectory,
    part: PartitionRecord,
    source: SourceLayout,
    excess: list[str],
    settings: ImportSettings,
    *,
    with_items: bool,
) -> int:
    """Prepare one staged partition; give the number of its valid endpoints.

    Args:
        run: The run.
        part: The partition.
        source: What it is a slice of.
        excess: What `find_excess` gave.
        settings: The run's settings.
        with_items: Whether its rows are to be sent.
    """
    rows, records, refused = read_records(run, part.number, source)
    plan = _plan(source)
    mapped = map_columns(records, plan)
    del records
    if source.mapping is not None and source.mapping.where:
        write_parquet(mapped.left_out, run.part("left_out", part.number))
        rows = rows.join(mapped.left_out, on="row_key", how="anti", maintain_order="left")
    faults, found, country = mapped.issues, [refused], settings.default_country
    named = find_named(mapped.frame)
    looked_at = [name for name in plan.targets if name in mapped.frame.columns]
    write_parquet(profile(mapped.frame, looked_at), run.part("profiled", part.number))
    # Under one name, so that no more than two of the frames are in memory.
    step = normalize(mapped.frame, NormalizeParams(country, settings.default_channel))
    del mapped
    found += [faults, drop_explained(step.issues, faults)]
    frame = drop_repeated(step.frame)
    ids = frame.select(
        pl.col("row_key").cast(pl.Int64),
        pl.col("Id").alias("endpoint_id"),
        read_regions(frame, country),
        _country(frame),
        *find_audience(frame),
        pl.col("row_key").is_in(named.implode()).alias("has_own_id"),
    )
    rows = list_endpoints(rows, ids)
    step = validate(frame, ValidateParams(settings.phone_check, tuple(excess), country))
    del frame
    found.append(drop_explained(step.issues, faults))
    step = encode(drop_refused(step.frame, faults), with_items=with_items)
    found.append(step.issues)
    # Of an endpoint that another one of its record stands for, nothing is told.
    known = join_issues(found).join(rows, on="row_key", how="semi", maintain_order="left")
    write_parquet(rows, run.part("rows", part.number))
    write_parquet(known, run.part("found", part.number))
    # Last: its presence says that all of them are there.
    write_parquet(step.frame, run.part("prepared", part.number))
    return step.frame.height


def _country(frame: pl.DataFrame) -> pl.Expr:
    name = "Location.Country"
    country = pl.col(name) if name in frame.columns else pl.lit(None)
    return country.cast(pl.String).alias("country")


def read_staged(run: RunDirectory, number: int, *, rows: int | None = None) -> pl.DataFrame:
    """Read the records of a partition, or the first of them, each with its `row_key`."""
    staged = pl.read_parquet(run.part("staged", number), n_rows=rows)
    return staged.with_columns(first_key(pl.col("source_row")).alias("row_key"))


def read_records(
    run: RunDirectory, number: int, source: SourceLayout
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read a staged partition.

    Returns:
        `row_key` of all rows; the records that can be read; issues of those that cannot.
    """
    records = read_staged(run, number)
    rows = records.select("row_key")
    malformed = records.filter(pl.col("malformed").is_not_null())
    text = write_out_marked(pl.col("malformed").str.slice(0, issues.LONGEST_RECORD))
    found = find_issues(malformed, "", issues.RECORD_MALFORMED, text).with_columns(
        pl.lit(None, pl.String).alias("column")
    )
    if not malformed.is_empty():
        records = records.filter(pl.col("malformed").is_null())
    if source.format == SourceFormat.CSV:
        broken = [
            find_swallowed(records, source.header, source.reading.get("delimiter", ",")),
            find_undecodable(records, source.header),
        ]
        found = join_issues([found, *broken])
        records = drop_refused(records, found)
    return rows, records, found

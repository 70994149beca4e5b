"""Tasks: one phase's work on one partition, from files to files.

A task reads what the phase before it left in the run directory, calls the pure steps, and writes
its own file whole. Prefect retries nothing here: who tries again is decided in
`destinations.sender`, and a crashed run is resumed from its files.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import orjson
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines import progress, stopping
from pipelines.destinations.registry import open_destination
from pipelines.destinations.sender import SendCounts, Sender
from pipelines.errors import DestinationError, SourceError
from pipelines.settings import ImportSettings
from pipelines.steps.encode import encode
from pipelines.steps.map_columns import ColumnPlan, excess_columns, map_columns, plan_columns
from pipelines.steps.normalize import NormalizeParams, normalize
from pipelines.steps.outcomes import (
    DELIVERY_SCHEMA,
    settle_delivered,
    settle_partition,
    settle_refused,
)
from pipelines.steps.pack import ItemBuffer, pack_batches
from pipelines.steps.resolve import DECISION_SCHEMA, RUN_ISSUE_SCHEMA, resolve
from pipelines.steps.result import drop_refused, find_issues, join_issues
from pipelines.steps.swallowed import find_swallowed
from pipelines.steps.validate import ValidateParams, validate
from pipelines.storage.atomic import write_json, write_parquet
from pipelines.storage.manifest import InputRecord, Manifest, PartitionRecord, hash_file
from pipelines.storage.registry import open_source
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.sources import (
    SourceFile,
    SourceFormat,
    SourceReader,
    cut_partitions,
    take_rows,
)
from schemas import issues
from schemas.batch import BatchLimits
from schemas.columns import NAMED_PREFIXES
from schemas.masking import looks_personal, mask_text


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging one source left."""

    input: InputRecord
    partitions: list[PartitionRecord]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing one partition found."""

    rows: int
    valid: int


@task(task_run_name="stage-{source.path.name}", cache_policy=NO_CACHE)
def stage_source(
    run: RunDirectory,
    source: SourceFile,
    index: int,
    first_partition: int,
    settings: ImportSettings,
    limit: int | None,
) -> Staged:
    """Read one source into partitions: rows as they came, numbered, malformed ones included.

    Args:
        run: Where the partitions go.
        source: The file.
        index: Which of the run's inputs it is, from 0.
        first_partition: Number of its first partition.
        settings: The run's settings.
        limit: Records to read at most; None for all.

    Raises:
        SourceError: The file cannot be read, or lacks a column that an endpoint needs.
    """
    reader = open_source(source)
    require_columns(source, reader, settings)
    partitions: list[PartitionRecord] = []
    for frame in cut_partitions(take_rows(reader.read(), limit), settings.partition_rows):
        number = first_partition + len(partitions)
        write_parquet(frame, run.part("staged", number))
        partitions.append(PartitionRecord(number=number, input=index, rows=frame.height))
        progress.advance("stage", frame.height)
    record = InputRecord(
        path=source.name,
        format=source.format.value,
        size_bytes=source.path.stat().st_size,
        sha256=hash_file(source.path),
        header=reader.header,
        rows=sum(partition.rows for partition in partitions),
    )
    return Staged(record, partitions)


def require_columns(
    source: SourceFile, reader: SourceReader, settings: ImportSettings
) -> ColumnPlan:
    """Refuse a header that cannot make endpoints.

    Raises:
        SourceError: A needed column is missing, or a column of one value is repeated.
    """
    plan = plan_columns(reader.header)
    other = next((mark for mark in ";\t|" if mark in "".join(reader.header)), None)
    if len(reader.header) == 1 and other is not None:
        raise SourceError(
            f"{source.name} has no column Address: all its columns are one. They seem to be "
            f"separated by {other!r}; export the file with commas."
        )
    shown = [name.strip()[:40] for name in reader.header[:12]]
    found = ", ".join(mask_text(name) if looks_personal(name) else name for name in shown)
    if not plan.positions and any(looks_personal(name) for name in reader.header):
        raise SourceError(
            f"{source.name} seems to have no header: its first line looks like data ({found}). "
            "Add a line with the names of the columns."
        )
    if "Address" not in plan.positions:
        raise SourceError(
            f"{source.name} has no column Address; its columns are: {found}. "
            "Rename the column that holds phone numbers, e-mail addresses or tokens to Address: "
            "one row is one address."
        )
    if "ChannelType" not in plan.positions and settings.default_channel is None:
        raise SourceError(
            f"{source.name} has no column ChannelType; its columns are: {found}. "
            "Add it, or say with --default-channel what all rows are, such as SMS."
        )
    if plan.repeated:
        raise SourceError(
            f"{source.name} has the column {plan.repeated[0]} more than once, but it holds one "
            "value. Only Attributes.* and User.UserAttributes.* may be repeated."
        )
    return plan


@task(task_run_name="count-attribute-names", cache_policy=NO_CACHE)
def find_excess_columns(
    run: RunDirectory, inputs: list[InputRecord], parts: list[PartitionRecord]
) -> list[str]:
    """Give the attribute columns beyond the service's limit of names in one application.

    Only a run whose headers could exceed the limit is read for which columns hold values at all.
    """
    plans = [plan_columns(record.header) for record in inputs]
    named = list(dict.fromkeys(name for plan in plans for name in plan.names))
    if not excess_columns(named):
        return []
    used: set[str] = set()
    for part in parts:
        plan = plans[part.input]
        frame = map_columns(pl.read_parquet(run.part("staged", part.number)), plan)
        used |= {c for c in frame.columns if c.startswith(NAMED_PREFIXES) and _has_value(frame[c])}
    return excess_columns([name for name in named if name in used])


def _has_value(column: pl.Series) -> bool:
    values = column.explode() if isinstance(column.dtype, pl.List) else column
    return bool(values.str.strip_chars().str.len_bytes().gt(0).any())


@task(task_run_name="prepare-{part.number}", cache_policy=NO_CACHE)
def prepare_partition(
    run: RunDirectory,
    part: PartitionRecord,
    source: InputRecord,
    excess: list[str],
    settings: ImportSettings,
) -> Prepared:
    """Map, normalize, validate and encode one partition."""
    staged = pl.read_parquet(run.part("staged", part.number))
    malformed = staged.filter(pl.col("malformed").is_not_null())
    records = staged.filter(pl.col("malformed").is_null())
    swallowed = join_issues([])
    if source.format == SourceFormat.CSV:
        swallowed = find_swallowed(records, source.header)
        records = drop_refused(records, swallowed)
    normalized = normalize(
        map_columns(records, plan_columns(source.header)),
        NormalizeParams(settings.default_country, settings.default_channel),
    )
    validated = validate(normalized.frame, ValidateParams(settings.phone_check, tuple(excess)))
    encoded = encode(validated.frame)
    text = pl.col("malformed").str.slice(0, issues.LONGEST_RECORD)
    found = [
        find_issues(malformed, "", issues.RECORD_MALFORMED, text).with_columns(
            pl.lit(None, pl.String).alias("column")
        ),
        swallowed,
        normalized.issues,
        validated.issues,
        encoded.issues,
    ]
    ids = normalized.frame.select("source_row", pl.col("Id").alias("endpoint_id"))
    rows = staged.select("source_row").join(ids, on="source_row", how="left", maintain_order="left")
    write_parquet(rows, run.part("rows", part.number))
    write_parquet(join_issues(found), run.part("found", part.number))
    write_parquet(encoded.frame, run.part("prepared", part.number))
    progress.advance("prepare", staged.height)
    return Prepared(staged.height, encoded.frame.height)


@task(task_run_name="resolve", cache_policy=NO_CACHE)
def resolve_run(run: RunDirectory, manifest: Manifest) -> int:
    """Decide across all partitions; give the number of valid rows that are refused after all."""
    parts = manifest.partitions
    if parts:
        files = {part.number: manifest.source_of(part.number).path for part in parts}
        resolution = resolve(pl.concat([_read_keys(run, part.number) for part in parts]), files)
        decisions, found = resolution.decisions, resolution.issues
    else:
        decisions, found = DECISION_SCHEMA.to_frame(), RUN_ISSUE_SCHEMA.to_frame()
    write_parquet(found, run.run_issues)
    write_parquet(decisions, run.decisions)
    return decisions.filter(pl.col("outcome") == "invalid").height


def _read_keys(run: RunDirectory, number: int) -> pl.DataFrame:
    columns = ["source_row", "id_key", "channel_type", "address", "user_id", "effective_date"]
    keys = pl.read_parquet(run.part("prepared", number), columns=columns)
    return keys.select(pl.lit(number, pl.Int64).alias("partition"), *columns)


@task(task_run_name="deliver-{part.number}", cache_policy=NO_CACHE)
def deliver_partition(
    run: RunDirectory, part: PartitionRecord, settings: ImportSettings
) -> DestinationError | None:
    """Send one partition; give the error that stopped sending, if one did.

    What was answered is written down in either case.
    """
    sender = open_sender(settings)
    capabilities = sender.destination.capabilities
    items = ItemBuffer(read_sendable(run, part.number)["item"])
    batches = pack_batches(
        items, BatchLimits(capabilities.max_items, capabilities.max_payload_bytes)
    )
    result = sender.deliver(items, batches, lambda count: progress.advance("deliver", count))
    deliveries = pl.DataFrame(
        [asdict(delivery) for delivery in result.deliveries], schema=DELIVERY_SCHEMA
    )
    write_json(asdict(result.counts), run.part("delivered", part.number).with_suffix(".json"))
    write_parquet(deliveries, run.part("delivered", part.number))
    return result.error


def read_sendable(run: RunDirectory, number: int) -> pl.DataFrame:
    """Read the rows of a partition that are to be sent, in order: `source_row` and `item`."""
    prepared = pl.read_parquet(run.part("prepared", number), columns=["source_row", "item"])
    return prepared.join(
        read_decisions(run, number), on="source_row", how="anti", maintain_order="left"
    )


def read_decisions(run: RunDirectory, number: int) -> pl.DataFrame:
    """Read what `resolve` decided about a partition's rows."""
    decisions = pl.scan_parquet(run.decisions).filter(pl.col("partition") == number)
    return decisions.drop("partition").collect()


def renew_sender(settings: ImportSettings) -> Sender:
    """Make the sender of a run that begins: a new one, so that no credentials are left over.

    Raises:
        ConfigurationError: The destination cannot be addressed as set.
    """
    _open_sender.cache_clear()
    return open_sender(settings)


def close_sender(settings: ImportSettings) -> None:
    """Close the run's connections and forget its credentials."""
    open_sender(settings).destination.close()
    _open_sender.cache_clear()


def open_sender(settings: ImportSettings) -> Sender:
    """Give this process's sender for a run: its pace holds over all partitions."""
    return _open_sender(settings.model_dump_json())


@lru_cache(maxsize=1)
def _open_sender(settings_json: str) -> Sender:
    settings = ImportSettings.model_validate_json(settings_json)
    destination = open_destination(
        settings.application,
        endpoint_url=settings.endpoint_url,
        region=settings.region,
        profile=settings.profile,
        is_local=settings.local,
    )
    capabilities = destination.capabilities
    return Sender(
        destination,
        settings.max_in_flight or capabilities.max_in_flight,
        settings.rate or capabilities.requests_per_second,
        should_stop=stopping.is_requested,
    )


@task(task_run_name="settle-{part.number}", cache_policy=NO_CACHE)
def settle_rows(run: RunDirectory, part: PartitionRecord, source_file: str) -> None:
    """Give every row of a partition its outcome."""
    verdicts = [
        settle_refused(pl.read_parquet(run.part("found", part.number))),
        read_decisions(run, part.number),
    ]
    delivered = run.part("delivered", part.number)
    if delivered.is_file():
        sent = read_sendable(run, part.number).select("source_row")
        verdicts.append(settle_delivered(sent, pl.read_parquet(delivered)))
    rows = pl.read_parquet(run.part("rows", part.number))
    write_parquet(settle_partition(rows, verdicts, source_file), run.part("outcomes", part.number))


def read_counts(run: RunDirectory, parts: list[PartitionRecord]) -> SendCounts:
    """Add up what sending took."""
    total = SendCounts()
    for path in _existing(
        run.part("delivered", part.number).with_suffix(".json") for part in parts
    ):
        total.add(SendCounts(**orjson.loads(path.read_bytes())))
    return total


def _existing(paths: Iterator[Path]) -> Iterator[Path]:
    return (path for path in paths if path.is_file())

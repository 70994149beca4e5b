"""Tasks: one phase's work on one partition or shipment, from files to files.

A task reads what the phase before it left in the run directory, calls the pure steps, and writes
its own file whole. A task whose file is there already has nothing to do: so a run that stopped
is resumed. Prefect retries nothing here: who tries again is decided in `destinations.sender`.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Self

import orjson
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines import progress, stopping
from pipelines.errors import DestinationError, EndpointImportError, StorageError
from pipelines.lanes import Lane
from pipelines.preparing import find_excess, prepare
from pipelines.report.results import count_refused
from pipelines.sending import (
    open_sender,
    read_decisions,
    read_sendable,
    read_shipments,
    read_verdicts,
    send_shipment,
    write_shipments,
)
from pipelines.settings import ImportSettings
from pipelines.sources.stamps import SourceStamp
from pipelines.staging import PARTITION_BYTES, SourceLayout, Staged, stage
from pipelines.steps.audience import count_audience
from pipelines.steps.outcomes import (
    fold_endpoints,
    name_endpoints,
    settle_compared,
    settle_partition,
    settle_refused,
)
from pipelines.steps.resolve import describe_decisions, resolve
from pipelines.steps.shipments import PartitionCount, plan_shipments
from pipelines.storage.atomic import count_rows, write_json, write_parquet
from pipelines.storage.manifest import Manifest, PartitionRecord
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.stop_request import is_stop_requested
from pipelines.syncing.comparing import key_present, key_rows
from schemas.mapping import Mapping
from schemas.outcomes import WORST_FIRST, WORST_FIRST_UNSENT, Outcome
from schemas.row_keys import first_key
from schemas.shipments import Shipment, ShipmentSlice


@dataclass(frozen=True, slots=True)
class Resolved:
    """How many valid rows are not sent after all."""

    invalid: int
    others: int

    @classmethod
    def of(cls, decisions: pl.DataFrame) -> Self:
        """Count decisions."""
        invalid = decisions.filter(pl.col("outcome") == Outcome.INVALID.value).height
        return cls(invalid, decisions.height - invalid)


@task(task_run_name="stage-{index}", cache_policy=NO_CACHE)
def stage_source(
    run: RunDirectory,
    stamp: SourceStamp,
    index: int,
    first_partition: int,
    settings: ImportSettings,
    limit: int | None,
    announce: Callable[[PartitionRecord], None],
    mapping: Mapping | None = None,
) -> Staged:
    """Read one source into partitions; see `staging.stage`."""
    return stage(run, stamp, index, first_partition, settings, limit, announce, mapping)


@task(task_run_name="count-attribute-names", cache_policy=NO_CACHE)
def find_excess_columns(
    run: RunDirectory, sources: list[SourceLayout], parts: list[PartitionRecord]
) -> list[str]:
    """Give the attribute columns beyond the limit of names; see `preparing.find_excess`."""
    return find_excess(run, sources, parts)


@task(task_run_name="prepare-{part.number}", cache_policy=NO_CACHE)
def prepare_partition(
    run: RunDirectory,
    part: PartitionRecord,
    source: SourceLayout,
    excess: list[str],
    settings: ImportSettings,
    *,
    with_items: bool,
) -> int | None:
    """Map, normalize, validate and encode one partition.

    Returns:
        The number of its valid rows; None if it was not begun because the run is to stop.
    """
    done = run.part("prepared", part.number)
    if done.is_file():
        progress.skip("prepare", part.rows)
        progress.count("prepare", invalid=count_refused(run, part.number))
        return count_rows([done])
    if stopping.is_requested() or is_stop_requested(run):
        return None
    valid = prepare(run, part, source, excess, settings, with_items=with_items)
    progress.advance("prepare", part.rows)
    progress.count("prepare", invalid=count_refused(run, part.number))
    return valid


@task(task_run_name="resolve", cache_policy=NO_CACHE)
def resolve_run(run: RunDirectory, manifest: Manifest) -> Resolved:
    """Decide across all partitions which rows are not sent."""
    if run.decisions.is_file():
        return Resolved.of(pl.read_parquet(run.decisions, columns=["outcome"]))
    numbers = [part.number for part in manifest.partitions]
    resolution = resolve(numbers, partial(_read_keys, run))
    write_parquet(resolution.issues, run.run_issues)
    write_parquet(resolution.opt_outs, run.opt_outs)
    write_json(asdict(resolution.users), run.users)
    write_parquet(resolution.decisions, run.decisions)
    return Resolved.of(resolution.decisions)


def _read_keys(run: RunDirectory, number: int, columns: Sequence[str]) -> pl.DataFrame:
    return pl.read_parquet(run.part("prepared", number), columns=list(columns))


@task(task_run_name="key-{part.number}", cache_policy=NO_CACHE)
def key_partition(run: RunDirectory, part: PartitionRecord, *, with_present: bool) -> None:
    """Write the rows of a partition down in the order in which they are compared with the state.

    Args:
        run: The run.
        part: The partition.
        with_present: Whether it is asked which Ids stand in it at all.
    """
    if not run.part("keyed", part.number).is_file():
        key_rows(run, part.number)
    if with_present and not run.part("present", part.number).is_file():
        key_present(run, part.number)


@task(task_run_name="pack-shipments", cache_policy=NO_CACHE)
def pack_shipments(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings
) -> list[Shipment]:
    """Decide which partitions are sent together: once, so that positions stay what they were."""
    if run.shipments.is_file():
        return read_shipments(run)
    counts = (
        PartitionCount(part.number, part.rows, len(read_sendable(run, part.number, "row_key")))
        for part in manifest.partitions
    )
    shipments = plan_shipments(counts, settings.partition_rows, PARTITION_BYTES)
    write_shipments(shipments, run)
    return shipments


@task(task_run_name="deliver-{shipment.number}", cache_policy=NO_CACHE)
def deliver_shipment(
    run: RunDirectory, shipment: Shipment, settings: ImportSettings, lane: Lane | None = None
) -> EndpointImportError | None:
    """Send one shipment; give the error that stopped sending, if one did."""
    sender = open_sender(settings, lane)
    if lane is not None:
        sender.hold_back()
    try:
        return send_shipment(run, shipment, sender)
    except StorageError as error:
        sender.stop(error)  # in the other shipments too
        return error
    except Exception as error:
        sender.stop(DestinationError(f"Sending stopped at an unexpected {type(error).__name__}."))
        raise


@task(task_run_name="settle-{part.number}", cache_policy=NO_CACHE)
def settle_rows(
    run: RunDirectory,
    part: PartitionRecord,
    place: ShipmentSlice | None,
    packed_files: bytes,
    endpoint_names: tuple[str, ...],
    *,
    sends: bool,
) -> pl.DataFrame:
    """Give every endpoint of a partition its outcome, and every row; count the endpoints.

    Args:
        run: The run.
        part: The partition.
        place: Where its due rows are in a shipment; None if it has none, or nothing was to be sent.
        packed_files: Name of the file that each partition of the run is a slice of, as JSON:
            Prefect would look through anything else, for each partition again.
        endpoint_names: What the mapping calls the endpoints of a row, if they are several.
        sends: Whether the run is to send.

    Returns:
        In the shape of `steps.audience.AUDIENCE_SCHEMA`.
    """
    source_files = {int(number): name for number, name in orjson.loads(packed_files).items()}
    verdicts = []
    if run.part("prepared", part.number).is_file():
        rows = pl.read_parquet(run.part("rows", part.number))
        verdicts.append(settle_refused(pl.read_parquet(run.part("found", part.number))))
    else:  # the run stopped before
        staged = pl.read_parquet(run.part("staged", part.number), columns=["source_row"])
        rows = staged.select(
            first_key(pl.col("source_row")).alias("row_key"),
            pl.lit(None, pl.String).alias("endpoint_id"),
        )
    if run.decisions.is_file():
        verdicts.append(describe_decisions(read_decisions(run, part.number), source_files))
        if run.comparison.is_file():
            verdicts.append(settle_compared(pl.read_parquet(run.part("compared", part.number))))
    if place is not None:
        verdicts.append(read_verdicts(run, part.number, place))
    source_file = source_files[part.number]
    endpoints = settle_partition(rows, verdicts, source_file)
    if endpoint_names:
        named = name_endpoints(endpoints, source_file, endpoint_names)
        write_parquet(named, run.part("endpoints", part.number))
    worst_first = WORST_FIRST if sends else WORST_FIRST_UNSENT
    folded = fold_endpoints(endpoints, source_file, worst_first)
    write_parquet(folded, run.part("outcomes", part.number))
    return count_audience(rows, endpoints["outcome"])

"""Sending a shipment: from prepared rows through the sender into the log of answers.

The log is what a killed run remembers of a shipment: batches whose answer stands in it are not
sent again.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from pipelines import progress, stopping
from pipelines.destinations.base import Destination
from pipelines.destinations.delivery import Delivery, SendCounts
from pipelines.destinations.pinpoint import PinpointDestination
from pipelines.destinations.pinpoint_calls import read_born
from pipelines.destinations.registry import open_destination
from pipelines.destinations.sender import Sender
from pipelines.errors import BooksError, EndpointImportError, RunStateError
from pipelines.lanes import Lane
from pipelines.settings import ImportSettings
from pipelines.steps.cut_timeline import count_ticks
from pipelines.steps.encode import drop_known_opt_ins, opt_out_items
from pipelines.steps.outcomes import DELIVERY_SCHEMA, settle_delivered
from pipelines.steps.pack import ItemBuffer, pack_batches
from pipelines.steps.shipments import cut_deliveries
from pipelines.storage.answer_log import AnswerLog, read_answers
from pipelines.storage.atomic import write_json
from pipelines.storage.run_dir import RunDirectory, read_number
from pipelines.storage.stop_request import StopWatch
from schemas.batch import BatchLimits
from schemas.outcomes import Outcome
from schemas.shipments import Shipment, ShipmentSlice
from schemas.sync import DUE

TOLD_COUNTS = ("requests", "retries", "throttled")
"""What is told of sending while it goes on, besides the answers."""
MOST_SENDERS = 64
"""Senders that are kept, which is what a run needs: one, or on a worker one per lane."""
_COUNT_NAMES = tuple(field.name for field in fields(SendCounts))
_ANSWER_SCHEMA = pl.Schema(
    {"at": pl.Float64, "endpoints": pl.Int64, **dict.fromkeys(_COUNT_NAMES, pl.Int64)}
)
"""One answer: when it came, in seconds since the epoch, and what it counts for."""


def write_shipments(shipments: Iterable[Shipment], run: RunDirectory) -> None:
    """Write down what is sent together: positions in the logs mean something only by it."""
    write_json([asdict(shipment) for shipment in shipments], run.shipments)


def read_shipments(run: RunDirectory) -> list[Shipment]:
    """Read what is sent together; nothing if the run was not about to send yet."""
    if not run.shipments.is_file():
        return []
    return [
        Shipment(each["number"], tuple(each["partitions"]), tuple(each["due"]))
        for each in orjson.loads(run.shipments.read_bytes())
    ]


def send_shipment(
    run: RunDirectory, shipment: Shipment, sender: Sender
) -> EndpointImportError | None:
    """Send what is not answered yet; give the error that stopped sending, if one did.

    Raises:
        BooksError: Sending came to its end with items that have no answer.
        RunStateError: The log is about other items, or the run has other rows to send by now.
        StorageError: The log cannot be opened.
    """
    if sender.error is not None:
        return sender.error
    path = run.answers(shipment.number)
    logged = read_answers(path)
    if logged.is_complete:
        progress.skip("deliver", count_answered(logged.records))
        tell_counts(logged.records)
        return None
    sender.find_taken = partial(find_taken, run)
    items = ItemBuffer(map(partial(_read_items, run), shipment.partitions, shipment.due))
    return send_items(items, path, sender)


def send_items(
    items: ItemBuffer, path: Path, sender: Sender, phase: str = "deliver"
) -> EndpointImportError | None:
    """Send what has no answer in a log yet; give the error that stopped sending, if one did.

    Args:
        items: What is to be sent; the same as in every attempt before.
        path: The log.
        sender: What sends.
        phase: What the listener to progress is told that goes on.

    Raises:
        BooksError: Sending came to its end with items that have no answer.
        RunStateError: The log is about other items.
        StorageError: The log cannot be opened.
    """
    log = AnswerLog.open(path, {"items": len(items), "crc32": items.crc32()})
    answered = {position for span in _answered(log.records) for position in span}
    progress.skip(phase, len(answered))
    tell_counts(log.records, phase)
    left = len(items) - len(answered)

    def note(deliveries: Sequence[Delivery], counts: SendCounts) -> None:
        nonlocal left
        record = {
            "at": round(time.time(), 3),
            "deliveries": [astuple(delivery) for delivery in deliveries],
            "counts": {name: count for name, count in asdict(counts).items() if count},
        }
        log.append(record)
        tell_counts([record], phase)
        left -= sum(delivery.stop - delivery.start for delivery in deliveries)

    capabilities = sender.destination.capabilities
    limits = BatchLimits(capabilities.max_items, capabilities.max_payload_bytes)
    error: EndpointImportError | None = None
    try:
        error = sender.deliver(
            items,
            pack_batches(items, limits),
            note,
            answered=answered,
            on_batch=lambda count: progress.advance(phase, count),
        )
    finally:
        log.close(complete=left == 0)
    if error is None and left != 0:
        raise BooksError(f"{path}: {left} of {len(items)} items got no single answer.")
    return error


def _read_items(run: RunDirectory, number: int, due: int) -> pl.Series:
    items = read_sendable(run, number, "item")
    if len(items) != due:
        raise RunStateError(
            f"{run.show(run.shipments)} tells of other items than the run has now: files of the "
            "run were changed. Start a new run."
        )
    return items


def find_taken(run: RunDirectory) -> bytes | None:
    """Find an item of the run that the service has taken, in any shipment."""
    shipments = {shipment.number: shipment for shipment in read_shipments(run)}
    for log in run.list_files("delivered", ".log"):
        for record in read_answers(log).records:
            for start, _, outcome, *_ in record["deliveries"]:
                if outcome == Outcome.ACCEPTED.value:
                    return _read_item(run, shipments[read_number(log)], start)
    return None


def _read_item(run: RunDirectory, shipment: Shipment, position: int) -> bytes:
    number, place = next(
        (number, place)
        for number, place in shipment.slices()
        if place.stop is None or position < place.stop
    )
    return str(read_sendable(run, number, "item")[position - place.start]).encode()


def count_answered(records: Iterable[Mapping[str, Any]]) -> int:
    """Count the items that have an answer in records of a log."""
    return sum(map(len, _answered(records)))


def tell_counts(records: Iterable[Mapping[str, Any]], phase: str = "deliver") -> None:
    """Tell the listener to progress what records of a log say of answers and requests."""
    total: Counter[str] = Counter()
    for record in records:
        for start, stop, outcome, *_ in record["deliveries"]:
            total[outcome] += stop - start
        total.update({name: record["counts"].get(name, 0) for name in TOLD_COUNTS})
    progress.count(phase, **{name: count for name, count in total.items() if count})


def _answered(records: Iterable[Mapping[str, Any]]) -> Iterable[range]:
    return (range(start, stop) for r in records for start, stop, *_ in r["deliveries"])


def read_deliveries(run: RunDirectory, number: int) -> pl.DataFrame:
    """Read the answers for a shipment, in the shape of `DELIVERY_SCHEMA`; none if never sent."""
    return read_delivery_log(run.answers(number))


def read_verdicts(run: RunDirectory, number: int, place: ShipmentSlice) -> pl.DataFrame:
    """Read what the service answered for each due row of a partition that it answered for.

    Args:
        run: The run.
        number: Of the partition.
        place: Where its due rows are in a shipment.
    """
    sent = read_sendable(run, number, "row_key").to_frame()
    answers = cut_deliveries(read_deliveries(run, place.shipment), place)
    return settle_delivered(sent, answers)


def read_delivery_log(path: Path) -> pl.DataFrame:
    """Read the answers in a log, in the shape of `DELIVERY_SCHEMA`; none if there is no log."""
    records = read_answers(path).records
    rows = [delivery for record in records for delivery in record["deliveries"]]
    return pl.DataFrame(rows, schema=DELIVERY_SCHEMA, orient="row")


def read_counts(run: RunDirectory) -> SendCounts:
    """Add up what sending and retiring took, over all attempts."""
    return sum_counts(read_ticks(run))


def read_ticks(run: RunDirectory) -> pl.DataFrame:
    """Read what sending and retiring took, over all attempts, by the tick of each answer.

    Requests in flight when a process was killed are in no log, and so not counted.

    Returns:
        `tick`, which may repeat and is null in logs of versions that did not note the time, and
        counts: `endpoints` that got an answer, and those of `SendCounts`.
    """
    logs = [log for folder in ("delivered", "gone") for log in run.list_files(folder, ".log")]
    return pl.concat([count_ticks(_ANSWER_SCHEMA.to_frame()), *map(_read_ticks, logs)])


def _read_ticks(log: Path) -> pl.DataFrame:
    records = read_answers(log).records
    spans = [sum(stop - start for start, stop, *_ in r["deliveries"]) for r in records]
    counts = {name: [r["counts"].get(name, 0) for r in records] for name in _COUNT_NAMES}
    at = [record.get("at") for record in records]
    return count_ticks(pl.DataFrame({"at": at, "endpoints": spans, **counts}, _ANSWER_SCHEMA))


def sum_counts(ticks: pl.DataFrame) -> SendCounts:
    """Add up what `read_ticks` gave."""
    return SendCounts(**{name: int(ticks[name].sum()) for name in _COUNT_NAMES})


def read_sendable(run: RunDirectory, number: int, column: str) -> pl.Series:
    """Read a column of the rows of a partition that are due, in order.

    Nobody else decides which rows those are, and what their items say.
    """
    columns = list(dict.fromkeys(["row_key", column]))
    prepared = pl.read_parquet(run.part("prepared", number), columns=columns)
    if column == "item":
        prepared = _keep_opt_outs(run, number, prepared)
    kept_back = read_decisions(run, number).select("row_key")
    if run.comparison.is_file():
        compared = pl.read_parquet(run.part("compared", number))
        if column == "item":
            prepared = _drop_known_opt_ins(prepared, compared)
        is_due = pl.col("standing").is_in([int(standing) for standing in DUE])
        kept_back = pl.concat([kept_back, compared.filter(~is_due).select("row_key")])
    if not kept_back.is_empty():
        prepared = prepared.join(kept_back, on="row_key", how="anti", maintain_order="left")
    return prepared[column]


def _drop_known_opt_ins(prepared: pl.DataFrame, compared: pl.DataFrame) -> pl.DataFrame:
    """Let items not say again what the service accepted: whoever opted out there since stays so."""
    known = compared.filter("is_known_opt_in")["row_key"]
    if known.is_empty():
        return prepared
    is_known = prepared["row_key"].is_in(known.implode())
    return prepared.with_columns(drop_known_opt_ins(prepared["item"], is_known))


def _keep_opt_outs(run: RunDirectory, number: int, prepared: pl.DataFrame) -> pl.DataFrame:
    """Let the items of rows that a duplicate opts out say so."""
    kept = pl.scan_parquet(run.opt_outs).filter(pl.col("partition") == number).collect()
    if kept.is_empty():
        return prepared
    is_kept = prepared["row_key"].is_in(kept["row_key"].implode())
    return prepared.with_columns(
        prepared["item"].zip_with(~is_kept, opt_out_items(prepared["item"]))
    )


def read_decisions(run: RunDirectory, number: int) -> pl.DataFrame:
    """Read what `resolve` decided about a partition's rows."""
    decisions = pl.scan_parquet(run.decisions).filter(pl.col("partition") == number)
    return decisions.drop("partition").collect()


def application_born(destination: Destination) -> str | None:
    """Give when the service made the application, if it is one that says so."""
    return read_born(destination) if isinstance(destination, PinpointDestination) else None


def connect(settings: ImportSettings) -> PinpointDestination:
    """Make the destination that the settings mean; nothing is sent.

    Raises:
        ConfigurationError: It cannot be addressed as set.
    """
    return open_destination(
        settings.application,
        endpoint_url=settings.endpoint_url,
        region=settings.region,
        profile=settings.profile,
        is_local=settings.local,
    )


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


def open_sender(settings: ImportSettings, lane: Lane | None = None) -> Sender:
    """Give this process's sender for a run or a lane of it: its pace holds over all shipments."""
    return _open_sender(settings.model_dump_json(), lane)


@lru_cache(maxsize=MOST_SENDERS)
def _open_sender(settings_json: str, lane: Lane | None) -> Sender:
    settings = ImportSettings.model_validate_json(settings_json)
    destination = connect(settings)
    capabilities = destination.capabilities
    if lane is not None:
        return Sender(
            destination,
            lane.max_in_flight,
            lane.requests_per_second,
            should_stop=StopWatch(lane.run, lane.owner).is_requested,
        )
    return Sender(
        destination,
        settings.max_in_flight or capabilities.max_in_flight,
        settings.rate or capabilities.requests_per_second,
        should_stop=stopping.is_requested,
        note=progress.note,
    )

"""Retiring: what mirror does with endpoints that are gone from the source, after all else was sent.

The compare phase writes their records into files of the run directory. Each file is sent like a
partition, and its log of answers is what a killed run remembers of it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl

from pipelines import progress, stopping
from pipelines.destinations.base import Capabilities
from pipelines.destinations.delivery import SendCounts
from pipelines.destinations.pinpoint_calls import DeletingDestination
from pipelines.destinations.sender import Sender
from pipelines.errors import EndpointImportError
from pipelines.sending import (
    connect,
    count_logged,
    find_taken,
    open_sender,
    read_delivery_log,
    send_items,
)
from pipelines.settings import ImportSettings
from pipelines.steps.outcomes import settle_delivered, settle_partition
from pipelines.steps.pack import ItemBuffer
from pipelines.steps.retire import retire_items
from pipelines.storage.answer_log import read_answers
from pipelines.storage.atomic import replacing
from pipelines.storage.run_dir import RunDirectory, read_number
from schemas.outcomes import Outcome
from schemas.sync import RetirePolicy
from schemas.undecoded import replace_marked

REMOVAL_COLUMNS = (
    *("Id", "User.UserId", "_accepted_at", "_accepted_by_run"),
    *("_policy", "_outcome", "_message"),
)
GONE_ROWS = 50_000
"""Records in one file of gone endpoints, at the most."""
TO_RETIRE = "to retire"
"""What removals.csv says of an endpoint before anything was sent."""
FATES = {
    Outcome.ACCEPTED.value: "retired",
    Outcome.REJECTED.value: "refused",
    Outcome.UNPROCESSED.value: "not done",
}
"""What removals.csv says of one later."""


@dataclass(frozen=True, slots=True)
class RemovalCounts:
    """What became of the endpoints that are gone."""

    to_retire: int
    """All of them."""
    retired: int
    refused: int
    not_done: int


def retire_gone(run: RunDirectory, settings: ImportSettings) -> EndpointImportError | None:
    """Retire what is gone and has no answer yet; give the error that stopped it, if one did.

    Raises:
        BooksError: It came to its end with endpoints that have no answer.
        RunStateError: A log is about other endpoints.
        StorageError: A log cannot be opened.
    """
    if settings.retire is not RetirePolicy.DELETE:
        return send_retirements(run, settings.retire, open_sender(settings))
    if (error := open_sender(settings).error) is not None:
        return error
    sender = _open_deleting_sender(settings)
    try:
        return send_retirements(run, settings.retire, sender)
    finally:
        sender.destination.close()


def send_retirements(
    run: RunDirectory, policy: RetirePolicy, sender: Sender
) -> EndpointImportError | None:
    """Do what `retire_gone` does, by a sender to a destination that takes this policy's items."""
    sender.find_taken = partial(_find_taken, run, policy)
    for number in list_gone(run):
        if sender.error is not None:
            return sender.error
        log = run.retired(number)
        gone = read_gone(run, number)
        if read_answers(log).is_complete:
            progress.skip("retire", gone.height)
            continue
        items = ItemBuffer([retire_items(gone, policy)])
        if (error := send_items(items, log, sender, "retire")) is not None:
            return error
    return None


def _open_deleting_sender(settings: ImportSettings) -> Sender:
    """Make a sender of deletes, whose pace is their own: quotas hold for each operation."""
    destination = DeletingDestination(connect(settings))
    capabilities = destination.capabilities
    most = settings.max_in_flight or capabilities.max_in_flight
    return Sender(
        destination,
        min(most, capabilities.max_in_flight),
        delete_rate(settings, capabilities),
        should_stop=stopping.is_requested,
    )


def delete_rate(settings: ImportSettings, capabilities: Capabilities) -> float | None:
    """Give the pace of deletes: the quota, or --rate where that is less or no quota is known."""
    rates = (settings.rate, capabilities.requests_per_second)
    return min((rate for rate in rates if rate is not None), default=None)


def _find_taken(run: RunDirectory, policy: RetirePolicy) -> bytes | None:
    """Find an item that the service has taken, to see whether it still takes any."""
    for number in list_gone(run):
        answers = read_delivery_log(run.retired(number))
        taken = answers.filter(pl.col("outcome") == Outcome.ACCEPTED.value)
        if not taken.is_empty():
            items = retire_items(read_gone(run, number), policy)
            return str(items[taken["start"][0]]).encode()
    # A row that was sent must never come to what deletes.
    return None if policy is RetirePolicy.DELETE else find_taken(run)


def list_gone(run: RunDirectory) -> list[int]:
    """Give the numbers of the files of gone endpoints."""
    return [read_number(path) for path in run.list_files("gone", ".parquet")]


def read_gone(run: RunDirectory, number: int) -> pl.DataFrame:
    """Read one of these files, in the shape of `RECORD_SCHEMA`."""
    return pl.read_parquet(run.part("gone", number))


def read_retired(run: RunDirectory, policy: RetirePolicy) -> Iterator[pl.DataFrame]:
    """Read what became of the gone endpoints, a frame for each file, in its order.

    An endpoint that was perhaps never sent (no 202 is known) and is refused was never there: only
    an endpoint that the service does not have needs more than an update of its opt-out or status.
    It counts as accepted.

    Returns:
        Columns of `RECORD_SCHEMA`, and `outcome`, `message` and `request_id` of the retirement:
        accepted, rejected or unprocessed.
    """
    for number in list_gone(run):
        gone = read_gone(run, number).with_row_index("row_key").cast({"row_key": pl.Int64})
        log = run.retired(number)
        settled = settle_delivered(gone.select("row_key"), read_delivery_log(log))
        told = settle_partition(gone.select("row_key", "endpoint_id"), [settled], str(log))
        was_never_there = (
            pl.lit(policy is not RetirePolicy.DELETE)
            & (pl.col("outcome") == Outcome.REJECTED.value)
            & pl.col("accepted_at").is_null()
        )
        yield pl.concat(
            [gone.drop("row_key"), told.select("outcome", "message", "request_id")],
            how="horizontal",
        ).with_columns(
            pl.when(was_never_there)
            .then(pl.lit(Outcome.ACCEPTED.value))
            .otherwise("outcome")
            .alias("outcome")
        )


def count_retire_requests(run: RunDirectory) -> SendCounts:
    """Add up what retiring took, over all attempts."""
    return count_logged(run.retired(number) for number in list_gone(run))


def write_removals(
    run: RunDirectory, policy: RetirePolicy, *, is_stopped: bool = False
) -> RemovalCounts:
    """Write removals.csv: every endpoint that is gone from the source, and what became of it.

    Args:
        run: The run.
        policy: What was to become of them.
        is_stopped: A guard stopped the run before anything was sent.

    Raises:
        StorageError: It cannot be written.
    """
    counts: Counter[str] = Counter()
    with replacing(run.removals) as temporary, temporary.open("wb") as file:
        pl.DataFrame(schema=dict.fromkeys(REMOVAL_COLUMNS, pl.String)).write_csv(file)
        for retired in read_retired(run, policy):
            fate = pl.lit(TO_RETIRE) if is_stopped else pl.col("outcome").replace_strict(FATES)
            told = retired.with_columns(fate=fate)
            counts.update(dict(told.group_by("fate").len().rows()))
            replace_marked(_arrange(told, policy)).write_csv(file, include_header=False)
    return RemovalCounts(
        to_retire=counts.total(),
        retired=counts[FATES[Outcome.ACCEPTED.value]],
        refused=counts[FATES[Outcome.REJECTED.value]],
        not_done=counts[FATES[Outcome.UNPROCESSED.value]],
    )


def _arrange(told: pl.DataFrame, policy: RetirePolicy) -> pl.DataFrame:
    accepted_at = pl.col("accepted_at").dt.to_string("%Y-%m-%dT%H:%M:%SZ")
    fields = ("endpoint_id", "user_id", accepted_at, "run_id", pl.lit(policy.value), "fate")
    return told.select(**dict(zip(REMOVAL_COLUMNS, (*fields, "message"), strict=True)))

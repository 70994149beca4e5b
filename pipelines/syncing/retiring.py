"""Retiring: what mirror does with endpoints that are gone from the source, after all else was sent.

The compare phase writes their records into files of the run directory. Each file is sent like a
partition, and its log of answers is what a killed run remembers of it.
"""

from functools import partial

import polars as pl

from pipelines import progress, stopping
from pipelines.destinations.pinpoint_calls import DeletingDestination
from pipelines.destinations.sender import Sender
from pipelines.destinations.throttle import lower_rate
from pipelines.errors import EndpointImportError
from pipelines.sending import (
    connect,
    find_taken,
    open_sender,
    read_delivery_log,
    send_items,
)
from pipelines.settings import ImportSettings
from pipelines.steps.pack import ItemBuffer
from pipelines.steps.retire import retire_items
from pipelines.storage.answer_log import read_answers
from pipelines.storage.run_dir import RunDirectory, read_number
from schemas.outcomes import Outcome
from schemas.sync import RetirePolicy

GONE_ROWS = {
    RetirePolicy.OPTOUT: 50_000,
    RetirePolicy.INACTIVE: 50_000,
    RetirePolicy.DELETE: 5_000,
}
"""Records in one file of gone endpoints, at the most. Each delete is a line of its log, which is
uploaded whole every few seconds where the run is on S3."""


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
        lower_rate(settings.rate, capabilities.requests_per_second),
        should_stop=stopping.is_requested,
        note=progress.note,
    )


def retire_rate(settings: ImportSettings) -> float | None:
    """Give the requests per second by which endpoints are retired; None for no known limit.

    Raises:
        ConfigurationError: The destination cannot be addressed as set.
    """
    if settings.retire is not RetirePolicy.DELETE:
        return open_sender(settings).requests_per_second
    destination = DeletingDestination(connect(settings))
    try:
        return lower_rate(settings.rate, destination.capabilities.requests_per_second)
    finally:
        destination.close()


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

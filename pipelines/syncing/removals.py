"""Removals: the books of the endpoints that are gone from the source, and removals.csv."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipelines.report.row_files import BYTE_ORDER_MARK
from pipelines.sending import read_delivery_log
from pipelines.steps.outcomes import settle_delivered, settle_partition
from pipelines.storage.atomic import replacing
from pipelines.storage.run_dir import RunDirectory
from pipelines.syncing.retiring import list_gone, read_gone
from schemas.outcomes import Outcome
from schemas.sync import RetirePolicy
from schemas.undecoded import replace_marked

REMOVAL_COLUMNS = (
    *("Id", "User.UserId", "_accepted_at", "_accepted_by_run"),
    *("_policy", "_outcome", "_message"),
)
NOT_THERE = "Missing "
"""How the service refuses an update of an endpoint that it does not have: it lacks what a new one
needs."""
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

    to_retire: int = 0
    """All of them."""
    retired: int = 0
    refused: int = 0
    not_done: int = 0


def read_retired(run: RunDirectory, policy: RetirePolicy) -> Iterator[pl.DataFrame]:
    """Read what became of the gone endpoints, a frame for each file, in its order.

    The service refuses an update of what it does not have (`Missing Address`): somebody else has
    deleted it, or it never was there, if no 202 is known. That counts as accepted.

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
            & (pl.col("accepted_at").is_null() | pl.col("message").str.starts_with(NOT_THERE))
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
        file.write(BYTE_ORDER_MARK)
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

"""Resolve: what can only be decided with the rows of the whole run side by side.

Works on the keys of valid rows: `partition source_row id_key channel_type address user_id
effective_date`; partitions are numbered in the order of the input, so (partition, source_row) is
file order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.steps.result import FOUND_SCHEMA, find_issues
from schemas import issues, limits
from schemas.channels import EVICTING_CHANNELS
from schemas.outcomes import Outcome

KEY_COLUMNS = (
    "partition",
    "source_row",
    "id_key",
    "channel_type",
    "address",
    "user_id",
    "effective_date",
)
"""What `resolve` needs of every valid row."""
DECISION_SCHEMA = pl.Schema(
    {
        "partition": pl.Int64,
        "source_row": pl.Int64,
        "outcome": pl.String,
        "code": pl.String,
        "message": pl.String,
    }
)
"""A row that is not sent, and why."""
RUN_ISSUE_SCHEMA = pl.Schema([("partition", pl.Int64()), *FOUND_SCHEMA.items()])
"""An issue as `resolve` finds it: as the other steps do, with its partition."""
_ORDER = ("partition", "source_row")


@dataclass(frozen=True, slots=True)
class Resolution:
    """Decisions and issues of one run."""

    decisions: pl.DataFrame
    """Rows that are not sent, in the shape of `DECISION_SCHEMA`; a row stands here once."""
    issues: pl.DataFrame
    """Errors and warnings across rows, in the shape of `RUN_ISSUE_SCHEMA`."""


def resolve(keys: pl.DataFrame, source_files: Mapping[int, str]) -> Resolution:
    """Decide duplicates, then look at shared addresses and endpoints per user among the winners.

    Args:
        keys: `KEY_COLUMNS` of the valid rows.
        source_files: Name of the file that each partition is a slice of, for messages.
    """
    duplicates = find_duplicates(keys, source_files)
    winners = keys.join(duplicates.select(_ORDER), on=_ORDER, how="anti", maintain_order="left")
    over_limit = find_user_excess(winners)
    refused = over_limit.filter(pl.col("code") == issues.USER_ENDPOINTS_OVER.code).select(
        *_ORDER,
        pl.lit(Outcome.INVALID.value).alias("outcome"),
        "code",
        pl.lit(issues.USER_ENDPOINTS_OVER.message).alias("message"),
    )
    remaining = winners.join(refused.select(_ORDER), on=_ORDER, how="anti", maintain_order="left")
    found = pl.concat([over_limit, find_shared_addresses(remaining)]).cast(RUN_ISSUE_SCHEMA)
    decisions = pl.concat([duplicates, refused.cast(DECISION_SCHEMA)])
    return Resolution(decisions.sort(_ORDER), found.sort(*_ORDER, "column", "code"))


def find_duplicates(keys: pl.DataFrame, source_files: Mapping[int, str]) -> pl.DataFrame:
    """Find the rows that lose to another row with their Id.

    The latest EffectiveDate wins, a row without one loses to any with one; else the last in file
    order wins.
    """
    repeated = keys.filter(pl.col("id_key").is_duplicated())
    # Normalized dates are texts of equal form, so their order is the order of time.
    by_id = repeated.sort("effective_date", *_ORDER, nulls_last=False)
    winner = pl.struct(_ORDER).last().over("id_key")
    return (
        by_id.with_columns(winner.alias("winner"))
        .filter(pl.struct(_ORDER) != pl.col("winner"))
        .select(
            *_ORDER,
            pl.lit(Outcome.DUPLICATE.value).alias("outcome"),
            pl.lit(issues.DUPLICATE_ID).alias("code"),
            pl.format(
                "Row {} of {} has the same Id and won.",
                pl.col("winner").struct.field("source_row"),
                pl.col("winner")
                .struct.field("partition")
                .replace_strict(dict(source_files), default="the input", return_dtype=pl.String),
            ).alias("message"),
        )
        .cast(DECISION_SCHEMA)
    )


def find_shared_addresses(winners: pl.DataFrame) -> pl.DataFrame:
    """Find rows whose address a later row with another Id takes over.

    The service deactivates the endpoint that had the address before (API reference, Endpoint).
    """
    shared = winners.filter(pl.struct("channel_type", "address").is_duplicated())
    last = pl.struct(_ORDER).last().over("channel_type", "address")
    older = shared.sort(_ORDER).filter(pl.struct(_ORDER) != last)
    return _find(older, "Address", issues.ADDRESS_SHARED, pl.col("address"))


def find_user_excess(winners: pl.DataFrame) -> pl.DataFrame:
    """Find rows beyond the service's endpoints per user, in file order.

    A push endpoint over the limit displaces the user's oldest push endpoint, if there is one;
    any other is refused. Endpoints that are stored already are not known here: this is a lower
    bound. Source: developer guide, audience-define-auto-inactive.
    """
    limit = limits.USER_ENDPOINTS.value
    users = winners.filter(pl.col("user_id").is_not_null())
    crowded = users.filter(pl.len().over("user_id") > limit).sort(_ORDER)
    ranked = crowded.with_columns(
        rank=pl.int_range(1, pl.len() + 1).over("user_id"),
        evicts=pl.col("channel_type").is_in(sorted(EVICTING_CHANNELS)),
    )
    has_push = (pl.col("evicts") & (pl.col("rank") <= limit)).any().over("user_id")
    over = ranked.with_columns(displaces=pl.col("evicts") & has_push).filter(pl.col("rank") > limit)
    user = pl.col("user_id")
    return pl.concat(
        [
            _find(over.filter("displaces"), "User.UserId", issues.USER_ENDPOINT_DISPLACES, user),
            _find(
                over.filter(~pl.col("displaces")), "User.UserId", issues.USER_ENDPOINTS_OVER, user
            ),
        ]
    )


def _find(frame: pl.DataFrame, column: str, kind: issues.IssueKind, value: pl.Expr) -> pl.DataFrame:
    found = find_issues(frame, column, kind, value)
    return frame.select(pl.col("partition").cast(pl.Int64)).hstack(found)

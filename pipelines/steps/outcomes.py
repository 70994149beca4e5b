"""Outcomes: give every row of a partition exactly one, and count them."""

from collections.abc import Iterable

import polars as pl

from pipelines.errors import BooksError
from pipelines.steps.result import ERROR_CODES
from schemas.issues import ISSUE_KINDS
from schemas.outcomes import OUTCOME_SCHEMA, Outcome

DELIVERY_SCHEMA = pl.Schema(
    {
        "start": pl.Int64,
        "stop": pl.Int64,
        "outcome": pl.String,
        "code": pl.String,
        "message": pl.String,
        "request_id": pl.String,
    }
)
"""An answer of the service for the items at positions `start` to `stop` (exclusive)."""
_VERDICT = ("outcome", "code", "message", "request_id")


def settle_refused(issues: pl.DataFrame) -> pl.DataFrame:
    """Make `invalid` of the rows that have errors, one line a row, with the first error's code."""
    errors = issues.filter(pl.col("code").is_in(ERROR_CODES) & pl.col("source_row").is_not_null())
    texts = {code: kind.message for code, kind in ISSUE_KINDS.items()}
    return errors.group_by("source_row", maintain_order=True).agg(
        pl.lit(Outcome.INVALID.value).alias("outcome"),
        pl.col("code").first(),
        pl.col("code").first().replace_strict(texts, default=None).alias("message"),
    )


def settle_delivered(sent: pl.DataFrame, deliveries: pl.DataFrame) -> pl.DataFrame:
    """Spread the service's answers over the rows that the requests held.

    Args:
        sent: `source_row` of the items of the partition, in the order of their positions.
        deliveries: Answers in the shape of `DELIVERY_SCHEMA`; their positions do not overlap.
    """
    return (
        deliveries.filter(pl.col("stop") > pl.col("start"))
        .with_columns(position=pl.int_ranges("start", "stop"))
        .explode("position", empty_as_null=False)
        # An answer for what was not sent gets a null row, at which `settle_partition` stops.
        .join(
            sent.with_row_index("position").cast({"position": pl.Int64}),
            on="position",
            how="left",
            maintain_order="left",
        )
        .select("source_row", *_VERDICT)
    )


def settle_partition(
    rows: pl.DataFrame, verdicts: Iterable[pl.DataFrame], source_file: str
) -> pl.DataFrame:
    """Give every row its outcome; rows without a verdict are `unprocessed`.

    Args:
        rows: `source_row` of every record of the partition and its `endpoint_id` where known.
        verdicts: Frames with `source_row`, `outcome` and where known `code`, `message` and
            `request_id`.
        source_file: The file whose rows these are.

    Raises:
        BooksError: A row has two verdicts, or a verdict has no row.
    """
    empty = OUTCOME_SCHEMA.to_frame().select("source_row", *_VERDICT)
    settled = pl.concat([empty, *(_complete(verdict) for verdict in verdicts)])
    outcomes = rows.join(settled, on="source_row", how="left", maintain_order="left").select(
        pl.lit(source_file).alias("source_file"),
        "source_row",
        "endpoint_id",
        pl.col("outcome").fill_null(Outcome.UNPROCESSED.value),
        "code",
        "message",
        "request_id",
    )
    matched = rows.join(settled, on="source_row", how="semi").height
    if outcomes.height != rows.height or matched != settled.height:
        raise BooksError(
            f"{source_file}: {settled.height} verdicts for {matched} of {rows.height} rows"
        )
    return outcomes.cast(OUTCOME_SCHEMA)


def _complete(verdict: pl.DataFrame) -> pl.DataFrame:
    missing = [
        pl.lit(None, pl.String).alias(name) for name in _VERDICT if name not in verdict.columns
    ]
    return verdict.with_columns(missing).select(
        pl.col("source_row").cast(pl.Int64), *(pl.col(name).cast(pl.String) for name in _VERDICT)
    )


def count_outcomes(outcomes: pl.DataFrame) -> dict[Outcome, int]:
    """Count rows by outcome; outcomes that did not occur count 0."""
    counts = dict(outcomes.group_by("outcome").len().rows())
    return {outcome: int(counts.get(outcome.value, 0)) for outcome in Outcome}

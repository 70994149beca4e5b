"""Outcomes: give every endpoint of a partition exactly one, then every row, and count them."""

from collections.abc import Iterable, Sequence

import polars as pl

from pipelines.errors import BooksError
from pipelines.steps.result import ERROR_CODES
from schemas.issues import HELD_MESSAGES, ISSUE_KINDS, OPT_IN_HELD, REACTIVATION_HELD
from schemas.outcomes import ENDPOINT_OUTCOME_SCHEMA, OUTCOME_SCHEMA, WORST_FIRST, Outcome
from schemas.row_keys import endpoint_of, row_of
from schemas.sync import DUE, Standing

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
    errors = issues.filter(pl.col("code").is_in(ERROR_CODES) & pl.col("row_key").is_not_null())
    texts = {code: kind.message for code, kind in ISSUE_KINDS.items()}
    return errors.group_by("row_key", maintain_order=True).agg(
        pl.lit(Outcome.INVALID.value).alias("outcome"),
        pl.col("code").first(),
        pl.col("code").first().replace_strict(texts, default=None).alias("message"),
    )


def settle_delivered(sent: pl.DataFrame, deliveries: pl.DataFrame) -> pl.DataFrame:
    """Spread the service's answers over the rows that the requests held.

    Args:
        sent: `row_key` of the items of the partition, in the order of their positions.
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
        .select("row_key", *_VERDICT)
    )


def settle_compared(compared: pl.DataFrame) -> pl.DataFrame:
    """Give the rows that are not sent, as they were compared with what the service has.

    Args:
        compared: `row_key` and `standing` (`schemas.sync.Standing`).
    """
    standing = pl.col("standing")
    codes = {int(Standing.OPTS_IN): OPT_IN_HELD, int(Standing.REACTIVATES): REACTIVATION_HELD}
    code = standing.replace_strict(codes, default=None, return_dtype=pl.String)
    held, unchanged = pl.lit(Outcome.HELD.value), pl.lit(Outcome.UNCHANGED.value)
    return compared.filter(~standing.is_in([int(due) for due in DUE])).select(
        "row_key",
        pl.when(standing == int(Standing.UNCHANGED))
        .then(unchanged)
        .otherwise(held)
        .alias("outcome"),
        code.alias("code"),
        code.replace_strict(HELD_MESSAGES, default=None, return_dtype=pl.String).alias("message"),
    )


def settle_partition(
    rows: pl.DataFrame, verdicts: Iterable[pl.DataFrame], source_file: str
) -> pl.DataFrame:
    """Give every endpoint its outcome; those without a verdict are `unprocessed`.

    Args:
        rows: `row_key` of every endpoint, or of a record that gave none, and its `endpoint_id`
            where known.
        verdicts: Frames with `row_key`, `outcome` and where known `code`, `message` and
            `request_id`.
        source_file: The file whose rows these are.

    Returns:
        `row_key endpoint_id outcome code message request_id`.

    Raises:
        BooksError: An endpoint has two verdicts, or a verdict has no endpoint.
    """
    empty = pl.DataFrame(schema={"row_key": pl.Int64, **dict.fromkeys(_VERDICT, pl.String)})
    settled = pl.concat([empty, *(_complete(verdict) for verdict in verdicts)])
    outcomes = rows.join(settled, on="row_key", how="left", maintain_order="left").select(
        "row_key",
        "endpoint_id",
        pl.col("outcome").fill_null(Outcome.UNPROCESSED.value),
        "code",
        "message",
        "request_id",
    )
    matched = rows.join(settled, on="row_key", how="semi").height
    if outcomes.height != rows.height or matched != settled.height:
        raise BooksError(
            f"{source_file}: {settled.height} verdicts for {matched} of {rows.height} rows"
        )
    return outcomes


def fold_endpoints(
    endpoints: pl.DataFrame, source_file: str, worst_first: Sequence[Outcome] = WORST_FIRST
) -> pl.DataFrame:
    """Give every row the outcome of that of its endpoints which fared worst.

    Args:
        endpoints: What `settle_partition` gave.
        source_file: The file whose rows these are.
        worst_first: All outcomes in their order.

    Returns:
        A frame in the shape of `OUTCOME_SCHEMA`, a line for each row, in file order.
    """
    rows = endpoints.with_columns(_place(source_file))
    if rows["source_row"].is_duplicated().any():
        rank = {outcome.value: place for place, outcome in enumerate(worst_first)}
        place = pl.col("outcome").replace_strict(rank, return_dtype=pl.Int64)
        rows = rows.sort("source_row", place, "row_key").unique(
            "source_row", keep="first", maintain_order=True
        )
    return rows.select(OUTCOME_SCHEMA.names()).cast(OUTCOME_SCHEMA)


def name_endpoints(endpoints: pl.DataFrame, source_file: str, names: Sequence[str]) -> pl.DataFrame:
    """Give the outcomes of endpoints under the names that the mapping has for them.

    Args:
        endpoints: What `settle_partition` gave.
        source_file: The file whose rows these are.
        names: Of the endpoints of a row, in their order.

    Returns:
        A frame in the shape of `ENDPOINT_OUTCOME_SCHEMA`.
    """
    number = endpoint_of(pl.col("row_key"))
    name = number.replace_strict(dict(enumerate(names)), default=None, return_dtype=pl.String)
    is_endpoint = pl.col("endpoint_id").is_not_null()
    named = endpoints.with_columns(
        *_place(source_file), pl.when(is_endpoint).then(name).alias("endpoint")
    )
    return named.select(ENDPOINT_OUTCOME_SCHEMA.names()).cast(ENDPOINT_OUTCOME_SCHEMA)


def _place(source_file: str) -> tuple[pl.Expr, pl.Expr]:
    return (
        pl.lit(source_file).alias("source_file"),
        row_of(pl.col("row_key")).alias("source_row"),
    )


def _complete(verdict: pl.DataFrame) -> pl.DataFrame:
    missing = [
        pl.lit(None, pl.String).alias(name) for name in _VERDICT if name not in verdict.columns
    ]
    return verdict.with_columns(missing).select(
        pl.col("row_key").cast(pl.Int64), *(pl.col(name).cast(pl.String) for name in _VERDICT)
    )


def count_outcomes(outcomes: pl.DataFrame) -> dict[Outcome, int]:
    """Count rows by outcome; outcomes that did not occur count 0."""
    counts = dict(outcomes.group_by("outcome").len().rows())
    return {outcome: int(counts.get(outcome.value, 0)) for outcome in Outcome}

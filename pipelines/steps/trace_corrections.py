"""Trace corrections: which rows of a source are rows of an errors.csv, and what became of them.

Rows that came back without the result columns, or that were no errors in the run before, are rows
like any others.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from pipelines.steps.result import ERROR_CODES
from pipelines.steps.source_columns import SourceColumns, first_text
from pipelines.steps.unfilled import read_unfilled
from schemas.outcomes import IMPORTED, TO_FIX, Outcome
from schemas.row_keys import row_of

BETWEEN = "; "
"""What stands between the codes in `_error_codes`."""
LEFT_OUT = "left_out"
"""Stands for the outcome of a record that the mapping leaves out."""
_NEEDED = ("_run_id", "_source_file", "_source_row", "_outcome")
_BEST_FIRST = (
    *(Outcome.ACCEPTED, Outcome.UNCHANGED, Outcome.HELD, Outcome.DUPLICATE, Outcome.REJECTED),
    *(Outcome.INVALID, Outcome.UNPROCESSED, LEFT_OUT),
)
"""A row that came back twice has the outcome of the copy that fared best."""
_OUTCOMES = pl.Enum([str(outcome) for outcome in _BEST_FIRST])
_KEY = ("run_id", "file", "row")
FED_SCHEMA = pl.Schema(
    [
        ("run_id", pl.Categorical()),
        ("file", pl.Categorical()),
        ("row", pl.Int64()),
        ("was", pl.Categorical()),
        ("outcome", _OUTCOMES),
        ("now", pl.Categorical()),
    ]
)
"""A row of an errors.csv that came back: the run, file and row that it was; the codes that it had;
and its outcome and codes now."""
GROUP_SCHEMA = pl.Schema(
    {**dict.fromkeys(("run_id", "was", "outcome", "now"), pl.String), "rows": pl.UInt32}
)


def may_hold_corrections(header: Sequence[str]) -> bool:
    """Say whether a source has the columns by which rows of an errors.csv are known."""
    columns = SourceColumns(tuple(header))
    return all(columns.find(name) for name in _NEEDED)


def trace_corrections(
    staged: pl.DataFrame, header: Sequence[str], outcomes: pl.DataFrame, found: pl.DataFrame
) -> pl.DataFrame:
    """Find the rows of a partition that a run before left to be corrected.

    Args:
        staged: The partition's records: `source_row` and `c<position>`.
        header: The header of its source.
        outcomes: What became of its rows (`schemas.outcomes.OUTCOME_SCHEMA`).
        found: Its issues (`result.FOUND_SCHEMA`).

    Returns:
        A frame in the shape of `FED_SCHEMA`.
    """
    columns = SourceColumns(tuple(header))

    def told(name: str) -> pl.Expr:
        # The last: a program may have kept those of the run before.
        return first_text(staged, columns.find(name)[-1:])

    # Spreadsheets write whole numbers as they like.
    row = told("_source_row").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
    fed = staged.select(
        "source_row",
        told("_run_id").alias("run_id"),
        told("_source_file").alias("file"),
        row.alias("row"),
        told("_error_codes").alias("was"),
        told("_outcome").str.to_lowercase().alias("before"),
    ).filter(pl.col("before").is_in(sorted(TO_FIX)), *(pl.col(n).is_not_null() for n in _KEY))
    return (
        fed.join(
            outcomes.select("source_row", "outcome", "code"),
            on="source_row",
            how="left",
            maintain_order="left",
        )
        .join(_codes_of(found), on="source_row", how="left", maintain_order="left")
        .join(
            read_unfilled(staged, columns).select("source_row", is_unfilled=pl.lit(value=True)),
            on="source_row",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.col("outcome").fill_null(LEFT_OUT),
            pl.when(pl.col("outcome").is_in(sorted(TO_FIX)))
            .then(pl.coalesce(pl.when("is_unfilled").then("was"), "codes", "code"))
            .alias("now"),
        )
        .select(FED_SCHEMA.names())
        .cast(FED_SCHEMA)
    )


def _codes_of(found: pl.DataFrame) -> pl.DataFrame:
    errors = found.filter(pl.col("code").is_in(ERROR_CODES), pl.col("row_key").is_not_null())
    return errors.group_by(row_of(pl.col("row_key")).alias("source_row")).agg(
        pl.col("code").unique().sort().str.join(BETWEEN).alias("codes")
    )


def group_corrections(fed: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Count the rows that came back, each once, by what they were and what they are.

    Args:
        fed: What `trace_corrections` gave for each partition.

    Returns:
        A frame in the shape of `GROUP_SCHEMA`.
    """
    rows = pl.concat([FED_SCHEMA.to_frame(), *fed])
    return (
        rows.sort("outcome", maintain_order=True)
        .unique(_KEY, keep="first", maintain_order=True)
        .group_by("run_id", "was", "outcome", "now", maintain_order=True)
        .agg(pl.len().alias("rows"))
        .cast(GROUP_SCHEMA)
    )


def right_outcomes(*, sends: bool) -> frozenset[Outcome]:
    """Give the outcomes of rows of which nothing is left to be corrected.

    Args:
        sends: Whether the run was to send; if not, rows that could be sent are `unprocessed`.
    """
    return IMPORTED if sends else IMPORTED | {Outcome.UNPROCESSED}

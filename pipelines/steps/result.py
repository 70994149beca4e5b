"""What a row-wise step gives back: the rows that go on, and the issues that it found."""

from dataclasses import dataclass

import polars as pl

from pipelines.steps.suggest_repairs import suggest_repairs
from schemas.issues import ISSUE_KINDS, ISSUE_SCHEMA, IssueKind, Severity
from schemas.row_keys import row_of

FOUND_SCHEMA = pl.Schema(
    {"row_key": pl.Int64, "column": pl.String, "code": pl.String, "value": pl.String}
)
"""An issue as a step finds it, by the key of its row; `describe_issues` adds the rest."""

_KINDS = pl.DataFrame(
    {
        "code": [kind.code for kind in ISSUE_KINDS.values()],
        "severity": [kind.severity.value for kind in ISSUE_KINDS.values()],
        "message": [kind.message for kind in ISSUE_KINDS.values()],
    }
)
ERROR_CODES = tuple(k.code for k in ISSUE_KINDS.values() if k.severity is Severity.ERROR)
"""Codes that make a row invalid."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step's frame and issues; rows in = rows out + distinct rows with an error."""

    frame: pl.DataFrame
    """The rows that go on, with `row_key`."""
    issues: pl.DataFrame
    """Issues of all rows that came in, in the shape of `FOUND_SCHEMA`."""


def find_issues(frame: pl.DataFrame, column: str, kind: IssueKind, value: pl.Expr) -> pl.DataFrame:
    """Make an issue of each row of `frame`; `value` is what the report shows."""
    return frame.select(
        pl.col("row_key").cast(pl.Int64),
        pl.lit(column).alias("column"),
        pl.lit(kind.code).alias("code"),
        value.cast(pl.String).alias("value"),
    )


def join_issues(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Put issues of several checks together, sorted by row then column."""
    return pl.concat([FOUND_SCHEMA.to_frame(), *found]).sort(
        "row_key", "column", "code", maintain_order=True
    )


def drop_refused(frame: pl.DataFrame, issues: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows of `frame` that have no error among `issues`."""
    refused = issues.filter(pl.col("code").is_in(ERROR_CODES))
    if refused.is_empty():
        return frame
    return frame.join(refused.select("row_key"), on="row_key", how="anti", maintain_order="left")


def describe_issues(found: pl.DataFrame, source_file: str, endpoints: pl.DataFrame) -> pl.DataFrame:
    """Complete found issues to the rows of issues.parquet.

    Args:
        found: Issues in the shape of `FOUND_SCHEMA`.
        source_file: The file whose rows these are.
        endpoints: `row_key`, `endpoint_id`, `region` and `country` of the rows of which these are
            known.

    Returns:
        A frame in the shape of `schemas.issues.ISSUE_SCHEMA`, in the order of `found`.
    """
    described = found.join(_KINDS, on="code", how="left", maintain_order="left").join(
        endpoints.select(pl.col("row_key").cast(pl.Int64), "endpoint_id", "region", "country"),
        on="row_key",
        how="left",
        maintain_order="left",
    )
    return (
        described.with_columns(
            pl.lit(source_file).alias("source_file"),
            row_of(pl.col("row_key")).alias("source_row"),
            suggest_repairs(described),
        )
        .select(ISSUE_SCHEMA.names())
        .cast(ISSUE_SCHEMA)
    )

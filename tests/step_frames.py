"""Frames for the tests of the steps, and the law that every row-wise step keeps."""

from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.steps.result import ERROR_CODES, FOUND_SCHEMA, StepResult

FIRST_ROW = 11
"""Not 0 or 1: a step that takes positions for source rows is found out."""


def endpoints(columns: Mapping[str, Sequence[object]] | None = None, rows: int = 1) -> pl.DataFrame:
    """Make valid e-mail endpoints, with the given columns of texts or of lists of texts put in."""
    columns = columns or {}
    rows = len(next(iter(columns.values()), range(rows)))
    filled: dict[str, Sequence[object]] = {
        "Id": [f"e-{n}" for n in range(rows)],
        "ChannelType": ["EMAIL"] * rows,
        "Address": [f"ana{n}@example.com" for n in range(rows)],
        **columns,
    }
    series = [
        pl.Series(
            name,
            values,
            dtype=pl.List(pl.String)
            if any(isinstance(value, list) for value in values)
            else pl.String,
        )
        for name, values in filled.items()
    ]
    return pl.DataFrame([pl.Series("row_key", range(FIRST_ROW, FIRST_ROW + rows)), *series])


def found(issues: pl.DataFrame) -> list[tuple[int, str, str]]:
    """Give issues as (row counted from 0, column, code)."""
    return [(row - FIRST_ROW, column, code) for row, column, code, _ in issues.rows()]


def assert_counting_law(frame: pl.DataFrame, result: StepResult) -> None:
    """Rows in = rows out + distinct rows with an error; order kept; issues in order."""
    refused = set(result.issues.filter(pl.col("code").is_in(ERROR_CODES))["row_key"])
    came = frame["row_key"].to_list()
    assert refused <= set(came)
    assert result.frame["row_key"].to_list() == [row for row in came if row not in refused]
    assert result.issues.schema == FOUND_SCHEMA
    order = result.issues.select("row_key", "column").rows()
    assert order == sorted(order)

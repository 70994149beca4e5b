"""Repetitive columns: what is true of a value is found out once, not once for each row.

Most columns of an export hold few different values (countries, plans, time zones): work on these
costs a hundredth of work on the rows, and finding them about as much as one pattern.
"""

from collections.abc import Callable

import polars as pl

SAMPLE_ROWS = 1000
"""Rows at the start of a column that are looked at."""
FEW = 100
"""Different values among them up to which a column counts as repetitive. A wrong guess costs time,
and changes nothing."""


def is_repetitive(values: pl.Series) -> bool:
    """Guess whether a column of many rows holds few different values."""
    return len(values) > SAMPLE_ROWS and values.head(SAMPLE_ROWS).n_unique() <= FEW


def rewrite(values: pl.Series, work: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Apply elementwise work to a column, by its distinct values where they are few.

    Args:
        values: Strings; null stays null.
        work: Makes a text of each text, or a null.

    Returns:
        `values` itself where nothing changes.
    """
    if not is_repetitive(values):
        return work(values).alias(values.name)
    distinct = values.drop_nulls().unique()
    worked = work(distinct)
    changed = distinct.ne_missing(worked)
    if not changed.any():
        return values
    return values.replace(distinct.filter(changed), worked.filter(changed))


def judge(values: pl.Series, rule: Callable[[pl.Series], pl.Series]) -> pl.Series | None:
    """Apply an elementwise rule to a column, by its distinct values where they are few.

    Args:
        values: Strings; null passes.
        rule: Tells of each text whether it passes; a null answer is a no.

    Returns:
        Booleans of the same length; None where every value passes.
    """
    texts = values.drop_nulls()
    if is_repetitive(values):
        texts = texts.unique()
    passed = rule(texts).fill_null(value=False)
    if passed.all():
        return None
    return ~values.is_in(texts.filter(~passed).unique().implode()) | values.is_null()

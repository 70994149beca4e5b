"""Conditions: which records something holds of."""

from collections.abc import Callable, Sequence

import polars as pl

from pipelines.steps.dates import normalize_dates
from pipelines.steps.result import find_issues, join_issues
from pipelines.steps.source_columns import SourceColumns, first_text
from schemas import issues
from schemas.endpoint import EFFECTIVE_DATE, NUMBER
from schemas.mapping import AnyOf, Condition, EndpointRule

_DAY = len("2026-01-31")

_TEXT_RULES: dict[str, Callable[[pl.Expr, str], pl.Expr]] = {
    "equals": lambda text, wanted: text == wanted.strip(),
    "not_equals": lambda text, wanted: text.ne_missing(pl.lit(wanted.strip())),
    "contains": lambda text, wanted: text.str.contains(wanted, literal=True),
    "starts_with": lambda text, wanted: text.str.starts_with(wanted),
    "matches": lambda text, wanted: text.str.contains(wanted),
}


def hold(
    frame: pl.DataFrame, conditions: Sequence[Condition | AnyOf], source: SourceColumns
) -> pl.Series:
    """Tell for each record whether all conditions hold.

    Args:
        frame: A staged partition.
        conditions: What is asked.
        source: The columns of its source.
    """
    answer = pl.Series([True]).new_from_index(0, frame.height)
    for condition in conditions:
        parts = condition.any_of if isinstance(condition, AnyOf) else (condition,)
        any_of = pl.Series([False]).new_from_index(0, frame.height)
        for part in parts:
            any_of = any_of | _holds(frame, part, source)
        answer = answer & any_of
    return answer


def find_failing(
    frame: pl.DataFrame, conditions: Sequence[Condition | AnyOf], source: SourceColumns
) -> pl.Series:
    """Tell for each record the column of the first condition that does not hold; null for none.

    Args:
        frame: A staged partition.
        conditions: What is asked.
        source: The columns of its source.
    """
    failing = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    for condition in reversed(conditions):
        first = condition.any_of[0] if isinstance(condition, AnyOf) else condition
        name = pl.Series([first.column]).new_from_index(0, frame.height)
        failing = failing.zip_with(hold(frame, [condition], source), name)
    return failing


def explain_without(
    frame: pl.DataFrame,
    endpoints: Sequence[EndpointRule],
    refused: Sequence[pl.DataFrame],
    source: SourceColumns,
) -> pl.DataFrame:
    """Say of records without an endpoint which condition was in the way, or that no address is.

    Args:
        frame: The records, as they were staged.
        endpoints: The endpoints that a record may give.
        refused: Of each endpoint the `row_key` of records that have an address for it.
        source: The columns of their source.
    """
    nothing = pl.lit(None, pl.String)
    found = []
    for endpoint, keys in zip(endpoints, refused, strict=True):
        rows = frame.join(keys, on="row_key", how="semi", maintain_order="left")
        told = find_issues(rows, "", issues.NO_ENDPOINT, nothing)
        found.append(told.with_columns(find_failing(rows, endpoint.where, source).alias("column")))
        frame = frame.join(keys, on="row_key", how="anti", maintain_order="left")
    return join_issues([*found, find_issues(frame, "Address", issues.ADDRESS_MISSING, nothing)])


def _holds(frame: pl.DataFrame, condition: Condition, source: SourceColumns) -> pl.Series:
    text = frame.select(text=first_text(frame, source.find(condition.column)))["text"]
    if len(text) != frame.height:  # a column that the source does not have
        text = text.new_from_index(0, frame.height)
    if condition.at_least is not None:
        return _compare(text, condition.at_least, pl.Expr.ge)
    if condition.at_most is not None:
        return _compare(text, condition.at_most, pl.Expr.le)
    frame = text.to_frame()
    return frame.select(_judge(pl.col("text"), condition).fill_null(value=False)).to_series()


def _judge(text: pl.Expr, condition: Condition) -> pl.Expr:
    if condition.blank is not None:
        return text.is_null() if condition.blank else text.is_not_null()
    if condition.one_of is not None:
        return text.is_in(_trimmed(condition.one_of))
    if condition.none_of is not None:
        return ~text.is_in(_trimmed(condition.none_of)).fill_null(value=False)
    name = next(name for name in _TEXT_RULES if getattr(condition, name) is not None)
    return _TEXT_RULES[name](text, getattr(condition, name))


def _trimmed(texts: Sequence[str]) -> list[str]:
    return [text.strip() for text in texts]


def _compare(
    text: pl.Series, bound: float | str, rule: Callable[[pl.Expr, pl.Expr], pl.Expr]
) -> pl.Series:
    """Compare numbers with a number, dates with a date; what is neither does not hold."""
    value = pl.col("text")
    if isinstance(bound, str):
        frame = normalize_dates(text).rename({"date": "text"})
        limit = normalize_dates(pl.Series([bound]))["date"][0]
        # A day holds all of its times.
        known = value.str.contains(EFFECTIVE_DATE)
        length = _DAY if len(bound) == _DAY else len(limit)
        answer = known & rule(value.str.slice(0, length), pl.lit(limit[:length]))
    else:
        frame = text.to_frame()
        number = pl.when(value.str.contains(NUMBER)).then(value.cast(pl.Float64, strict=False))
        answer = rule(number, pl.lit(bound))
    return frame.select(answer.fill_null(value=False)).to_series()

"""Reasons: what is wrong with this very value, where a look at it shows it.

Behind the text of its issue, for whoever corrects the row. Works on a column of values at once.
"""

from collections.abc import Callable
from typing import Final

import polars as pl

from schemas import issues

LONGEST_PHONE = 15
"""Digits of an E.164 number at the most."""
SHORTEST_PHONE = 7
"""Digits below which no country's numbers are, written with its code."""

Reason = Callable[[pl.Expr], pl.Expr]
"""From values to a clause for each, or null for none."""


def _email(value: pl.Expr) -> pl.Expr:
    signs = value.str.count_matches("@", literal=True)
    domain = value.str.extract("@([^@]*)$")
    return (
        pl.when(value.str.contains("[,;/] *[^@]*@.*@|@.*[,;/ ].*@"))
        .then(pl.lit("it holds more than one address"))
        .when(value.str.contains(r"[<>]"))
        .then(pl.lit("it holds a name besides the address"))
        .when(signs == 0)
        .then(pl.lit("it has no @"))
        .when(signs > 1)
        .then(pl.lit("it has more than one @"))
        .when(value.str.contains(r"\s"))
        .then(pl.lit("it holds a space"))
        .when(value.str.starts_with("@"))
        .then(pl.lit("nothing stands before the @"))
        .when(domain == "")
        .then(pl.lit("nothing stands behind the @"))
        .when(~domain.str.contains(".", literal=True))
        .then(pl.lit("no ending such as .com stands behind the @"))
        .when(value.str.contains("..", literal=True))
        .then(pl.lit("two dots follow each other"))
        .when(value.str.contains(r"^\.|\.@|@\.|\.$"))
        .then(pl.lit("a dot stands where none can be"))
    )


def _phone(value: pl.Expr) -> pl.Expr:
    digits = value.str.count_matches("[0-9]")
    return (
        pl.when(value.str.contains("@", literal=True))
        .then(pl.lit("it looks like an e-mail address"))
        .when(digits == 0)
        .then(pl.lit("it has no digits"))
        .when(value.str.contains(r"\p{L}"))
        .then(pl.lit("it holds letters"))
        .when(digits < SHORTEST_PHONE)
        .then(pl.format("it has {} digits, which is too few", digits))
        .when(digits > LONGEST_PHONE)
        .then(pl.format("it has {} digits, which is too many", digits))
        .when(value.str.contains(r"^\+"))
        .then(pl.lit("no number of that country is like it"))
        .otherwise(pl.lit("it has no country code, and is none of the country that is assumed"))
    )


def _length(value: pl.Expr) -> pl.Expr:
    is_list = value.str.starts_with("[")
    return pl.when(~is_list).then(pl.format("it has {}", value.str.len_chars()))


REASONS: Final[dict[str, Reason]] = {
    issues.EMAIL_INVALID.code: _email,
    issues.PHONE_INVALID.code: _phone,
    issues.VALUE_TOO_LONG.code: _length,
    issues.ENDPOINT_TOO_LARGE.code: lambda value: pl.format("it has {}", value),
}
"""By issue code."""


def find_reasons(found: pl.DataFrame) -> pl.Series:
    """Give a clause of what is wrong with each value, null where a look does not show it.

    Args:
        found: `code` and `value` of issues.
    """
    reasons = pl.Series("reason", [None], pl.String).new_from_index(0, found.height)
    for code in sorted(set(found["code"].unique().drop_nulls()) & set(REASONS)):
        places = (found["code"] == code).arg_true()
        values = found.select(pl.col("value").gather(places))
        told = values.select(REASONS[code](pl.col("value"))).to_series()
        reasons = reasons.scatter(places, told)
    return reasons

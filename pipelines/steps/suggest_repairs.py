"""Suggest repairs: say of each error what the value may have been, for errors.csv.

Nothing is changed here or anywhere else by a suggestion: whoever corrects the rows takes it or not.
"""

import polars as pl

from schemas.repairs import REPAIRS

_ASKED = ("column", "value", "region", "country")


def suggest_repairs(found: pl.DataFrame) -> pl.Series:
    """Give the suggested value of each issue, null where there is none, empty for an empty cell.

    Args:
        found: `code`, `column`, `value`, and of the row that each is of the `region` with which
            its phone number is read, and its `country`.
    """
    suggestions = pl.Series("suggestion", [None], pl.String).new_from_index(0, found.height)
    codes = found["code"]
    for code in sorted(set(codes.unique().drop_nulls()) & set(REPAIRS)):
        places = (codes == code).arg_true()
        asked = found.select(pl.col(_ASKED).gather(places))
        distinct = asked.unique(maintain_order=True)
        answered = distinct.with_columns(suggestion=REPAIRS[code](distinct))
        told = asked.join(answered, on=_ASKED, how="left", nulls_equal=True, maintain_order="left")
        suggestions = suggestions.scatter(places, told["suggestion"])
    return suggestions

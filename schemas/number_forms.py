"""Numbers as spreadsheets of many countries write them, read where there is one reading only."""

import polars as pl

_DECIMAL = r"[0-9]+,[0-9]+"
_GROUPS = (
    r"[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}",
    r"[1-9][0-9]{0,2}(?:,[0-9]{3})+\.[0-9]+",
    r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?",
)
"""Commas between thousands, and as India writes lakhs; a lone comma with nothing behind its three
digits is in `AMBIGUOUS`."""
_DOT_GROUPS = (
    r"[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}",
    r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+",
)
_OTHER_GROUPS = r"[1-9][0-9]{0,2}(?:(?: [0-9]{3})+|(?:'[0-9]{3})+)(?:[.,][0-9]+)?"
"""A space or an apostrophe between thousands; comma and dot are then decimal."""
AMBIGUOUS = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"
"""1,200 is twelve hundred in one country and a little over one in another."""


def read_number_forms(texts: pl.Series, *, is_angle: bool = False) -> pl.Series:
    """Write numbers with separators as plain decimal numbers; any other text stays as it came.

    `1.200,50`, `1,200.50`, `1 200,50`, `1'200.50` and `12,5` have one reading. `1,200` has two and
    stays; `1.200` is a plain number already.

    Args:
        texts: Strings; null stays null.
        is_angle: Whether these are degrees, at most 180: then a comma is always the decimal one,
            and nothing stands between thousands.
    """
    frame = texts.to_frame("text")
    # The typographic minus and apostrophe (U+2212, U+2019).
    plain = pl.col("text").str.replace(r"^\x{2212}", "-").str.replace_all("\u2019", "'")
    frame = frame.with_columns(plain=plain)
    text = pl.col("plain")
    comma = text.str.replace_all(",", "", literal=True)
    dot = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    other = text.str.replace_all("[ ']", "").str.replace(",", ".", literal=True)
    is_decimal = text.str.contains(_whole(_DECIMAL)) & (
        pl.lit(is_angle) | ~text.str.contains(AMBIGUOUS)
    )
    has_groups = pl.lit(not is_angle)
    return frame.select(
        pl.when(is_decimal)
        .then(dot)
        .when(has_groups & text.str.contains(_whole(*_GROUPS)))
        .then(comma)
        .when(has_groups & text.str.contains(_whole(*_DOT_GROUPS)))
        .then(dot)
        .when(has_groups & text.str.contains(_whole(_OTHER_GROUPS)))
        .then(other)
        .when(text.str.contains(r"^-[0-9]+(?:\.[0-9]+)?$"))
        .then(text)
        .otherwise("text")
        .alias(texts.name)
    ).to_series()


def _whole(*patterns: str) -> str:
    return rf"^[+-]?(?:{'|'.join(patterns)})$"

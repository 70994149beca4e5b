"""Clean texts: trim and compose every text, and take out what accidents put into it.

The first part of `normalize`. What spreadsheets and web pages leave in texts (odd spaces, invisible
characters, quotes) is taken out with a warning; `schemas.text_accidents` says what that is. OptOut
is trimmed and no more: nobody's consent may hang on a repair.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.steps.result import StepResult, find_issues, join_issues
from schemas.columns import ATTRIBUTES, USER_ATTRIBUTES
from schemas.distinct import rewrite
from schemas.mojibake import is_mojibake
from schemas.text_accidents import KINDS, clean_texts, may_hold_accident
from schemas.text_bytes import is_ascii

UNTOUCHED = frozenset({"OptOut"})
"""Columns in which no accident is repaired."""
FREE_TEXT = frozenset(
    {
        *("Location.City", "Location.Region", "Demographic.Make", "Demographic.Model"),
        *("Demographic.ModelVersion", "Demographic.AppVersion", "Demographic.Platform"),
        "Demographic.PlatformVersion",
    }
)
"""Columns of words for people; the others but attributes are ids, addresses, codes and numbers."""
_BLANKS = " \t\n\v\f\r"


def clean_columns(frame: pl.DataFrame) -> StepResult:
    """Clean all columns of a mapped frame; every row goes on. Issues are warnings."""
    columns: list[pl.Series] = []
    found: list[pl.DataFrame] = []
    for series in frame.iter_columns():
        if series.dtype in (pl.Null, pl.List(pl.Null)):
            columns.append(pl.Series(series.name, [None], pl.String).new_from_index(0, len(series)))
        elif series.dtype in (pl.String, pl.List(pl.String)):
            is_list = series.dtype == pl.List(pl.String)
            cleaned, changes = (_clean_lists if is_list else _clean_column)(series)
            columns.append(cleaned)
            found.extend(_tell(frame["row_key"], series, changes) if len(changes) else [])
    return StepResult(frame.with_columns(columns), join_issues(found))


def _clean_column(texts: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """Clean a column of texts; give it, and what `schemas.text_accidents` changed in it."""
    look = _Look(is_code=_is_code(texts.name))
    cleaned = rewrite(texts, look.trim)
    if texts.name in UNTOUCHED or not look.saw_accident:
        return cleaned, NO_CHANGES
    changes = clean_texts(texts, is_code=look.is_code)
    # scatter works in place
    return cleaned.clone().scatter(changes["place"], changes["text"]), changes


@dataclass(slots=True)
class _Look:
    """Trims texts, and notes on the way whether any is to be looked at more closely."""

    is_code: bool
    saw_accident: bool = False

    def trim(self, texts: pl.Series) -> pl.Series:
        """Trim and compose texts; blank ones become null."""
        ascii_only = is_ascii(texts)
        self.saw_accident |= may_hold_accident(texts, is_ascii=ascii_only, is_code=self.is_code)
        trimmed = (texts if ascii_only else texts.str.normalize("NFC")).str.strip_chars()
        if self.saw_accident and not ascii_only:
            # The last byte of a text in a wrong encoding may look like a space.
            places = is_mojibake(texts).fill_null(value=False).arg_true()
            trimmed = trimmed.scatter(places, texts.gather(places).str.strip_chars(_BLANKS))
        is_blank = trimmed.str.len_bytes() == 0
        return trimmed.set(is_blank, None) if is_blank.any() else trimmed


def _clean_lists(lists: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """Clean the texts in lists; blank ones go, and lists that have none left become nulls.

    Of the changes, `place` is that of the list.
    """
    lengths = lists.list.len()
    texts = lists.explode(empty_as_null=False)
    cleaned, changes = _clean_column(texts)
    if len(texts) == lengths.sum() and not cleaned.has_nulls() and cleaned.equals(texts):
        return (lists.set(lengths == 0, None) if (lengths == 0).any() else lists), changes
    rows = pl.DataFrame({"row": pl.int_range(len(lists), eager=True), "size": lengths})
    # A list that is null explodes to one null.
    rows = rows.select(pl.col("row").repeat_by(pl.col("size").fill_null(1))).explode(
        "row", empty_as_null=False
    )
    filled = rows.with_columns(text=cleaned).filter(pl.col("text").is_not_null())
    regrouped = filled.group_by("row", maintain_order=True).agg("text")
    empty = pl.Series(lists.name, [None], lists.dtype).new_from_index(0, len(lists))
    whole = empty.to_frame("text").with_row_index("row").cast({"row": pl.Int64})
    joined = whole.select("row").join(regrouped, on="row", how="left", maintain_order="left")
    changes = changes.with_columns(rows["row"].gather(changes["place"]).alias("place"))
    flags = pl.col(kind.code for kind in KINDS).any()
    return joined["text"].alias(lists.name), changes.group_by("place", maintain_order=True).agg(
        pl.col("text").first(), flags
    )


def _is_code(column: str) -> bool:
    return column not in FREE_TEXT and not column.startswith((ATTRIBUTES, USER_ATTRIBUTES))


NO_CHANGES = clean_texts(pl.Series([], dtype=pl.String), is_code=True)


def _tell(row_keys: pl.Series, came: pl.Series, changes: pl.DataFrame) -> list[pl.DataFrame]:
    """Make the warnings of one column, with its values as they came."""
    values = came.gather(changes["place"])
    if values.dtype == pl.List(pl.String):
        as_json = values.to_frame("v").select(pl.struct("v").struct.json_encode()).to_series()
        values = as_json.str.slice(len('{"v":')).str.head(-1)
    told = changes.with_columns(row_keys.gather(changes["place"]), values.alias("value"))
    return [find_issues(told.filter(kind.code), came.name, kind, pl.col("value")) for kind in KINDS]

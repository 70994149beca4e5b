"""Swallowed records: a quote that is opened in one record and closed in a later one.

A CSV reader takes everything in between for one value, so that whole records vanish into it and the
counts still balance. Such a value gives itself away: one of its lines has the delimiters of a
record.
"""

import re

import polars as pl

from pipelines.steps.result import find_issues, join_issues
from schemas import issues
from schemas.columns import RESULT_COLUMNS
from schemas.text_bytes import holds_any

DELIMITERS = ",;\t|"
"""Those of sources."""
FEWEST_COLUMNS = 3
"""Columns below which any sentence with a comma would look like a record."""


def find_swallowed(frame: pl.DataFrame, header: list[str], delimiter: str = ",") -> pl.DataFrame:
    """Find the rows of a CSV source with a value that holds a line like a whole record.

    Args:
        frame: A staged partition: `row_key` and `c<position>` columns of text.
        header: The header of its source.
        delimiter: The character between the fields of its source.

    Returns:
        Issues in the shape of `result.FOUND_SCHEMA`; the value is the text that was swallowed.
    """
    own = [name for name in header if name.strip() not in RESULT_COLUMNS]
    if len(own) < FEWEST_COLUMNS:
        return join_issues([])
    # A row of errors.csv came from a source that may have had another delimiter.
    delimiters = delimiter if len(own) == len(header) else DELIMITERS
    like_record = "|".join(_like_record(mark, len(own)) for mark in delimiters)
    found = []
    for position, name in enumerate(header):
        if name.strip() in RESULT_COLUMNS:
            continue
        text = pl.col(f"c{position}")
        if holds_any(frame[f"c{position}"], b"\r\n"):
            rows = frame.filter(text.str.contains(like_record))
            value = text.str.slice(0, issues.LONGEST_RECORD)
            found.append(find_issues(rows, name, issues.RECORD_SWALLOWED, value))
    return join_issues(found)


def _like_record(delimiter: str, columns: int) -> str:
    between = re.escape(delimiter)
    return rf"[\r\n](?:[^{between}\r\n]*{between}){{{columns - 1},}}"

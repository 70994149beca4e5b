"""Undecodable values: those that hold bytes which are no characters in their source's encoding.

The readers leave a mark in the place of each (`schemas.undecoded`); nothing that holds one is sent.
"""

import polars as pl

from pipelines.steps.result import find_issues, join_issues
from schemas import issues
from schemas.undecoded import MARKED, holds_marked, write_out_marked


def find_undecodable(frame: pl.DataFrame, header: list[str]) -> pl.DataFrame:
    """Find the rows with a value that could not be decoded whole.

    Args:
        frame: A staged partition: `row_key` and `c<position>` columns; only those of text count.
        header: The header of its source.

    Returns:
        Issues in the shape of `result.FOUND_SCHEMA`; the value has its bytes written out.
    """
    found = []
    for position, name in enumerate(header):
        column = f"c{position}"
        if frame.schema[column] == pl.String and holds_marked(frame[column]):
            rows = frame.filter(pl.col(column).str.contains(MARKED))
            value = write_out_marked(pl.col(column).str.slice(0, issues.LONGEST_RECORD))
            found.append(find_issues(rows, name, issues.UNDECODABLE, value))
    return join_issues(found)

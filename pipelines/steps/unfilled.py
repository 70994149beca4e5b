"""Unfilled rows: rows of errors.csv that still wait for the fields of a malformed record.

Their text stands in a result column alone, and must not get lost when they are fed back in as they
are: not by a condition of the mapping, nor by what the next errors.csv says of them.
"""

import polars as pl

from pipelines.steps.source_columns import SourceColumns, first_text, text_of
from schemas import issues
from schemas.columns import RESULT_COLUMNS


def find_unfilled(frame: pl.DataFrame, columns: SourceColumns) -> pl.Series:
    """Tell for each record whether it is such a row.

    Args:
        frame: A staged partition.
        columns: The columns of its source.
    """
    told = columns.find("_error_codes")
    if not told:
        return pl.Series([False]).new_from_index(0, frame.height)
    is_malformed = pl.any_horizontal(
        text_of(frame, place).str.contains(issues.RECORD_MALFORMED.code, literal=True)
        for place in told
    )
    own = [n for n, name in enumerate(columns.header) if name.strip() not in RESULT_COLUMNS]
    is_blank = pl.all_horizontal(text_of(frame, place).is_null() for place in own)
    return frame.select((is_malformed & is_blank).fill_null(value=False)).to_series()


def read_unfilled(frame: pl.DataFrame, columns: SourceColumns) -> pl.DataFrame:
    """Give what is told of such rows: nothing has become of them since.

    Returns:
        `source_row`, `codes` and `texts` of these rows.
    """
    rows = frame.filter(find_unfilled(frame, columns))
    names = {"codes": "_error_codes", "texts": "_error_messages"}
    told = [first_text(rows, columns.find(name)[-1:]).alias(new) for new, name in names.items()]
    return rows.select("source_row", *told)

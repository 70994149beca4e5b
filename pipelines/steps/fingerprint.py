"""Fingerprint: hashes of rows that stay the same over years, machines and versions of libraries.

The sync state keeps these instead of values. xxh3 in 64 bits, by polars-hash: a row is only ever
compared with the row that had its Id before, so two contents are taken for one once in 10^19
changes. Marks are half as long: they tell what changed, and decide only where nothing else is
known.
"""

from bisect import bisect_left

import polars as pl
import polars_hash as plh

from schemas.columns import CLEAR, METRICS, NAMED_PREFIXES, SCALAR_COLUMNS
from schemas.sync_records import LAYOUT_SEPARATOR

NUMBERS = ("Location.Latitude", "Location.Longitude")
"""Scalar columns whose values are numbers; those of `METRICS` are too."""

_VALUE_SEPARATOR = "\x1f"
"""Between the values of a list; valid values hold no control character."""
_MARK_BITS = (1 << 32) - 1


def fingerprint(frame: pl.DataFrame, items: pl.Series) -> pl.DataFrame:
    """Give what is kept of valid rows instead of their values.

    Args:
        frame: The rows.
        items: What they are encoded to.

    Returns:
        In the shape of `schemas.sync_records.CONTENT_SCHEMA`.
    """
    hashes = [hash_ids(frame["Id"]).alias("key_hash"), hash_items(items).alias("content")]
    return pl.DataFrame(hashes).hstack(mark_columns(frame))


def hash_ids(ids: pl.Series) -> pl.Series:
    """Hash Ids; those that differ only in case are the same endpoint."""
    return _hash(ids.str.to_lowercase())


def hash_items(items: pl.Series) -> pl.Series:
    """Hash encoded items; equal items give equal numbers in every version of this program."""
    return _hash(items)


def mark_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Hash what each column of valid rows, or of stored endpoints, holds.

    A value is marked alike whichever way it came: a list of one as the text in it, a number as any
    other way to write it, and what is to be cleared as an empty text or list.

    Args:
        frame: Rows with canonical columns, at least one besides `Id`; that and all others, like
            `row_key`, are left out. Lists are texts or lists of texts, numbers texts or numbers.

    Returns:
        `layout marks` in the shape of `schemas.sync_records.CONTENT_SCHEMA`.
    """
    names = sorted(filter(_is_marked, frame.columns))
    # The name of a column may be anything, and must not come in the way of another one.
    texts = frame.select(_text(frame, name).alias(str(at)) for at, name in enumerate(names))
    marks = [_mark(str(at)) for at in range(len(names))]
    # By way of an array, as lists of that many columns take thirty times as long to put together.
    joined = pl.concat_arr(marks).arr.to_list()
    layout = pl.lit(LAYOUT_SEPARATOR.join(names), pl.String)
    return texts.select(layout.alias("layout"), joined.alias("marks"))


def mark_opt_outs(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark OptOut of rows that are to say ALL, whatever they said of it.

    Args:
        rows: `layout marks` of rows of one partition, which have one layout.
    """
    if rows.is_empty():
        return rows
    names = str(rows["layout"][0]).split(LAYOUT_SEPARATOR)
    place = bisect_left(names, "OptOut")
    behind = place + ("OptOut" in names)
    mark = pl.lit(pl.Series(["ALL"]).to_frame("all").select(_mark("all")).to_series().implode())
    marks = pl.col("marks")
    return rows.select(
        pl.lit(LAYOUT_SEPARATOR.join([*names[:place], "OptOut", *names[behind:]])).alias("layout"),
        pl.concat_list(marks.list.head(place), mark, marks.list.slice(behind)).alias("marks"),
    )


def _is_marked(column: str) -> bool:
    return column.startswith(NAMED_PREFIXES) or (column in SCALAR_COLUMNS and column != "Id")


def _text(frame: pl.DataFrame, name: str) -> pl.Expr:
    value = pl.col(name)
    if isinstance(frame.schema[name], pl.List):
        text = value.cast(pl.List(pl.String)).list.join(_VALUE_SEPARATOR)
    elif name in NUMBERS or name.startswith(METRICS):
        # A service may drop the sign of zero, which says nothing.
        number = value.cast(pl.Float64)
        text = pl.when(number == 0).then(0.0).otherwise(number).cast(pl.String)
    else:
        text = value.cast(pl.String)
    if CLEAR + name not in frame.columns:
        return text
    return pl.when(value.is_null() & pl.col(CLEAR + name)).then(pl.lit("")).otherwise(text)


def _mark(column: str) -> pl.Expr:
    return (plh.col(column).nchash.xxh3_64() & _MARK_BITS).cast(pl.UInt32)


def _hash(texts: pl.Series) -> pl.Series:
    hashed = texts.to_frame("text").select(plh.col("text").nchash.xxh3_64())
    return hashed.to_series().alias(texts.name)

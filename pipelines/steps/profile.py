"""Profile: what the columns of endpoints hold before they are normalized, in a form that merges.

A line for each column, of a size that does not depend on the rows: partitions are looked at one by
one, on any machine. All that is counted is exact; distinct values beyond `KEPT_HASHES` are
estimated from the smallest hashes of all values (k minimum values: within 2.2 %, twice in three).
"""

from collections.abc import Iterable, Sequence

import polars as pl

from schemas import limits
from schemas.columns import LIST_PREFIXES
from schemas.distinct import is_repetitive

KEPT_HASHES = 2048
"""Distinct values of a column that are told apart: fewer are counted, more are estimated."""
KEPT_VALUES = 256
"""Values of a column that are kept with their rows, most frequent first."""
SHOWN_VALUES = 10
"""Those of them that are told in the end."""
LONGEST_VALUE = 200
"""Characters of such a value that are kept."""
REPEATS = 10
"""Rows for each different value, on average, from which on it is asked which are frequent."""
MOSTLY_COUNTED = 0.9
"""Share of a column's values that must have been counted for its frequent ones to be told."""
_HASH_RANGE = 2.0**64

PROFILE_SCHEMA = pl.Schema(
    {
        "name": pl.String(),
        "rows": pl.Int64(),
        "filled": pl.Int64(),
        "values": pl.Int64(),
        "longest": pl.Int64(),
        "over_limit": pl.Int64(),
        "hashes": pl.List(pl.UInt64),
        "counted": pl.Int64(),
        "top": pl.List(pl.Struct({"value": pl.String(), "rows": pl.Int64()})),
    }
)
"""A column: endpoints looked at, and those with a value; its values, of which a list has several;
characters of the longest one, and those over the service's limit; the smallest of their distinct
hashes; the values among which frequent ones were looked for, and these."""
_MEASURED = ("name", "values", "longest", "over_limit", "hashes")
_WEIGHED = pl.Schema({"name": pl.String, "value": pl.String, "rows": pl.UInt32})


def profile(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Look at columns of a mapped frame.

    Args:
        frame: Endpoints with columns of texts or lists of texts, as they came.
        names: The columns.

    Returns:
        In the shape of `PROFILE_SCHEMA`, in the order of the names.
    """
    lists = [name for name in names if isinstance(frame.schema[name], pl.List)]
    texts = frame.select(
        pl.col(name).cast(pl.List(pl.String) if name in lists else pl.String) for name in names
    )
    few = [name for name in names if name not in lists and is_repetitive(texts[name])]
    rare = texts.select(pl.exclude(lists + few).str.strip_chars())
    weighed = _count_values([*(_explode(texts[name]) for name in lists), *texts.select(few)])
    measured = pl.concat([_measure_values(weighed), _measure_texts(rare)])
    repeating = measured.filter(_repeats())["name"].to_list()
    weighed = pl.concat(
        [
            weighed.filter(pl.col("name").is_in(repeating)),
            _count_values(rare.select(name for name in rare.columns if name in repeating)),
        ]
    )
    counted = weighed.group_by("name").agg(pl.col("rows").sum().alias("counted"))
    filled = {name: _count_filled(texts[name]) for name in lists}
    lines = pl.DataFrame({"name": names}, schema={"name": pl.String})
    for found in (measured, counted, _list_top(weighed)):
        lines = lines.join(found, on="name", how="left", maintain_order="left")
    lines = lines.with_columns(
        rows=pl.lit(frame.height),
        filled=pl.col("name").replace_strict(
            filled, default=pl.col("values"), return_dtype=pl.Int64
        ),
    )
    return _complete(lines)


def limit_of(name: str) -> int | None:
    """Give the characters that the service allows in a value of a column, if it limits them."""
    return limits.ATTRIBUTE_VALUE_CHARACTERS.value if name.startswith(LIST_PREFIXES) else None


def _explode(lists: pl.Series) -> pl.Series:
    return lists.explode(empty_as_null=False)


def _count_filled(lists: pl.Series) -> int:
    is_value = pl.element().str.strip_chars().str.len_bytes() > 0
    return int(lists.list.eval(is_value).list.any().sum())


def _count_values(columns: Iterable[pl.Series]) -> pl.DataFrame:
    """Give the values of columns, trimmed and not blank, each with the rows that it has.

    One that stands there with different blanks around it is given as often.
    """
    weighed = _WEIGHED.to_frame()
    for column in columns:
        counts = column.alias("value").value_counts(name="rows")
        name = pl.Series("name", [column.name]).new_from_index(0, counts.height)
        weighed.vstack(counts.insert_column(0, name), in_place=True)
    trimmed = weighed.with_columns(pl.col("value").str.strip_chars(), pl.col("rows").cast(pl.Int64))
    return trimmed.filter(pl.col("value").str.len_bytes() > 0)


def _measure_values(weighed: pl.DataFrame) -> pl.DataFrame:
    """Measure columns by their different values."""
    length, limit = pl.col("value").str.len_chars(), limits.ATTRIBUTE_VALUE_CHARACTERS.value
    return (
        weighed.group_by("name")
        .agg(
            pl.col("rows").sum().alias("values"),
            length.max().cast(pl.Int64).alias("longest"),
            pl.col("rows").filter(_is_limited() & (length > limit)).sum().alias("over_limit"),
            pl.col("value").hash(seed=0).unique().sort().head(KEPT_HASHES).alias("hashes"),
        )
        .select(_MEASURED)
    )


def _is_limited() -> pl.Expr:
    return pl.any_horizontal(pl.col("name").str.starts_with(prefix) for prefix in LIST_PREFIXES)


def _measure_texts(texts: pl.DataFrame) -> pl.DataFrame:
    """Measure columns of texts row by row, as most of them are different."""
    lengths = texts.select(pl.all().str.len_chars().fill_null(0).cast(pl.Int64))
    hashes = texts.select(pl.all().hash(seed=0))
    lines = []
    for length in lengths:
        name, limit = length.name, limit_of(length.name)
        is_filled = length > 0
        values = int(is_filled.sum())
        kept = hashes[name] if values == len(length) else hashes[name].filter(is_filled)
        over_limit = 0 if limit is None else int((length > limit).sum())
        lines.append((name, values, length.max() or 0, over_limit, _keep_smallest(kept)))
    return pl.DataFrame(lines, _MEASURED, orient="row")


def _keep_smallest(hashes: pl.Series) -> pl.Series:
    """Give the smallest distinct hashes, in order."""
    wanted = 4 * KEPT_HASHES
    if len(hashes) > 2 * wanted:  # where most values are different, nearly all are too large
        few = hashes.filter(hashes < int(_HASH_RANGE * wanted / len(hashes))).unique()
        if len(few) >= KEPT_HASHES:
            return few.sort().head(KEPT_HASHES)
    return hashes.unique().sort().head(KEPT_HASHES)


def _distinct() -> pl.Expr:
    """Tell how many different values there are, from the smallest of their hashes."""
    kept = pl.col("hashes").list.len().cast(pl.Int64)
    last = pl.col("hashes").list.last().cast(pl.Float64)
    estimate = ((KEPT_HASHES - 1) * _HASH_RANGE / last).round().cast(pl.Int64)
    return pl.when(kept < KEPT_HASHES).then(kept).otherwise(pl.min_horizontal(estimate, "values"))


def _repeats() -> pl.Expr:
    """Tell in which columns some values are frequent."""
    return (_distinct() <= KEPT_VALUES) | (_distinct() * REPEATS <= pl.col("values"))


def _list_top(weighed: pl.DataFrame) -> pl.DataFrame:
    """Give the most frequent values of each column, with all of their rows."""
    value = pl.col("value").str.slice(0, LONGEST_VALUE)
    summed = weighed.group_by("name", value).agg(pl.col("rows").sum())
    ordered = summed.sort("name", "rows", "value", descending=[False, True, False])
    top = pl.struct("value", "rows").head(KEPT_VALUES).alias("top")
    return ordered.group_by("name", maintain_order=True).agg(top)


def _complete(lines: pl.DataFrame) -> pl.DataFrame:
    figures = [name for name, dtype in PROFILE_SCHEMA.items() if dtype == pl.Int64]
    filled = lines.with_columns(pl.col(figures).fill_null(0), pl.col("hashes", "top").fill_null([]))
    return filled.select(PROFILE_SCHEMA.names()).cast(PROFILE_SCHEMA)


def merge_profiles(profiles: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Give the profile of all rows together from those of their partitions.

    Columns come in the order in which they first appear.

    Args:
        profiles: In the shape of `PROFILE_SCHEMA`.
    """
    parts = pl.concat([PROFILE_SCHEMA.to_frame(), *profiles])
    figures = parts.group_by("name", maintain_order=True).agg(
        pl.col("rows", "filled", "values", "over_limit", "counted").sum(), pl.col("longest").max()
    )
    hashes = parts.select("name", "hashes").explode("hashes", empty_as_null=False)
    kept = hashes.group_by("name").agg(pl.col("hashes").unique().sort().head(KEPT_HASHES))
    values = parts.select("name", "top").explode("top", empty_as_null=False).unnest("top")
    for found in (kept, _list_top(values)):
        figures = figures.join(found, on="name", how="left", maintain_order="left")
    return _complete(figures)


def describe_profile(merged: pl.DataFrame) -> pl.DataFrame:
    """Put a profile into figures for people.

    Args:
        merged: In the shape of `PROFILE_SCHEMA`.

    Returns:
        `name rows filled distinct is_distinct_exact longest over_limit top`.
    """
    is_counted = pl.col("counted") >= pl.col("values") * MOSTLY_COUNTED
    is_telling = is_counted & (_distinct() * 2 <= pl.col("values"))
    return merged.select(
        "name",
        "rows",
        "filled",
        _distinct().alias("distinct"),
        (pl.col("hashes").list.len() < KEPT_HASHES).alias("is_distinct_exact"),
        "longest",
        "over_limit",
        pl.when(is_telling).then(pl.col("top").list.head(SHOWN_VALUES)).otherwise([]).alias("top"),
    )

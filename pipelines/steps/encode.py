"""Encode: a valid row to the JSON of one batch item, and the keys that other steps need.

The JSON is written column by column; members without a value are left out, as the service would
store a null. Runs before `resolve`, since a row that is too large must not win over
another row with its Id.
"""

import polars as pl

from pipelines.steps.fingerprint import NUMBERS, fingerprint, hash_items, mark_opt_outs
from pipelines.steps.json_text import (
    JsonText,
    join_members,
    nest,
    write_lists,
    write_numbers,
    write_strings,
)
from pipelines.steps.result import StepResult, drop_refused, find_issues, join_issues
from schemas import issues, limits
from schemas.columns import (
    ATTRIBUTES,
    CLEAR,
    LIST_PREFIXES,
    METRICS,
    SCALAR_COLUMNS,
    USER_ATTRIBUTES,
    attribute_name,
)

TOP_LEVEL = tuple(name for name in SCALAR_COLUMNS if "." not in name)
"""Members of a batch item that are plain texts (service model, EndpointBatchItem)."""

_MEMBER_BYTES = 40
"""What a member adds to its value at the most, besides its name: punctuation, and the digits of a
number that is written with an exponent."""
_ORDER = {name: place for place, name in enumerate(SCALAR_COLUMNS)}
"""Places of members in an item; named ones follow, by name."""


def encode(frame: pl.DataFrame, *, with_items: bool = True) -> StepResult:
    """Encode valid rows; those over the service's size limit do not go on.

    Args:
        frame: Valid rows.
        with_items: Whether the items are wanted; without them only what may be too large is
            encoded.

    Returns:
        `row_key endpoint_id id_key channel_type address user_id effective_date opt_out item`, where
        `item` is compact JSON (null without items) and `id_key` is equal for Ids that differ only
        in case. With items also `status` and the columns of `schemas.sync_records.CONTENT_SCHEMA`.
    """
    keys = frame.select(
        pl.col("row_key").cast(pl.Int64),
        pl.col("Id").alias("endpoint_id"),
        pl.col("Id").str.to_lowercase().alias("id_key"),
        pl.col("ChannelType").alias("channel_type"),
        pl.col("Address").alias("address"),
        _column_or_null(frame, "User.UserId").alias("user_id"),
        _column_or_null(frame, "EffectiveDate").alias("effective_date"),
        _column_or_null(frame, "OptOut").alias("opt_out"),
        _column_or_null(frame, "EndpointStatus").alias("status"),
    )
    if with_items:
        items = write_items(frame)
        encoded = keys.select(pl.exclude("status"), items, "status")
        encoded = encoded.hstack(fingerprint(frame, items))
        found = _find_too_large(encoded)
    else:
        encoded = keys.drop("status").with_columns(pl.lit(None, pl.String).alias("item"))
        doubtful = frame.filter(_is_doubtful(frame))
        rows = doubtful.select(pl.col("row_key").cast(pl.Int64))
        found = _find_too_large(rows.with_columns(write_items(doubtful)))
    return StepResult(drop_refused(encoded, found), found)


def opt_out_items(items: pl.Series) -> pl.Series:
    """Give items that say OptOut ALL, whatever they said of it.

    Args:
        items: What `encode` wrote. The quotes of a value are escaped and attributes are lists: the
            member is found by its text.
    """
    said, all_of_them = '"OptOut":"NONE"', '"OptOut":"ALL"'
    item = pl.col(items.name)
    return items.to_frame().select(
        pl.when(item.str.contains(said, literal=True))
        .then(item.str.replace(said, all_of_them, literal=True))
        .otherwise(pl.concat_str(pl.lit("{" + all_of_them + ","), item.str.slice(1)))
    )[items.name]


def opt_out_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Let rows say OptOut ALL, in all of their columns that tell of it.

    Args:
        rows: Rows of one partition, as `encode` gave them with items.
    """
    items = opt_out_items(rows["item"])
    return rows.with_columns(
        items,
        *mark_opt_outs(rows.select("layout", "marks")),
        hash_items(items).alias("content"),
        opt_out=pl.lit("ALL"),
    )


def drop_known_opt_ins(items: pl.Series, is_known: pl.Series) -> pl.Series:
    """Give items that say OptOut NONE without that, where it need not be said again.

    Args:
        items: What `encode` wrote; the member stands behind others, so a comma goes with it.
        is_known: For each item, whether the service knows.
    """
    return items.zip_with(~is_known, items.str.replace(',"OptOut":"NONE"', "", literal=True))


def _column_or_null(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in frame.columns else pl.lit(None, pl.String)


def _find_too_large(encoded: pl.DataFrame) -> pl.DataFrame:
    size = pl.col("item").str.len_bytes()
    too_large = encoded.filter(size > limits.ENDPOINT_BYTES.value)
    value = pl.format("{} bytes", size)
    return join_issues([find_issues(too_large, "Id", issues.ENDPOINT_TOO_LARGE, value)])


def _is_doubtful(frame: pl.DataFrame) -> pl.Expr:
    """Tell which rows could be over the size limit: at the most, escaping makes six of a byte."""
    values = [
        pl.col(name).list.eval(pl.element().str.len_bytes() + _MEMBER_BYTES).list.sum()
        if isinstance(frame.schema[name], pl.List)
        else pl.col(name).str.len_bytes()
        for name in frame.columns
        if name != "row_key" and not name.startswith(CLEAR)
    ]
    fixed = sum(_MEMBER_BYTES + 6 * len(name.encode()) for name in frame.columns)
    return pl.sum_horizontal(values) * 6 + fixed > limits.ENDPOINT_BYTES.value


def write_items(frame: pl.DataFrame) -> pl.Series:
    """Write the JSON of each row's batch item; the series is called `item`.

    A row's text depends on its values only, not on the order of the columns or on other rows: what
    the sync state compares is a hash of it.
    """
    frame = _fill_cleared(frame)
    used = [c for c in frame.iter_columns() if c.null_count() < frame.height or not frame.height]
    used.sort(key=lambda column: (_ORDER.get(column.name, len(_ORDER)), column.name))
    members = [write_strings(c.name, c) for c in used if c.name in TOP_LEVEL]
    for group in ("Location", "Demographic"):
        members += nest(group, _plain_members(used, f"{group}."))
    members += nest("Attributes", _named_members(used, ATTRIBUTES))
    members += nest("Metrics", _named_members(used, METRICS))
    user = [write_strings("UserId", c) for c in used if c.name == "User.UserId"]
    user += nest("UserAttributes", _named_members(used, USER_ATTRIBUTES))
    item = join_members([*members, *nest("User", user)]).within("{", "}")
    return frame.select(item.as_expression().alias("item")).to_series()


def _fill_cleared(frame: pl.DataFrame) -> pl.DataFrame:
    """Put what the service forgets a value by where that is asked: an empty text or list.

    A column without its helper column (`schemas.columns.CLEAR`) stays as it is.
    """
    filled = []
    for helper in [name for name in frame.columns if name.startswith(CLEAR)]:
        name = helper.removeprefix(CLEAR)
        value = pl.col(name)
        is_list = name.startswith(LIST_PREFIXES)
        if is_list and not isinstance(frame.schema[name], pl.List):
            value = pl.when(value.is_not_null()).then(pl.concat_list(value))
        empty = pl.lit([], pl.List(pl.String)) if is_list else pl.lit("")
        is_cleared = pl.col(name).is_null() & pl.col(helper)
        filled.append(pl.when(is_cleared).then(empty).otherwise(value).alias(name))
    return frame.with_columns(filled).select(pl.exclude(f"^{CLEAR}.*$")) if filled else frame


def _plain_members(columns: list[pl.Series], prefix: str) -> list[JsonText]:
    return [
        (write_numbers if column.name in NUMBERS else write_strings)(
            column.name.removeprefix(prefix), column
        )
        for column in columns
        if column.name.startswith(prefix)
    ]


def _named_members(columns: list[pl.Series], prefix: str) -> list[JsonText]:
    write = write_numbers if prefix == METRICS else write_lists
    return [
        write(attribute_name(column.name) or column.name, column)
        for column in columns
        if column.name.startswith(prefix)
    ]

"""Encode: a valid row to the JSON of one batch item, and the keys that other steps need.

The JSON is written by polars, column by column; members without a value are left out, as the
service would store a null. Runs before `resolve`, since a row that is too large must not win over
another row with its Id.
"""

import polars as pl

from pipelines.steps.result import StepResult, drop_refused, find_issues, join_issues
from schemas import issues, limits
from schemas.columns import (
    ATTRIBUTES,
    METRICS,
    SCALAR_COLUMNS,
    USER_ATTRIBUTES,
    attribute_name,
)

TOP_LEVEL = tuple(name for name in SCALAR_COLUMNS if "." not in name)
"""Members of a batch item that are plain texts (service model, EndpointBatchItem)."""

_STRING = r'"(?:[^"\\]|\\.)*"'
_NULL_AFTER_COMMA = f",{_STRING}:null"
_NULL_AFTER_BRACE = rf"\{{{_STRING}:null,?"
# A match must begin at the opening quote of a name. As quotes inside a text are escaped, it could
# otherwise only begin at a text's closing quote, and then ends at one that opens with `:null`, as
# in ["a,",":null"]. A frame with such a text, which the next pattern finds, takes a slower way.
_OPENS_WITH_NULL = r'[\[,{:]":null'
_ANY_STRING = f"({_STRING})"


def encode(frame: pl.DataFrame) -> StepResult:
    """Encode valid rows; those over the service's size limit do not go on.

    Returns:
        `source_row endpoint_id id_key channel_type address user_id effective_date item`, where
        `item` is compact JSON and `id_key` is equal for Ids that differ only in case.
    """
    encoded = frame.select(
        pl.col("source_row").cast(pl.Int64),
        pl.col("Id").alias("endpoint_id"),
        pl.col("Id").str.to_lowercase().alias("id_key"),
        pl.col("ChannelType").alias("channel_type"),
        pl.col("Address").alias("address"),
        _column_or_null(frame, "User.UserId").alias("user_id"),
        _column_or_null(frame, "EffectiveDate").alias("effective_date"),
        _item(frame).alias("item"),
    )
    encoded = encoded.with_columns(_drop_nulls(encoded["item"]))
    size = pl.col("item").str.len_bytes()
    too_large = encoded.filter(size > limits.ENDPOINT_BYTES.value)
    value = pl.format("{} bytes", size)
    found = join_issues([find_issues(too_large, "Id", issues.ENDPOINT_TOO_LARGE, value)])
    return StepResult(drop_refused(encoded, found), found)


def _column_or_null(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in frame.columns else pl.lit(None, pl.String)


def _item(frame: pl.DataFrame) -> pl.Expr:
    members = [pl.col(name) for name in TOP_LEVEL if name in frame.columns]
    members += _object(frame, "Location", _plain_members(frame, "Location."))
    members += _object(frame, "Demographic", _plain_members(frame, "Demographic."))
    members += _object(frame, "Attributes", _list_members(frame, ATTRIBUTES))
    members += _object(frame, "Metrics", _number_members(frame, METRICS))
    user = [pl.col("User.UserId").alias("UserId")] if "User.UserId" in frame.columns else []
    user += _object(frame, "UserAttributes", _list_members(frame, USER_ATTRIBUTES))
    members += _object(frame, "User", user)
    return pl.struct(members).struct.json_encode()


def _drop_nulls(texts: pl.Series) -> pl.Series:
    """Take the members that are null out of encoded objects."""
    if not texts.str.contains(_OPENS_WITH_NULL).any():
        return texts.str.replace_all(_NULL_AFTER_COMMA, "").str.replace_all(_NULL_AFTER_BRACE, "{")
    # Matching every string, and putting it back, keeps the matches in step with the quotes.
    after_brace = _NULL_AFTER_BRACE.replace(r"\{", r"(\{)", 1)
    texts = texts.str.replace_all(f"{_NULL_AFTER_COMMA}|{_ANY_STRING}", "${1}")
    return texts.str.replace_all(f"{after_brace}|{_ANY_STRING}", "${1}${2}")


def _object(frame: pl.DataFrame, name: str, members: list[pl.Expr]) -> list[pl.Expr]:
    """Nest members under a name; null where all of them are, so that no empty object is sent."""
    if not members:
        return []
    has_any = pl.any_horizontal(member.is_not_null() for member in members)
    return [pl.when(has_any).then(pl.struct(members)).alias(name)]


def _plain_members(frame: pl.DataFrame, prefix: str) -> list[pl.Expr]:
    members = []
    for name in frame.columns:
        if name.startswith(prefix):
            member = name.removeprefix(prefix)
            is_number = member in ("Latitude", "Longitude")
            column = pl.col(name).cast(pl.Float64) if is_number else pl.col(name)
            members.append(column.alias(member))
    return members


def _list_members(frame: pl.DataFrame, prefix: str) -> list[pl.Expr]:
    members = []
    for name in frame.columns:
        if name.startswith(prefix):
            column = pl.col(name)
            if not isinstance(frame.schema[name], pl.List):
                column = pl.when(column.is_not_null()).then(pl.concat_list(column))
            members.append(column.alias(attribute_name(name) or name))
    return members


def _number_members(frame: pl.DataFrame, prefix: str) -> list[pl.Expr]:
    return [
        pl.col(name).cast(pl.Float64).alias(attribute_name(name) or name)
        for name in frame.columns
        if name.startswith(prefix)
    ]

"""Endpoint rows: the endpoints that the records of a partition gave, each under its own key."""

import polars as pl

from schemas.row_keys import row_of

_SAME = ("Id", "ChannelType", "Address")
_OPEN = {"OptOut": "NONE", "EndpointStatus": "ACTIVE"}
"""What a column says, besides nothing, of an endpoint that may be written to."""


def drop_repeated(frame: pl.DataFrame) -> pl.DataFrame:
    """Drop endpoints that are the same as another one of their record.

    Such as of a phone and a mobile phone with one number; if only the Ids are the same, both stay.
    The first one stays, or else the first that says no: who opted out of one has opted out.

    Args:
        frame: Normalized endpoints in the order of their keys.
    """
    row = row_of(pl.col("row_key"))
    if not frame.select(row.is_duplicated().any()).item():
        return frame
    # An endpoint without an Id lacks its channel or address: that is to be told.
    same = pl.struct(row, *(pl.col(name).str.to_lowercase() for name in _SAME))
    is_repeated = same.is_duplicated() & pl.col("Id").is_not_null()
    is_open = [
        pl.col(name).fill_null(word) == word
        for name, word in _OPEN.items()
        if name in frame.columns
    ]
    ranked = frame.filter(is_repeated).sort(*is_open, "row_key")
    kept = ranked.filter(same.is_first_distinct())["row_key"].implode()
    return frame.filter(~is_repeated | pl.col("row_key").is_in(kept))


def find_named(frame: pl.DataFrame) -> pl.Series:
    """Give the keys of the endpoints whose Id the source gives; others get one from their address.

    Args:
        frame: Mapped endpoints.
    """
    if "Id" not in frame.columns:
        return pl.Series("row_key", [], dtype=pl.Int64)
    is_given = pl.col("Id").str.strip_chars().str.len_bytes() > 0
    return frame.filter(is_given)["row_key"].cast(pl.Int64)


def list_endpoints(rows: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """List every endpoint, and every record that gave none.

    Args:
        rows: `row_key` of every record that was not left out.
        ids: `row_key`, `endpoint_id`, `region`, `country` and `has_own_id` of the endpoints.

    Returns:
        The same columns, in the order of the keys; a record is there at least once.
    """
    given = ids.select(row_of(pl.col("row_key")).alias("row")).unique()
    without = rows.join(
        given, left_on=row_of(pl.col("row_key")), right_on="row", how="anti"
    ).select("row_key")
    return pl.concat([ids, without], how="diagonal").sort("row_key")


def drop_explained(found: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
    """Leave out issues about values that the mapping has found at fault already.

    Args:
        found: Issues in the shape of `FOUND_SCHEMA`.
        faults: Errors of the mapping, in the same shape.
    """
    if faults.is_empty():
        return found
    return found.join(faults, on=["row_key", "column"], how="anti", maintain_order="left")

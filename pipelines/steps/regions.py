"""Regions: with which country a row's phone number in national form is read."""

import polars as pl

from schemas.columns import PHONE_REGION


def read_regions(frame: pl.DataFrame, default_country: str | None) -> pl.Series:
    """Give the ISO 3166-1 alpha-2 code of each row.

    What the mapping says of its phone number comes first, then its own country, then the default.

    Args:
        frame: Rows whose `Location.Country`, if they have one, is normalized.
        default_country: Of rows that name none; null stays null without it.
    """
    known = [pl.col(c).cast(pl.String) for c in (PHONE_REGION, "Location.Country") if c in frame]
    region = pl.coalesce(*known, pl.lit(default_country, pl.String))
    return frame.with_columns(region.alias("region"))["region"]

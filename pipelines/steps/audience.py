"""Audience: by which channel endpoints are reached, and in which country, counted by outcome."""

import polars as pl

from schemas.channels import PHONE_CHANNELS, ChannelType
from schemas.codes import country_codes
from schemas.phone_countries import find_phone_countries

AUDIENCE_SCHEMA = pl.Schema(
    {
        "channel": pl.String(),
        "audience_country": pl.String(),
        "outcome": pl.String(),
        "endpoints": pl.Int64(),
    }
)
"""Endpoints of one channel in one country with one outcome."""
AUDIENCE = ("channel", "audience_country")


def find_audience(frame: pl.DataFrame) -> list[pl.Series]:
    """Give the channel and the country of endpoints, null where nothing tells.

    A country is that of the location; else that of the phone number.

    Args:
        frame: Normalized endpoints.
    """
    channel = pl.col("ChannelType")
    known = frame.select(
        pl.when(channel.is_in(list(ChannelType))).then(channel).alias("channel"),
        pl.when(channel.is_in(sorted(PHONE_CHANNELS))).then("Address").alias("phone"),
    )
    country = find_phone_countries(known["phone"])
    if (name := "Location.Country") in frame.columns:
        located = frame[name].cast(pl.String)
        is_code = located.is_in(sorted(country_codes())).fill_null(value=False)
        country = located.zip_with(is_code, country)
    return [known["channel"], country.alias("audience_country")]


def count_audience(rows: pl.DataFrame, outcomes: pl.Series) -> pl.DataFrame:
    """Count endpoints, and rows that gave none.

    Args:
        rows: The columns of `AUDIENCE`; a run that an older version began may lack them.
        outcomes: What became of the rows, in the same order.

    Returns:
        In the shape of `AUDIENCE_SCHEMA`.
    """
    known = [
        rows[name] if name in rows.columns else pl.Series(name, [None]).new_from_index(0, len(rows))
        for name in AUDIENCE
    ]
    counted = pl.DataFrame([*known, outcomes.alias("outcome")])
    return add_up_audience([counted.with_columns(endpoints=pl.lit(1))])


def add_up_audience(counts: list[pl.DataFrame]) -> pl.DataFrame:
    """Add up counts in the shape of `AUDIENCE_SCHEMA`, most endpoints first."""
    parts = [part.cast(AUDIENCE_SCHEMA) for part in counts]
    names = [*AUDIENCE, "outcome"]
    summed = (
        pl.concat([AUDIENCE_SCHEMA.to_frame(), *parts])
        .group_by(names)
        .agg(pl.col("endpoints").sum())
    )
    return summed.sort("endpoints", *names, descending=[True, False, False, False])

"""Dates: ISO 8601 in its usual spellings to UTC with milliseconds, as the service writes them."""

import polars as pl

from schemas.endpoint import DATE_FORMAT

ISO_8601 = (
    r"^(?P<year>[0-9]{4})-?(?P<month>[0-9]{2})-?(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})"
    r"(?::?(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r" ?(?P<zone>[Zz]|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
"""Calendar dates, extended and basic; week and ordinal dates are not read."""
USUAL = (
    r"^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?Z$"
)
"""UTC as most programs write it, on a day that every month has: certainly a date."""
EPOCH = r"^1[0-9]{9}(?:[0-9]{3})?$"
"""Seconds or milliseconds since 1970, of the years 2001 to 2033: exact, and no other form of a date
is as long but the rare `YYMMDDhhmm`, of years gone by."""
_TO_THE_SECOND = len("2026-01-31T09:30:00")


def normalize_dates(texts: pl.Series) -> pl.DataFrame:
    """Read dates and write them as `YYYY-MM-DDTHH:MM:SS.mmmZ`.

    A date or time without a zone is read as UTC and flagged, and so is a number of seconds or
    milliseconds since 1970. Fractions are cut after milliseconds.

    Args:
        texts: Trimmed texts or nulls.

    Returns:
        As many rows with `date` (the text as it came where it is no date), `is_zone_missing` and
        `is_epoch`.
    """
    is_usual = texts.str.contains(USUAL).fill_null(value=False)
    is_short = texts.str.len_bytes() == _TO_THE_SECOND + 1
    filled = texts.str.slice(0, _TO_THE_SECOND) + ".000Z"
    dates = texts.zip_with(~(is_usual & is_short).fill_null(value=False), filled)
    flags = pl.Series([False]).new_from_index(0, len(texts))
    found = pl.DataFrame({"date": dates, "is_zone_missing": flags, "is_epoch": flags})
    if is_usual.all():
        return found
    places = (~is_usual).arg_true()
    others = _normalize_unusual(texts.gather(places))
    return found.select(column.scatter(places, others[column.name]) for column in found)


def _normalize_unusual(texts: pl.Series) -> pl.DataFrame:
    parts = pl.col("text").str.extract_groups(ISO_8601)
    frame = texts.to_frame("text").with_columns(parts.alias("parts")).unnest("parts")
    local = pl.concat_str(
        *("year", "month", "day"),
        pl.col("hour").fill_null("00"),
        pl.col("minute").fill_null("00"),
        pl.col("second").fill_null("00"),
        pl.col("fraction").fill_null("0").str.pad_end(3, "0").str.slice(0, 3),
    ).str.to_datetime("%Y%m%d%H%M%S%3f", time_unit="ms", strict=False)
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    digits = pl.col("zone").str.replace_all("[^0-9]", "").str.pad_end(4, "0")
    hours = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(2, 2).cast(pl.Int64, strict=False).fill_null(0)
    in_range = (hours < 24) & (minutes < 60)
    moved = local - sign * pl.duration(hours=hours, minutes=minutes)
    # An offset can lead out of the years of four digits.
    # ISO 8601 without separators has eight digits, or a T behind them.
    number = pl.when(pl.col("text").str.contains(EPOCH)).then(pl.col("text"))
    since_1970 = pl.from_epoch(number.str.pad_end(13, "0").cast(pl.Int64), time_unit="ms")
    is_date = in_range & moved.dt.year().is_between(1, 9999)
    utc = pl.coalesce(pl.when(is_date).then(moved), since_1970)
    return frame.select(
        date=utc.dt.strftime(DATE_FORMAT).fill_null(pl.col("text")),
        is_zone_missing=utc.is_not_null() & number.is_null() & pl.col("zone").is_null(),
        is_epoch=number.is_not_null(),
    )

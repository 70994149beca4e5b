"""Mapped dates: dates in the forms that a mapping names, to ISO 8601."""

import polars as pl

from pipelines.steps.dates import normalize_dates
from schemas.endpoint import DATE_FORMAT
from schemas.mapping_text import has_time

_DAY_FORMAT = "%Y-%m-%d"
_YEARS = (1000, 9999)
"""Years that are told from a day or a year of two digits."""


def read_dates(
    texts: pl.Series, date_formats: tuple[str, ...], timezone: str | None, *, keeps_days: bool
) -> pl.Series:
    """Read dates in the first form that fits; null where none does.

    Args:
        texts: Trimmed texts or nulls.
        date_formats: Forms (strftime).
        timezone: Time zone of dates that name none; UTC if None.
        keeps_days: Whether a date without a time stays one, instead of becoming its midnight.

    Returns:
        UTC as `YYYY-MM-DDTHH:MM:SS.mmmZ`, or `YYYY-MM-DD` of days that are kept. A local time that
        there never was (as clocks were put forward) is null.
    """
    read = pl.Series(texts.name, [None], dtype=pl.String).new_from_index(0, len(texts))
    for date_format in date_formats:
        left = read.is_null() & texts.is_not_null()
        if left.any():
            is_day = keeps_days and not has_time(date_format)
            found = _read_form(texts.filter(left), date_format, timezone, is_day=is_day)
            read = read.scatter(left.arg_true(), found)
    return read


def _read_form(
    texts: pl.Series, date_format: str, timezone: str | None, *, is_day: bool
) -> pl.Series:
    moment = texts.str.to_datetime(date_format, time_unit="ms", strict=False)
    moment = _within_years(moment)
    if is_day:
        return moment.dt.strftime(_DAY_FORMAT)
    return _write_utc(moment, timezone)


def _within_years(moments: pl.Series) -> pl.Series:
    return moments.set(~moments.dt.year().is_between(*_YEARS), None)


def _write_utc(moments: pl.Series, timezone: str | None) -> pl.Series:
    if timezone is not None and moments.dtype == pl.Datetime("ms"):
        moments = moments.dt.replace_time_zone(
            timezone, ambiguous="earliest", non_existent="null"
        ).dt.convert_time_zone("UTC")
    return _within_years(moments).dt.strftime(DATE_FORMAT)


def place_dates(texts: pl.Series, timezone: str) -> pl.Series:
    """Move dates in ISO 8601 that have a time but no zone from their time zone to UTC.

    Anything else stays as it came, times that there never were in that zone included.
    """
    dates = normalize_dates(texts)
    has_clock = texts.str.contains("[Tt ][0-9]").fill_null(value=False)
    is_local = dates["is_zone_missing"] & has_clock
    if not is_local.any():
        return texts
    local = dates["date"].filter(is_local).str.to_datetime(DATE_FORMAT, time_unit="ms")
    moved = _write_utc(local.dt.replace_time_zone(None), timezone)
    came = texts.filter(is_local)
    return texts.scatter(is_local.arg_true(), moved.zip_with(moved.is_not_null(), came))

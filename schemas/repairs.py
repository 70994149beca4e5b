"""Repairs: what a value that an accident damaged may have been. Suggested, and never applied.

A suggestion can be put into the cell as it is. So there is none where digits are lost: those that
are left stand in the value already, and the last of them is rounded.
"""

from collections.abc import Callable
from typing import Final

import orjson
import polars as pl

from schemas import issues
from schemas.codes import suggest_locale
from schemas.columns import LIST_PREFIXES
from schemas.damage import add_zeros
from schemas.mojibake import read_back
from schemas.near_misses import (
    NearMisses,
    near_channels,
    near_countries,
    near_statuses,
    near_timezones,
)
from schemas.phones import PhoneCheck, check_phones, normalize_phones
from schemas.postal_codes import pad_codes
from schemas.slips import (
    read_braced,
    read_date,
    read_email,
    read_number,
    read_phone,
    read_printable,
)

KEPT_FILLED: Final = frozenset({"Id", "ChannelType", "Address", "OptOut"})
"""Columns for which leaving the cell empty is no suggestion: it would make another endpoint, or
say nothing where somebody may have opted out."""
_FIRST_DAY = "1899-12-30"
"""Day 0 of the system that starts in 1900, for its days after February of that year."""

Repair = Callable[[pl.DataFrame], pl.Series]
"""From distinct `column`, `value`, `region` and `country` to a text for each, or null for none."""


def read_whole(values: pl.Series) -> pl.Series:
    """Write out numbers in scientific notation that show all of their digits, else null."""
    frame = values.to_frame("value")
    value = pl.col("value")
    parts = value.str.extract_groups(r"^\+?([1-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})$")
    first, decimals, exponent = (parts.struct.field(name) for name in "123")
    is_whole = decimals.str.len_bytes() == exponent.cast(pl.UInt32)
    return frame.select(pl.when(is_whole).then(first + decimals)).to_series()


def _whole(rows: pl.DataFrame) -> pl.Series:
    return read_whole(rows["value"])


def _whole_phone(rows: pl.DataFrame) -> pl.Series:
    digits = read_whole(rows["value"])
    international = "+" + digits
    national = normalize_phones(digits, rows["region"])
    frame = pl.DataFrame({"a": _valid(international), "b": _valid(national)})
    return frame.select(pl.coalesce("a", "b")).to_series()


def _valid(numbers: pl.Series) -> pl.Series:
    is_valid = check_phones(numbers, PhoneCheck.VALID).fill_null(value=False)
    return numbers.set(~is_valid, None)


def _with_plus(rows: pl.DataFrame) -> pl.Series:
    return "+" + rows["value"]


def _with_zero(rows: pl.DataFrame) -> pl.Series:
    return add_zeros(rows["value"], rows["region"])


def _with_zeros(rows: pl.DataFrame) -> pl.Series:
    return rows.select(pad_codes(pl.col("value"), pl.col("country"))).to_series()


def _empty(rows: pl.DataFrame) -> pl.Series:
    kept = pl.col("column").is_in(sorted(KEPT_FILLED))
    return rows.select(pl.when(~kept).then(pl.lit(""))).to_series()


def _date(rows: pl.DataFrame) -> pl.Series:
    """Count days from 1900; the zone is not known, and so none is written."""
    days = pl.col("value").cast(pl.Float64, strict=False)
    moment = pl.lit(_FIRST_DAY).str.to_datetime(time_unit="ms") + pl.duration(
        seconds=(days * 86_400).round().cast(pl.Int64)
    )
    has_time = pl.col("value").str.contains(".", literal=True)
    return rows.select(
        pl.when(has_time)
        .then(moment.dt.strftime("%Y-%m-%dT%H:%M:%S"))
        .otherwise(moment.dt.strftime("%Y-%m-%d"))
    ).to_series()


def _read_back(rows: pl.DataFrame) -> pl.Series:
    pairs = rows.select("column", "value").iter_rows()
    return pl.Series([_read_back_value(*pair) for pair in pairs], dtype=pl.String)


def _read_back_value(column: str, value: str) -> str | None:
    if column.startswith(LIST_PREFIXES) and value.startswith("["):
        try:
            read = [read_back(text) for text in orjson.loads(value)]
        except (orjson.JSONDecodeError, TypeError):  # a single text that starts so
            return read_back(value)
        return "; ".join(text for text in read if text is not None) or None
    return read_back(value)


def _locale(rows: pl.DataFrame) -> pl.Series:
    return pl.Series([suggest_locale(text) for text in rows["value"]], dtype=pl.String)


def _near(find: Callable[[], NearMisses]) -> Repair:
    return lambda rows: find().find_all(rows["value"])


REPAIRS: Final[dict[str, Repair]] = {
    issues.ID_SCIENTIFIC.code: _whole,
    issues.USER_ID_SCIENTIFIC.code: _whole,
    issues.POSTAL_CODE_SCIENTIFIC.code: _whole,
    issues.ADDRESS_SCIENTIFIC.code: _whole_phone,
    issues.ADDRESS_PLUS_LOST.code: _with_plus,
    issues.ADDRESS_ZERO_LOST.code: _with_zero,
    issues.POSTAL_CODE_ZERO_LOST.code: _with_zeros,
    issues.DATE_SERIAL.code: _date,
    issues.METRIC_INVALID.code: read_number,
    issues.EMAIL_INVALID.code: read_email,
    issues.PHONE_INVALID.code: read_phone,
    issues.DATE_INVALID.code: read_date,
    issues.LOCALE_INVALID.code: _locale,
    issues.ID_CHARACTER.code: read_braced,
    issues.CONTROL_CHARACTER.code: read_printable,
    issues.COUNTRY_UNKNOWN.code: _near(near_countries),
    issues.TIMEZONE_UNKNOWN.code: _near(near_timezones),
    issues.CHANNEL_UNKNOWN.code: _near(near_channels),
    issues.STATUS_UNKNOWN.code: _near(near_statuses),
    issues.MOJIBAKE.code: _read_back,
    issues.SPREADSHEET_ERROR.code: _empty,
}
"""By issue code; a repair may have nothing to suggest for a value."""

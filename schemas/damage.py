"""Spreadsheet damage: what an accident did to a value, named but never repaired."""

import polars as pl

from schemas import issues
from schemas.phones import PhoneCheck, check_phones

SCIENTIFIC = r"^[+-]?[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}$"
"""How spreadsheets show numbers of twelve and more digits, as in 4.47946E+11."""
BARE_DIGITS = r"^[1-9][0-9]{6,14}$"
"""An E.164 number without its plus."""


def name_phone_damage(addresses: pl.Series) -> pl.Series:
    """Give the issue code of each refused phone number: the accident's, or plainly invalid.

    Args:
        addresses: Addresses of SMS and VOICE rows that failed the phone check.
    """
    frame = addresses.to_frame("address")
    bare = pl.col("address").str.contains(BARE_DIGITS)
    with_plus = frame.select(pl.when(bare).then(pl.lit("+") + pl.col("address"))).to_series()
    plus_lost = check_phones(with_plus, PhoneCheck.VALID).fill_null(value=False)
    return frame.select(
        pl.when(pl.col("address").str.contains(SCIENTIFIC))
        .then(pl.lit(issues.ADDRESS_SCIENTIFIC.code))
        .when(plus_lost)
        .then(pl.lit(issues.ADDRESS_PLUS_LOST.code))
        .otherwise(pl.lit(issues.PHONE_INVALID.code))
        .alias("code")
    ).to_series()

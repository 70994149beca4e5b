"""Spreadsheet damage: what an accident did to a value, named but never repaired.

`name_damage` tells of values that broke a rule which accident it was; `schemas.repairs` what the
value may have been. What has one meaning only is no damage: see `schemas.text_accidents` and
`schemas.number_forms`.
"""

from typing import Final

import polars as pl

from schemas import issues
from schemas.phones import PhoneCheck, check_phones, normalize_phones
from schemas.spreadsheet_errors import SPREADSHEET_ERRORS

SCIENTIFIC = r"^[+-]?[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}$"
"""How spreadsheets show numbers of twelve and more digits, as in 4.47946E+11."""
SCIENTIFIC_ID = r"^[1-9](?:[.,][0-9]+)?[eE]\+[0-9]{2}$"
"""The same where letters may be meant: as programs write it, so that `12E5` stays an Id."""
BARE_DIGITS = r"^[1-9][0-9]{6,14}$"
"""An E.164 number without its plus."""
SERIAL_DATE = r"^(?:[2-6][0-9]{4}|7[0-3][0-9]{3})(?:\.[0-9]+)?$"
"""Days since 1900 of the dates from 1954 to 2102, or since 1904 of those four years later."""


def name_damage(found: pl.DataFrame) -> pl.DataFrame:
    """Give broken rules the accident's code, where the value shows one.

    Args:
        found: `row_key`, `column`, `code`, `value` of errors, and the `region` of their rows.

    Returns:
        The same without `region`; of two that came to the same code, one.
    """
    value, code = pl.col("value"), pl.col("code")
    errors = pl.Series(sorted(SPREADSHEET_ERRORS)).implode()
    is_serial = (code == issues.DATE_INVALID.code) & value.str.contains(SERIAL_DATE)
    named = found.with_columns(
        pl.when(value.is_in(errors))
        .then(pl.lit(issues.SPREADSHEET_ERROR.code))
        .when(is_serial)
        .then(pl.lit(issues.DATE_SERIAL.code))
        .otherwise(code)
        .alias("code")
    )
    is_phone = named["code"] == issues.PHONE_INVALID.code
    if is_phone.any():
        phones = named.filter(is_phone)
        codes = name_phone_damage(phones["value"], phones["region"])
        named = named.with_columns(named["code"].scatter(is_phone.arg_true(), codes))
    return named.drop("region").unique(
        ["row_key", "column", "code"], keep="first", maintain_order=True
    )


def name_phone_damage(addresses: pl.Series, regions: pl.Series) -> pl.Series:
    """Give the issue code of each refused phone number: the accident's, or plainly invalid.

    Args:
        addresses: Addresses of SMS and VOICE rows that failed the phone check.
        regions: ISO 3166-1 alpha-2 code that each was read with, or null.
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
        .when(add_zeros(addresses, regions).is_not_null())
        .then(pl.lit(issues.ADDRESS_ZERO_LOST.code))
        .otherwise(pl.lit(issues.PHONE_INVALID.code))
        .alias("code")
    ).to_series()


ZERO_CODES: Final = ("39", "225", "229", "241", "242", "378", "379")
"""Calling codes of countries whose numbers keep a leading zero in international form: Italy, Ivory
Coast, Benin, Gabon, Congo, San Marino, Vatican. Elsewhere it is dialled, and no part of them."""
_MOBILE_START = r"^\+393"
"""Italian mobile numbers start with 3 and never had a zero."""


def add_zeros(addresses: pl.Series, regions: pl.Series) -> pl.Series:
    """Give the valid E.164 number that each refused one is with a zero in front, else null."""
    frame = pl.DataFrame({"address": addresses, "region": regions.cast(pl.String)})
    address = pl.col("address")
    international = pl.coalesce(
        pl.when(address.str.contains(rf"^\+{code}[1-9][0-9]*$")).then(
            f"+{code}0" + address.str.slice(len(code) + 1)
        )
        for code in ZERO_CODES
    )
    national = pl.when(address.str.contains(r"^[1-9][0-9 ]+$")).then("0" + address)
    frame = frame.with_columns(
        zeroed=pl.when(~address.str.contains(_MOBILE_START)).then(
            pl.coalesce(international, national)
        )
    )
    read = normalize_phones(frame["zeroed"], frame["region"])
    is_valid = check_phones(read, PhoneCheck.VALID).fill_null(value=False)
    return read.set(~is_valid, None).alias(addresses.name)

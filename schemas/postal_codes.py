"""Postal codes that start with a zero, which spreadsheets take away."""

from dataclasses import dataclass
from typing import Final

import polars as pl


@dataclass(frozen=True, slots=True)
class PostalForm:
    """How a country's postal codes look where they start with zeros."""

    digits: int
    """Digits of every code."""
    fewest: int
    """Digits that are left of the code with the most zeros in front; fewer come of something
    else."""


POSTAL_FORMS: Final[dict[str, PostalForm]] = {
    "AM": PostalForm(4, 2),  # 0010 Yerevan
    "AU": PostalForm(4, 3),  # 0800 Darwin
    "BR": PostalForm(8, 7),  # 01310-100 São Paulo
    "CN": PostalForm(6, 5),  # 010000 Hohhot
    "DE": PostalForm(5, 4),  # 01067 Dresden
    "DZ": PostalForm(5, 4),  # 01000 Adrar
    "EC": PostalForm(6, 5),  # 010101 Cuenca
    "ES": PostalForm(5, 4),  # 01001 Vitoria-Gasteiz
    "FI": PostalForm(5, 3),  # 00100 Helsinki
    "FR": PostalForm(5, 4),  # 01000 Bourg-en-Bresse
    "GE": PostalForm(4, 3),  # 0105 Tbilisi
    "GT": PostalForm(5, 4),  # 01001 Guatemala
    "IT": PostalForm(5, 2),  # 00010 Montelibretti
    "JP": PostalForm(7, 6),  # 060-8588 Sapporo
    "KE": PostalForm(5, 3),  # 00100 Nairobi
    "KR": PostalForm(5, 4),  # 03187 Seoul
    "KZ": PostalForm(6, 5),  # 010000 Astana
    "LK": PostalForm(5, 3),  # 00100 Colombo
    "MX": PostalForm(5, 4),  # 06000 Ciudad de México
    "MY": PostalForm(5, 4),  # 01000 Kangar
    "NO": PostalForm(4, 2),  # 0010 Oslo
    "NZ": PostalForm(4, 3),  # 0110 Whangārei
    "PE": PostalForm(5, 4),  # 04001 Arequipa
    "PR": PostalForm(5, 3),  # 00601 Adjuntas
    "RO": PostalForm(6, 5),  # 010011 București
    "SG": PostalForm(6, 5),  # 018956 Singapore
    "SK": PostalForm(5, 4),  # 010 01 Žilina
    "TR": PostalForm(5, 4),  # 06100 Ankara
    "UA": PostalForm(5, 4),  # 01001 Kyiv
    "US": PostalForm(5, 3),  # 00501 Holtsville
    "VA": PostalForm(5, 3),  # 00120 Città del Vaticano
    "VI": PostalForm(5, 3),  # 00801 Charlotte Amalie
    "ZA": PostalForm(4, 1),  # 0001 Pretoria
}
"""By ISO 3166-1 alpha-2 code; each with a code that shows the zeros.

Source: the national operators' own directories, as told in the Universal Postal Union's pages on
postal addressing systems. Not in the table: countries without such codes, those that write
letters or a hyphen in them, which keep the zeros, and those where a shorter number is met that is
whole: Denmark (the Faroe Islands have three digits, and no one lives at 0900), Colombia (numbers of
municipalities have five) and Lithuania (four until 2005).
"""
_DIGITS = {country: form.digits for country, form in POSTAL_FORMS.items()}


def find_short_codes(codes: pl.Series, countries: pl.Series) -> pl.Series | None:
    """Find the codes that have fewer characters than their country's have digits.

    Returns:
        These codes, null elsewhere; None where there are none.
    """
    lengths = codes.str.len_bytes()
    present = set(countries.unique().drop_nulls())
    short = pl.Series([False]).new_from_index(0, len(codes))
    for length in lengths.unique().drop_nulls():
        suspects = [
            country
            for country in sorted(present & set(POSTAL_FORMS))
            if POSTAL_FORMS[country].fewest <= length < POSTAL_FORMS[country].digits
        ]
        if suspects:
            is_suspect = countries.is_in(pl.Series(suspects, dtype=pl.String).implode())
            short |= (is_suspect & (lengths == length)).fill_null(value=False)
    return codes.set(~short, None) if short.any() else None


def pad_codes(code: pl.Expr, country: pl.Expr) -> pl.Expr:
    """Put back the zeros of a code, null for a country that is not in the table."""
    digits = country.replace_strict(_DIGITS, default=None, return_dtype=pl.UInt32)
    return pl.when(digits.is_not_null()).then(code.str.zfill(digits))

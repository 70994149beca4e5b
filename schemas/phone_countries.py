"""Which country a phone number belongs to, by its first digits alone."""

from functools import lru_cache

import phonenumbers
import polars as pl
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

_PREFIX = r"^\+[1-9][0-9]{3}"
"""Enough to tell every calling code, and the area codes of +1 and +7."""
_SPLIT_BY_AREA = (1, 7)
"""Calling codes of several large countries, whose areas tell them apart."""
_REST = "2345678"
"""Makes a number of an area code that is one in most of its plans."""


def find_phone_countries(numbers: pl.Series) -> pl.Series:
    """Give the ISO 3166-1 alpha-2 code of each number in E.164; null where it begins like none.

    Of the countries that share a calling code the largest one is given, but for those with +1 and
    +7, which area codes tell apart.
    """
    prefixes = numbers.str.extract(f"({_PREFIX})")
    distinct = prefixes.drop_nulls().unique()
    countries = [_country_of(prefix) for prefix in distinct]
    return prefixes.replace_strict(
        distinct, pl.Series(countries, dtype=pl.String), default=None, return_dtype=pl.String
    )


@lru_cache(maxsize=9000)  # as many as there are
def _country_of(prefix: str) -> str | None:
    for digits in (1, 2, 3):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(prefix[1 : 1 + digits]))
        if regions is not None:
            break
    else:
        return None
    if digits == 1 and int(prefix[1]) in _SPLIT_BY_AREA:
        number = phonenumbers.parse(prefix + _REST)
        return phonenumbers.region_code_for_number(number)
    return regions[0] if regions[0].isalpha() else None  # 001 is the whole world

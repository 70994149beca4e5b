"""What the values of a column look like, by the project's own checks, on a sample."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.steps.dates import ISO_8601
from pipelines.suggesting.words import fold
from schemas.codes import (
    check_locales,
    country_codes,
    normalize_countries,
    normalize_locales,
    normalize_timezones,
    timezones,
)
from schemas.emails import check_emails
from schemas.number_forms import read_number_forms
from schemas.phones import PhoneCheck, check_phones, normalize_phones

NATIVE_COUNTRIES: Final = {
    "deutschland": "DE", "osterreich": "AT", "oesterreich": "AT", "schweiz": "CH", "suisse": "CH",
    "svizzera": "CH", "allemagne": "DE", "autriche": "AT", "belgique": "BE", "belgie": "BE",
    "espagne": "ES", "espana": "ES", "italie": "IT", "italia": "IT", "royaume uni": "GB",
    "etats unis": "US", "estados unidos": "US", "stati uniti": "US", "verenigde staten": "US",
    "vereinigte staaten": "US", "alemania": "DE", "francia": "FR", "frankreich": "FR",
    "italien": "IT", "spanien": "ES", "niederlande": "NL", "nederland": "NL", "pays bas": "NL",
    "paises bajos": "NL", "grossbritannien": "GB", "vereinigtes konigreich": "GB",
    "reino unido": "GB", "regno unito": "GB", "germania": "DE", "alemanha": "DE", "duitsland": "DE",
    "frankrijk": "FR", "brasil": "BR", "mexico": "MX", "polen": "PL", "danemark": "DK",
    "polonia": "PL", "danemarca": "DK", "schweden": "SE", "norwegen": "NO", "portogallo": "PT",
}  # fmt: skip
"""Countries' names in other languages than English, folded, as spreadsheets have them."""
_PHONE_SHAPE: Final = r"^\+?[0-9(][0-9 ()./\-\x{00A0}]{5,23}$"
_NUMBER: Final = r"^[+-]?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,20})?$"
_LOCAL_DATE: Final = r"^[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}(?:[ T,].*)?$"
_CODE: Final = r"^(?:[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{24,}|eyJ[\w-]+\.[\w-]+.*)$"
_HYPHEN_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T].*)?$"
_SEPARATORS: Final = (";", "|", ",")
_QUOTING: Final = frozenset("[{\"'")
"""What a list in JSON begins with, which is more than texts with a separator."""
_LONGEST_CHOICE = 40


@dataclass(frozen=True, slots=True)
class Profile:
    """What was seen of a column; shares are of its different values, from 0 to 1."""

    rows: int
    filled: int
    distinct: int
    longest: int
    """Characters of the longest value."""
    values: tuple[str, ...]
    """Different values, the first ones; trimmed. Personal: never shown."""
    emails: float = 0.0
    phones: float = 0.0
    """Surely phone numbers."""
    phone_like: float = 0.0
    countries: float = 0.0
    locales: float = 0.0
    timezones: float = 0.0
    dates: float = 0.0
    numbers: float = 0.0
    codes: float = 0.0
    """Hashes, UUIDs and tokens."""
    smallest: float = 0.0
    largest: float = 0.0
    """Of the numbers."""

    @property
    def is_empty(self) -> bool:
        """Whether the sample has no value of it."""
        return self.filled == 0


def profile_column(values: pl.Series, looked_at: int, default_country: str | None) -> Profile:
    """Look at a column.

    Args:
        values: Texts as they came; null and blank are no values.
        looked_at: Different values that are judged at the most.
        default_country: Country of numbers in national form.
    """
    texts = values.cast(pl.String).str.strip_chars().drop_nulls()
    texts = texts.filter(texts != "")
    if texts.is_empty():
        return Profile(len(values), 0, 0, 0, ())
    every = texts.unique(maintain_order=True)
    distinct = every.head(looked_at).alias("value")
    phone_like = distinct.str.contains(_PHONE_SHAPE)
    phone_like &= distinct.str.count_matches(r"[0-9]").is_between(7, 15)
    phone_like &= ~distinct.str.contains(f"{_HYPHEN_DATE}|{_LOCAL_DATE}")
    # 612 345 678 is as well a phone number: such spaces do not make it a number.
    plain = distinct.zip_with(phone_like, read_number_forms(distinct))
    numbers = plain.filter(plain.str.contains(_NUMBER)).cast(pl.Float64, strict=False)
    size = len(distinct)
    return Profile(
        rows=len(values),
        filled=len(texts),
        distinct=len(every),
        longest=int(texts.str.len_chars().max() or 0),  # type: ignore[arg-type]
        values=tuple(distinct.to_list()),
        emails=_count_emails(distinct) / size,
        phones=_count_phones(distinct.filter(phone_like), default_country) / size,
        phone_like=_share(phone_like),
        countries=_count_countries(distinct) / size,
        locales=_share(check_locales(normalize_locales(distinct))),
        timezones=_share(normalize_timezones(distinct).is_in(list(timezones()))),
        dates=_count_dates(distinct) / size,
        numbers=len(numbers) / size,
        codes=_share(distinct.str.contains(_CODE)),
        smallest=float(numbers.min() or 0),  # type: ignore[arg-type]
        largest=float(numbers.max() or 0),  # type: ignore[arg-type]
    )


def find_separator(profile: Profile) -> str | None:
    """Tell what stands between several values of a cell, if cells hold several."""
    counts = Counter({mark: sum(mark in v for v in profile.values) for mark in _SEPARATORS})
    mark, count = max(counts.items(), key=lambda entry: entry[1])
    return mark if count >= max(1, 0.1 * len(profile.values)) else None


def find_parts(profile: Profile, most: int) -> tuple[str, int] | None:
    """Tell what stands between the choices of a cell, and how many choices there are in all.

    Choices come again and again, in cells of several or alone; parts of a text do not.

    Args:
        profile: The column.
        most: Different choices that there may be.
    """
    mark = find_separator(profile)
    several = [value for value in profile.values if mark is not None and mark in value]
    if mark is None or not several:
        return None
    parts = Counter(
        part.strip() for value in profile.values for part in value.split(mark) if part.strip()
    )
    is_written = any(part[0] in _QUOTING or len(part) > _LONGEST_CHOICE for part in parts)
    if is_written or len(parts) > most or parts.total() <= len(parts):
        return None
    # A comma also stands within one value, as in "Berlin, Germany".
    return None if mark == "," and len(parts) >= len(several) else (mark, len(parts))


def native_countries(values: tuple[str, ...]) -> dict[str, str]:
    """Give the codes of those values that name a country in another language than English.

    Values that differ in case alone are one.
    """
    found: dict[str, tuple[str, str]] = {}
    for value in values:
        code = NATIVE_COUNTRIES.get(fold(value))
        if code is not None:
            found.setdefault(value.lower(), (value, code))
    return dict(found.values())


def _share(fits: pl.Series) -> float:
    return int(fits.sum()) / len(fits)


def _count_emails(values: pl.Series) -> int:
    with_at = values.filter(values.str.contains("@", literal=True))
    return int(check_emails(with_at).sum()) if len(with_at) else 0


def _count_phones(values: pl.Series, country: str | None) -> int:
    if values.is_empty():
        return 0
    regions = pl.Series([country], dtype=pl.String).new_from_index(0, len(values))
    read = normalize_phones(values, regions)
    bare = values.str.contains(r"^[1-9][0-9]{9,14}$")
    read = read.zip_with(~bare | read.str.starts_with("+"), "+" + values)
    return int(check_phones(read, PhoneCheck.VALID).sum())


def _count_countries(values: pl.Series) -> int:
    known = normalize_countries(values).is_in(list(country_codes()))
    others = values.filter(~known).to_list()
    return int(known.sum()) + sum(fold(text) in NATIVE_COUNTRIES for text in others)


def _count_dates(values: pl.Series) -> int:
    written = values.str.contains(f"{_LOCAL_DATE}|{_HYPHEN_DATE}")
    # Eight digits alone are as well a number of anything.
    iso = values.str.contains(ISO_8601) & ~values.str.contains(r"^[0-9]+$")
    return int((written | iso).sum())

r"""What libphonenumber's metadata says of valid numbers, as patterns for polars.

`schemas.phones` runs these over whole columns to accept quickly what phonenumbers itself would
accept. They are made from phonenumbers' own metadata on first use, one calling code or region at a
time, so a column of American numbers never loads the other plans. A pattern that cannot be sure
says no; phonenumbers then decides.

The metadata's patterns are groups, classes and repeats only (a test watches for look-ahead), which
Python's `re` and polars' engine read alike: leftmost alternative first. `\d` is written out, as it
would take any Unicode digit there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

_TYPES = (
    "mobile",
    "fixed_line",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
"""The kinds of number that make a number valid, the usual ones first."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of number, or several of the same lengths."""

    pattern: str
    """Pattern of a whole national number."""
    lengths: tuple[int, ...]
    """Numbers of digits that go with it, ascending."""

    def matches(self, digits: pl.Expr) -> pl.Expr:
        """Tell whether the digits have the form and one of the lengths."""
        return has_length(digits, self.lengths) & digits.str.contains(self.pattern)


@dataclass(frozen=True, slots=True)
class Validity:
    """The numbers that are surely valid in one region of a calling code."""

    general: Kind
    """What every valid number of the region matches."""
    kinds: tuple[Kind, ...]
    """Of which it matches one."""
    leading: str | None
    """Digits by which the library knows the region, where several share the calling code."""
    foreign: str | None
    """Digits by which it knows a region that it tries earlier: never valid here."""

    def accepts(self, digits: pl.Expr) -> pl.Expr:
        """Tell whether the digits after the calling code surely make a valid number."""
        accepted = self.general.matches(digits) & pl.any_horizontal(
            kind.matches(digits) for kind in self.kinds
        )
        if self.leading is not None:
            accepted &= digits.str.contains(self.leading)
        if self.foreign is not None:
            accepted &= ~digits.str.contains(self.foreign)
        return accepted


def has_length(digits: pl.Expr, lengths: Sequence[int]) -> pl.Expr:
    """Tell whether the number of digits is one of `lengths`."""
    return digits.str.len_bytes().is_in(pl.Series(lengths, dtype=pl.UInt32).implode())


@cache
def calling_codes(digits: int) -> frozenset[str]:
    """Return the country calling codes of one, two or three digits; none starts another."""
    codes = map(str, COUNTRY_CODE_TO_REGION_CODE)
    return frozenset(code for code in codes if len(code) == digits)


@cache
def validities(calling_code: str) -> tuple[Validity, ...]:
    """Return the valid numbers of each region of a calling code, in the library's order.

    Follows `phonenumberutil.is_valid_number`: of several regions the library asks the first that
    claims the number, by its leading digits or else by a valid number, and no other.
    """
    number = int(calling_code)
    regions = COUNTRY_CODE_TO_REGION_CODE[number]
    shared = len(regions) > 1
    found: list[Validity] = []
    claimed: list[str] = []
    for region in regions:
        metadata = read_metadata(number, region)
        general = general_kind(metadata)
        leading = metadata.leading_digits if shared else None
        found.append(
            Validity(
                general=general,
                kinds=_kinds(metadata),
                leading=start_pattern(leading) if leading else None,
                foreign=start_pattern("|".join(claimed)) if claimed else None,
            )
        )
        if leading:
            claimed.append(leading)
    return tuple(found)


def read_metadata(calling_code: int, region: str) -> PhoneMetadata:
    """Return the metadata of a region, or of a calling code that belongs to none (`001`).

    Raises:
        LookupError: phonenumbers knows neither.
    """
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    if metadata is None:
        raise LookupError(f"phonenumbers has no metadata for region {region}")
    return metadata


def general_kind(metadata: PhoneMetadata) -> Kind:
    """Return what holds for the region's numbers of every kind; all metadata have it."""
    desc = metadata.general_desc
    if desc is None or not desc.national_number_pattern:
        raise LookupError(f"phonenumbers has no general description for {metadata.id}")
    return Kind(whole_pattern(desc.national_number_pattern), tuple(desc.possible_length))


def _kinds(metadata: PhoneMetadata) -> tuple[Kind, ...]:
    """Join the patterns of the kinds of number that share their lengths."""
    patterns: dict[tuple[int, ...], list[str]] = {}
    for kind in _TYPES:
        desc: PhoneNumberDesc | None = getattr(metadata, kind)
        if kind == "mobile" and metadata.same_mobile_and_fixed_line_pattern:
            continue
        if desc is None or not desc.national_number_pattern:
            continue
        # No lengths of its own: the general ones hold.
        lengths = tuple(desc.possible_length) or general_kind(metadata).lengths
        patterns.setdefault(lengths, []).append(desc.national_number_pattern)
    return tuple(Kind(whole_pattern("|".join(each)), lengths) for lengths, each in patterns.items())


def whole_pattern(pattern: str) -> str:
    """Return a pattern that must match all the digits."""
    return f"^(?:{_digits(pattern)})$"


def start_pattern(pattern: str) -> str:
    """Return a pattern that must match at the first digit."""
    return f"^(?:{_digits(pattern)})"


def _digits(pattern: str) -> str:
    return pattern.replace(r"\d", "[0-9]")

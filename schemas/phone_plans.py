"""How libphonenumber reads a number in one region's plan, as polars expressions.

`schemas.phones` follows `phonenumbers.parse` with these over whole columns: prefixes taken off,
lengths compared. Each answers yes only where the library surely does the same.
"""

import re
from dataclasses import dataclass
from functools import cache

import polars as pl
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata

from schemas.phone_patterns import (
    Kind,
    general_kind,
    has_length,
    read_metadata,
    start_pattern,
)


@dataclass(frozen=True, slots=True)
class TrunkPrefix:
    """How the library takes a national (trunk) prefix off a national number."""

    pattern: str
    """Anchored; some regions' patterns match nothing as well."""
    marker_group: int
    """Group that must not take part for a plain removal; 0 when every match is a plain removal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbering plan of one region, as far as reading a number needs it."""

    calling_code: str
    """Digits of the country calling code."""
    international_prefix: str | None
    """Anchored pattern of what stands for a `+` when dialling from the region."""
    trunk_prefix: TrunkPrefix | None
    """What stands before a number in national form."""
    general: Kind
    """What every national number matches."""
    local_lengths: tuple[int, ...]
    """Numbers of digits that are dialled within an area only; the library calls these possible."""

    def is_general(self, digits: pl.Expr) -> pl.Expr:
        """Tell whether the digits have the form of a national number, whatever their length."""
        return digits.str.contains(self.general.pattern)

    def has_possible_length(self, digits: pl.Expr) -> pl.Expr:
        """Tell whether the digits are as many as some whole national number has."""
        return has_length(digits, self.general.lengths)

    def is_possible(self, digits: pl.Expr) -> pl.Expr:
        """Tell what `is_possible_number` says of a number of this main region."""
        return has_length(digits, (*self.general.lengths, *self.local_lengths))

    def leads_abroad(self, dialled: pl.Expr) -> pl.Expr:
        """Tell whether the digits start as those of a call to another country may."""
        if self.international_prefix is None:
            return pl.lit(False)
        return dialled.str.contains(self.international_prefix)

    def dialled_abroad(self, dialled: pl.Expr) -> pl.Expr:
        """Return the digits after the international prefix, null where the library sees none."""
        if self.international_prefix is None:
            return pl.lit(None, dtype=pl.String)
        rest = dialled.str.replace(self.international_prefix, "")
        return pl.when(self.leads_abroad(dialled) & ~rest.str.starts_with("0")).then(rest)

    def strips(self, digits: pl.Expr) -> pl.Expr:
        """Tell whether the trunk prefix's pattern applies at the start of the digits."""
        if self.trunk_prefix is None:
            return pl.lit(False)
        return digits.str.contains(self.trunk_prefix.pattern)

    def strip(self, digits: pl.Expr) -> pl.Expr:
        """Return the digits without their trunk prefix, null where more than that is done."""
        if self.trunk_prefix is None:
            return digits
        rest = digits.str.replace(self.trunk_prefix.pattern, "")
        if self.trunk_prefix.marker_group:
            marker = digits.str.extract(self.trunk_prefix.pattern, self.trunk_prefix.marker_group)
            return pl.when(marker.is_null()).then(rest)
        return rest

    def is_stripped(self, digits: pl.Expr) -> pl.Expr:
        """Tell whether the library surely replaces these digits by what `strip` makes of them."""
        rest = self.strip(digits)
        changed = self.is_general(rest) & self.has_possible_length(rest)
        return self.strips(digits) & changed.fill_null(False)

    def is_settled(self, digits: pl.Expr) -> pl.Expr:
        """Tell whether the library surely takes these digits for the national number itself.

        Follows `phonenumberutil._maybe_strip_national_prefix_carrier_code` and the length test
        after it in `parse`.
        """
        rest = self.strip(digits)
        count = rest.str.len_bytes().cast(pl.Int64)
        kept = (
            (rest == digits)
            | (self.is_general(digits) & ~self.is_general(rest))
            | (~self.has_possible_length(rest) & (count < self.general.lengths[-1]))
        )
        return ~self.strips(digits) | kept.fill_null(False)


@cache
def plan_of_region(region: str) -> Plan | None:
    """Return the plan of an ISO 3166-1 region, None for one that libphonenumber does not know."""
    if region not in SUPPORTED_REGIONS:
        return None
    return _plan(read_metadata(0, region))


@cache
def plan_of_calling_code(calling_code: str) -> Plan:
    """Return the plan of the main region of a calling code, by which the library reads it."""
    number = int(calling_code)
    return _plan(read_metadata(number, COUNTRY_CODE_TO_REGION_CODE[number][0]))


def _plan(metadata: PhoneMetadata) -> Plan:
    trunk = metadata.national_prefix_for_parsing
    rule = metadata.national_prefix_transform_rule
    prefix = metadata.international_prefix
    desc = metadata.general_desc
    return Plan(
        calling_code=str(metadata.country_code),
        international_prefix=start_pattern(prefix) if prefix else None,
        trunk_prefix=TrunkPrefix(start_pattern(trunk), re.compile(trunk).groups if rule else 0)
        if trunk
        else None,
        general=general_kind(metadata),
        local_lengths=tuple(desc.possible_length_local_only) if desc else (),
    )

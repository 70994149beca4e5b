"""E-mail addresses: email-validator's verdict and its normal form, a column at a time.

Used by the normalize step and by the endpoint model. email-validator needs 10-20 µs for an
address, so ordinary ASCII addresses are accepted by one pattern inside polars, which takes only
what the library takes, unchanged but for the case of the domain. Everything else, and so every
refusal, is the library's own verdict on a distinct value.
"""

import re
from functools import cache, lru_cache

import email_validator
import polars as pl
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
# The last label ends with a letter, as every top-level domain does.
_LAST_LABEL = r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}))?[A-Za-z]"
_ORDINARY = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LAST_LABEL}$"

_NORMAL = _ORDINARY.replace("A-Z", "")
"""An ordinary address without upper case: its own normal form."""

_LONGEST_ADDRESS = 254
"""Bytes of a whole address; an ordinary one is ASCII. Source: RFC 3696 errata 1690."""

_REMEMBERED = 1 << 16
"""Verdicts kept: `normalize_emails` and `check_emails` meet the same odd values in turn."""


def normalize_emails(addresses: pl.Series) -> pl.Series:
    """Return each valid address in its one normal form, and every other text as it came.

    The normal form is the local part as email-validator normalizes it (Unicode NFC; lower case
    only for the mailbox names of RFC 2142, such as `Info`), an `@`, and the domain in lower case
    and in ASCII (Punycode). Idempotent. White space around an address is not removed here.

    Args:
        addresses: Strings; null stays null.

    Returns:
        Strings of the same length and name.
    """
    is_normal = _is_surely_normal(addresses)
    if is_normal.all():
        return addresses
    places = (~is_normal).arg_true()
    return addresses.clone().scatter(places, _normalize_others(addresses.gather(places)))


def _normalize_others(addresses: pl.Series) -> pl.Series:
    ordinary = _normalize_ordinary(addresses)
    changes: dict[str, str] = {}
    for text in addresses.filter(ordinary.is_null()).drop_nulls().unique().to_list():
        normal = _normalize(text)
        if normal is not None and normal != text:
            changes[text] = normal
    others = addresses.replace(list(changes), list(changes.values())) if changes else addresses
    return ordinary.fill_null(others)


def check_emails(addresses: pl.Series) -> pl.Series:
    """Tell for each address whether email-validator accepts it with its default options.

    Refused, besides broken syntax: display names, quoted local parts, IP addresses for a domain,
    and special-use domains (`.test`, `.local`, ...; `example.com` is accepted). Whether the
    domain exists is not asked: nothing is looked up.

    Args:
        addresses: Strings; null stays null.

    Returns:
        Booleans of the same length and name.
    """
    is_valid = _is_surely_normal(addresses)
    if is_valid.all():
        return is_valid.alias(addresses.name)
    places = (~is_valid).arg_true()
    verdict = is_valid.scatter(places, _check_others(addresses.gather(places)))
    return verdict.set(addresses.is_null(), None).alias(addresses.name)


def _check_others(addresses: pl.Series) -> pl.Series:
    ordinary = _normalize_ordinary(addresses).is_not_null()
    odd = addresses.filter(~ordinary).drop_nulls().unique().to_list()
    accepted = pl.Series([text for text in odd if _normalize(text) is not None], dtype=pl.String)
    return ordinary | addresses.is_in(accepted.implode())


def _is_surely_normal(addresses: pl.Series) -> pl.Series:
    """Tell of each text whether a look at it shows that it is valid and its own normal form."""
    normal = addresses.str.contains(_NORMAL) & (addresses.str.len_bytes() <= _LONGEST_ADDRESS)
    # Special-use domains, Punycode and its look-alikes: not to be told at a glance.
    normal &= ~addresses.str.contains(_special_use("[.@]"))
    normal &= ~addresses.str.contains("--", literal=True)
    return normal.fill_null(value=False)


def _normalize_ordinary(addresses: pl.Series) -> pl.Series:
    """Return the normal form of the addresses that surely are valid, null for all others."""
    text = pl.col("address")
    parts = text.str.split_exact("@", 1)
    local, domain = parts.struct.field("field_0"), parts.struct.field("field_1")
    domain = domain.str.to_lowercase()
    mailbox = local.str.to_lowercase()
    ordinary = (
        text.str.contains(_ORDINARY)
        & (text.str.len_bytes() <= _LONGEST_ADDRESS)
        # Punycode and its look-alikes, which only the library can judge.
        & ~text.str.contains("--", literal=True)
        & ~domain.str.contains(_special_use(r"(?:^|\.)"))
    )
    mailbox_names = pl.Series(CASE_INSENSITIVE_MAILBOX_NAMES).implode()
    local = pl.when(mailbox.is_in(mailbox_names)).then(mailbox).otherwise(local)
    normal = pl.when(ordinary).then(local + "@" + domain)
    return pl.DataFrame({"address": addresses}).select(normal.alias("address")).to_series()


@lru_cache(maxsize=_REMEMBERED)
def _normalize(address: str) -> str | None:
    """Return email-validator's normal form of one address, None when it refuses the address."""
    try:
        valid = email_validator.validate_email(address, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return None
    return f"{valid.local_part}@{valid.ascii_domain}"


@cache
def _special_use(before: str) -> str:
    """Return a pattern of the domains that email-validator refuses as special-use names.

    Args:
        before: Pattern of what stands before such a name or a domain below it.
    """
    names = "|".join(re.escape(name) for name in email_validator.SPECIAL_USE_DOMAIN_NAMES)
    return rf"{before}(?:{names})$"

"""Example numbers of every region that libphonenumber knows, in the forms that people write.

What the library makes of its own examples is what we make of them; its invalid ones are refused.
"""

from collections.abc import Callable
from functools import cache

import phonenumbers
import polars as pl
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from schemas.phones import PhoneCheck, check_phones, normalize_phones

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
TYPES = (
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
)
"""Kinds of numbers that a message or a call can go to."""


def in_form(form: int) -> Callable[[PhoneNumber], str]:
    return lambda number: phonenumbers.format_number(number, form)


def digits_of(text: str) -> str:
    return "".join(filter(str.isdigit, text))


e164, national = in_form(PhoneNumberFormat.E164), in_form(PhoneNumberFormat.NATIONAL)
international, rfc3966 = (
    in_form(PhoneNumberFormat.INTERNATIONAL),
    in_form(PhoneNumberFormat.RFC3966),
)
FORMS: dict[str, Callable[[PhoneNumber], str]] = {
    "e164": e164,
    "international": international,
    "rfc-3966": rfc3966,
    "national": national,
    "national-digits": lambda number: digits_of(national(number)),
    "significant-digits": phonenumbers.national_significant_number,
    "spaced": lambda number: " ".join(e164(number)),
    "spaced-national": lambda number: " ".join(digits_of(national(number))),
    "non-breaking-spaces": lambda number: international(number).replace(" ", "\u00a0"),
    "dotted": lambda number: international(number).replace(" ", ".").replace("-", "."),
}


@cache
def examples() -> list[tuple[str, PhoneNumber]]:
    found = [
        (region, phonenumbers.example_number_for_type(region, kind))
        for region in REGIONS
        for kind in TYPES
    ]
    return [(region, number) for region, number in found if number is not None]


def normalized(numbers: list[tuple[str, PhoneNumber]], form: Callable[[PhoneNumber], str]):
    """Give region, text, what we make of it and whether that is valid."""
    regions = pl.Series([region for region, _ in numbers])
    texts = pl.Series([form(number) for _, number in numbers])
    read = normalize_phones(texts, regions)
    return zip(regions, texts, read, check_phones(read, PhoneCheck.VALID), strict=True)


def test_every_region_has_examples():
    assert {region for region, _ in examples()} == set(REGIONS)
    assert len(examples()) > 2 * len(REGIONS)


@pytest.mark.parametrize("name", FORMS)
def test_example_in_any_form_is_read_as_the_library_says(name):
    wrong = [
        (region, text, read, e164(number))
        for (region, text, read, is_valid), (_, number) in zip(
            normalized(examples(), FORMS[name]), examples(), strict=True
        )
        if read != e164(number) or not is_valid
    ]
    assert wrong == []


@pytest.mark.parametrize("name", FORMS)
def test_invalid_example_is_refused(name):
    numbers = [(region, phonenumbers.invalid_example_number(region)) for region in REGIONS]
    numbers = [(region, number) for region, number in numbers if number is not None]
    assert len(numbers) == len(REGIONS)
    accepted = [
        (region, text, read)
        for region, text, read, is_valid in normalized(numbers, FORMS[name])
        if is_valid
    ]
    assert accepted == []


@pytest.mark.parametrize("name", ["national", "international", "rfc-3966"])
def test_example_with_an_extension_is_refused(name):
    def extended(number: PhoneNumber) -> str:
        copy = PhoneNumber()
        copy.merge_from(number)
        copy.extension = "12"
        return FORMS[name](copy)

    accepted = [
        (region, text, read)
        for region, text, read, is_valid in normalized(examples(), extended)
        if is_valid
    ]
    assert accepted == []

import phonenumbers
import polars as pl
import pytest

from schemas.phone_countries import find_phone_countries

NUMBERS = {
    "+12065550100": "US",
    "+14165550100": "CA",
    "+12425550100": "BS",
    "+77015550100": "KZ",
    "+79165550100": "RU",
    "+447400123456": "GB",
    "+390612345678": "IT",
    "+351912345678": "PT",
    "+80012345678": None,  # anywhere
    "+21000000000": None,  # no country has it
    "+1206": "US",
    "+120": None,
    "2065550100": None,
    "ana@example.com": None,
    "": None,
    None: None,
}


@pytest.mark.parametrize("number", NUMBERS)
def test_first_digits_tell_the_country(number):
    found = find_phone_countries(pl.Series([number], dtype=pl.String))
    assert found.to_list() == [NUMBERS[number]]


def test_the_library_agrees_on_its_examples():
    """But for countries that share a calling code with a larger one."""
    known = {}
    for region in phonenumbers.SUPPORTED_REGIONS:
        code = phonenumbers.country_code_for_region(region)
        is_main = phonenumbers.region_code_for_country_code(code) == region
        if (example := phonenumbers.example_number(region)) and (is_main or code in (1, 7)):
            form = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            known[form] = region
    found = find_phone_countries(pl.Series(list(known)))
    wrong = {n: (f, k) for (n, k), f in zip(known.items(), found, strict=True) if f != k}
    assert wrong == {}

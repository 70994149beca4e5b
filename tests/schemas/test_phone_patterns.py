import re

import phonenumbers
import polars as pl
import pytest
from phonenumbers import PhoneMetadata

from schemas.phone_patterns import calling_codes, validities


def all_patterns() -> list[str]:
    found = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        metadata = PhoneMetadata.metadata_for_region(region)
        found += [
            metadata.national_prefix_for_parsing,
            metadata.international_prefix,
            metadata.leading_digits,
        ]
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for validity in validities(str(code)):
            found += [kind.pattern for kind in (validity.general, *validity.kinds)]
    return [pattern for pattern in found if pattern]


def test_metadata_uses_only_what_both_engines_read_alike():
    # Look-around and back-references are unknown to polars; lazy repeats and flags unheard of here.
    odd = re.compile(r"\(\?[^:]|\\[^d]|[*+?}]\?|[+*]")
    assert [pattern for pattern in all_patterns() if odd.search(pattern)] == []


def test_calling_codes_start_no_other_calling_code():
    codes = [*calling_codes(1), *calling_codes(2), *calling_codes(3)]
    assert sorted(map(int, codes)) == sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    assert [(a, b) for a in codes for b in codes if a != b and b.startswith(a)] == []


@pytest.mark.parametrize(
    ("code", "digits", "expected"),
    [
        pytest.param("1", "2684601234", [False, True], id="second-region-by-leading-digits"),
        pytest.param("1", "2065550100", [True], id="first-region"),
        pytest.param("979", "123456789", [True], id="not-geographic"),
        pytest.param("1", "1065550100", [False] * 25, id="no-region"),
    ],
)
def test_regions_of_a_shared_code_are_asked_in_order(code, digits, expected):
    frame = pl.DataFrame({"digits": [digits]})
    answers = [
        frame.select(validity.accepts(pl.col("digits"))).item() for validity in validities(code)
    ]
    assert answers[: len(expected)] == expected

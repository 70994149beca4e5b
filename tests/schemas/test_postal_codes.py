import polars as pl
import pytest

from schemas.codes import country_codes
from schemas.postal_codes import POSTAL_FORMS, find_short_codes, pad_codes

FRAME = pl.DataFrame(
    [("US", "501"), ("US", "50"), ("US", "02110"), ("IT", "10"), ("SG", "18956"), ("GB", "501")],
    schema=["country", "code"],
    orient="row",
)
COUNTRY, CODE = pl.col("country"), pl.col("code")


def test_short_codes_are_those_that_zeros_make_whole():
    short = find_short_codes(FRAME["code"], FRAME["country"])
    assert short is not None
    assert short.to_list() == ["501", None, None, "10", "18956", None]


def test_whole_codes_give_nothing():
    whole = FRAME.filter(CODE.str.len_bytes() == 5)
    assert find_short_codes(whole["code"], whole["country"].replace("SG", "US")) is None
    nulls = pl.Series([None], dtype=pl.String)
    assert find_short_codes(nulls, nulls) is None


def test_zeros_are_put_back():
    padded = FRAME.select(pad_codes(CODE, COUNTRY)).to_series()
    assert padded.to_list() == ["00501", "00050", "02110", "00010", "018956", None]


@pytest.mark.parametrize("country", ["DK", "CO", "LT"])
def test_shorter_numbers_of_some_countries_are_whole(country):
    assert country not in POSTAL_FORMS


@pytest.mark.parametrize("country", sorted(POSTAL_FORMS))
def test_form_is_of_a_country_and_loses_a_zero_at_least(country):
    form = POSTAL_FORMS[country]
    assert country in country_codes()
    assert 0 < form.fewest < form.digits

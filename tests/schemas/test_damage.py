import polars as pl
import pytest

from schemas.damage import add_zeros, name_phone_damage


def named(addresses, region=None):
    regions = pl.Series([region] * len(addresses), dtype=pl.String)
    return name_phone_damage(pl.Series("value", addresses, dtype=pl.String), regions).to_list()


@pytest.mark.parametrize(
    ("address", "code"),
    [
        pytest.param("4.47946E+11", "address.scientific_notation", id="scientific"),
        pytest.param("4,47946E+11", "address.scientific_notation", id="decimal-comma"),
        pytest.param("4e11", "address.scientific_notation", id="lower-case"),
        pytest.param("1.20656E12", "address.scientific_notation", id="no-plus-in-exponent"),
        pytest.param("+4.47946E+11", "address.scientific_notation", id="signed"),
        pytest.param("12065550100", "address.plus_lost", id="us"),
        pytest.param("442079460958", "address.plus_lost", id="gb"),
        pytest.param("2065550100", "address.phone_invalid", id="national"),
        pytest.param("02079460958", "address.phone_invalid", id="national-with-zero"),
        pytest.param("12001234567", "address.phone_invalid", id="not-valid-with-plus"),
        pytest.param("+1206555010", "address.phone_invalid", id="too-short"),
        pytest.param("1 206 555 0100", "address.phone_invalid", id="with-spaces"),
        pytest.param("E+11", "address.phone_invalid", id="exponent-alone"),
        pytest.param("unknown", "address.phone_invalid", id="text"),
        pytest.param("", "address.phone_invalid", id="empty"),
    ],
)
def test_damage_is_named(address, code):
    assert named([address]) == [code]


def test_each_address_keeps_its_place():
    assert named(["x", "4e11", "12065550100", "x"]) == [
        "address.phone_invalid",
        "address.scientific_notation",
        "address.plus_lost",
        "address.phone_invalid",
    ]


def test_no_addresses():
    assert named([]) == []


@pytest.mark.parametrize(
    ("address", "region", "zeroed"),
    [
        pytest.param("+39612345678", None, "+390612345678", id="italy"),
        pytest.param("123456789", "CI", "+2250123456789", id="ivory-coast"),
        pytest.param("01 23456789", "CI", None, id="has-its-zero"),
        pytest.param("+3934712345", "IT", None, id="italian-mobile"),
        pytest.param("+4415", "GB", None, id="no-zero-in-the-number"),
        pytest.param("123456789", None, None, id="no-region"),
    ],
)
def test_zero_is_put_where_the_number_has_one(address, region, zeroed):
    regions = pl.Series([region], dtype=pl.String)
    assert add_zeros(pl.Series([address]), regions).to_list() == [zeroed]
    expected = "address.zero_lost" if zeroed else "address.phone_invalid"
    assert named([address], region) == [expected]

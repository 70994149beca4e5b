import polars as pl
import pytest

from schemas.damage import name_phone_damage


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
    assert name_phone_damage(pl.Series("value", [address])).to_list() == [code]


def test_each_address_keeps_its_place():
    addresses = pl.Series(["x", "4e11", "12065550100", "x"])
    assert name_phone_damage(addresses).to_list() == [
        "address.phone_invalid",
        "address.scientific_notation",
        "address.plus_lost",
        "address.phone_invalid",
    ]


def test_no_addresses():
    assert name_phone_damage(pl.Series([], dtype=pl.String)).to_list() == []

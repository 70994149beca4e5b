import polars as pl
import pytest

from pipelines.suggesting.values import Profile, find_separator, native_countries, profile_column


def profile(*values, country=None, looked_at=1000) -> Profile:
    return profile_column(pl.Series("c", values, dtype=pl.String), looked_at, country)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("emails", ("ana@example.com", " Bo@Example.com ", "jörg@müller.example")),
        ("phones", ("+1 206 555 0101", "+442079460958", "442079460958")),
        ("phone_like", ("(206) 555-0101", "030 123456", "+1 206 555 0101")),
        ("countries", ("US", "Germany", "Deutschland", "FRA")),
        ("locales", ("en_US", "de-de")),
        ("timezones", ("Europe/Berlin", "america/new york")),
        ("dates", ("2026-01-31", "31.01.2026", "1/31/26 10:00", "2026-01-31T09:00:00Z")),
        ("numbers", ("1", "-2.5", "0", "0.25")),
        ("codes", ("d41d8cd98f00b204e9800998ecf8427e", "5f1e0000-0000-4000-8000-000000000000")),
    ],
)
def test_all_values_are_recognized(name, values):
    assert getattr(profile(*values), name) == 1.0


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("emails", ("ana(at)example.com", "@", "ana@")),
        ("phones", ("12345678", "2026-01-31", "030 123456")),
        ("phone_like", ("2026-01-31", "31.01.2026", "12345", "4.9E+11")),
        ("dates", ("20260131", "1.5", "10115")),
        ("numbers", ("0150", "612 345 678", "1e5", "12a")),
        ("codes", ("abc", "1234567890")),
    ],
)
def test_others_are_not(name, values):
    assert getattr(profile(*values), name) == 0.0


def test_national_numbers_need_a_country():
    assert profile("(206) 555-0101").phones == 0.0
    assert profile("(206) 555-0101", country="US").phones == 1.0


def test_counts():
    seen = profile("a", " a ", "", None, "bb", "   ")
    assert (seen.rows, seen.filled, seen.distinct, seen.longest) == (6, 3, 2, 2)
    assert profile("", None).is_empty
    assert profile().is_empty


def test_values_are_judged_up_to_a_number():
    seen = profile(*(str(number) for number in range(50)), looked_at=10)
    assert (len(seen.values), seen.distinct, seen.numbers) == (10, 50, 1.0)


@pytest.mark.parametrize(
    ("values", "separator"),
    [
        (("a;b", "c"), ";"),
        (("a, b", "c,d"), ","),
        (("a|b",), "|"),
        (("a", "b"), None),
    ],
)
def test_separator(values, separator):
    assert find_separator(profile(*values)) == separator


def test_native_countries():
    assert native_countries(("Österreich", "US", "Nirgendwo")) == {"Österreich": "AT"}
    assert native_countries(("ITALIA", "Italia", "Francia")) == {"ITALIA": "IT", "Francia": "FR"}

"""pycountry and tzdata are the truth: every entry of both is tried."""

from importlib import resources

import polars as pl
import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import (
    COUNTRY_ALIASES,
    check_locales,
    country_codes,
    locale_languages,
    normalize_countries,
    normalize_locales,
    normalize_timezones,
    timezones,
)

NORMALIZERS = [normalize_countries, normalize_locales, normalize_timezones]
LANGUAGES = {x.alpha_2 for x in pycountry.languages if hasattr(x, "alpha_2")}


def test_lists_are_those_of_the_packages():
    assert country_codes() == {country.alpha_2 for country in pycountry.countries}
    assert locale_languages() == LANGUAGES
    zones = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    assert timezones() == set(zones)
    assert (len(country_codes()), len(locale_languages())) == (249, len(LANGUAGES))


def test_every_zone_is_in_the_tz_database():
    zoneinfo = resources.files("tzdata").joinpath("zoneinfo")
    assert all(zoneinfo.joinpath(*name.split("/")).is_file() for name in timezones())
    assert {"America/Los_Angeles", "US/Pacific", "UTC"} <= timezones()


@pytest.mark.parametrize("field", ["alpha_2", "alpha_3", "name", "common_name", "official_name"])
@pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as-is", "lower", "upper"])
def test_every_country_is_read(field, change):
    countries = [country for country in pycountry.countries if hasattr(country, field)]
    texts = pl.Series([change(getattr(country, field)) for country in countries])
    assert normalize_countries(texts).to_list() == [country.alpha_2 for country in countries]


def test_every_alias_is_read_and_needed():
    texts = pl.Series(list(COUNTRY_ALIASES))
    assert normalize_countries(texts).to_list() == list(COUNTRY_ALIASES.values())
    assert set(COUNTRY_ALIASES.values()) <= country_codes()
    assert not {alias.upper() for alias in COUNTRY_ALIASES} & country_codes()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("Cote d Ivoire", "CI", id="no-accents"),
        pytest.param("Co\u0302te d’Ivoire", "CI", id="decomposed"),
        pytest.param("U.S.A.", "US", id="dots"),
        pytest.param("The Netherlands", "NL", id="article"),
        pytest.param("Trinidad & Tobago", "TT", id="ampersand"),
        pytest.param("  united   states ", "US", id="spaces"),
        pytest.param("Deutschland", "Deutschland", id="other-language"),
        pytest.param("Germanyy", "Germanyy", id="misspelt"),
        pytest.param("XX", "XX", id="unassigned"),
        pytest.param("", "", id="empty"),
    ],
)
def test_country(text, code):
    assert normalize_countries(pl.Series([text])).to_list() == [code]


def test_every_locale_is_read():
    rows = [(lang, country) for lang in sorted(LANGUAGES) for country in sorted(country_codes())]
    expected = [f"{lang}_{country}" for lang, country in rows]
    assert check_locales(pl.Series(expected)).all()
    for form in ("{0}_{1}", "{0}-{1}"):
        for change in (str.lower, str.upper):
            texts = pl.Series([change(form.format(*row)) for row in rows])
            assert normalize_locales(texts).to_list() == expected


@pytest.mark.parametrize(
    "text",
    ["en", "en_UK", "xx_US", "zh-Hans-CN", "en_US.UTF-8", "eng_US", "en__US", "_", "", "enUS"],
)
def test_other_locales_stay_and_are_refused(text):
    assert normalize_locales(pl.Series([text])).to_list() == [text]
    assert check_locales(pl.Series([text])).to_list() == [False]


@pytest.mark.parametrize("text", ["en-US", "en_us", "EN_US"])
def test_locale_is_checked_as_written(text):
    assert check_locales(pl.Series([text])).to_list() == [False]


def test_every_zone_is_read():
    names = sorted(timezones())
    for change in (str, str.lower, str.upper, lambda name: name.replace("_", " ")):
        assert normalize_timezones(pl.Series([change(name) for name in names])).to_list() == names


@pytest.mark.parametrize("text", ["PST", "GMT+3", "+02:00", "America", "Pacific Time", ""])
def test_other_zones_stay(text):
    assert normalize_timezones(pl.Series([text])).to_list() == [text]


@pytest.mark.parametrize("normalize", NORMALIZERS)
@pytest.mark.parametrize(
    "values", [[], [None, None], ["x", None, "y"]], ids=["empty", "all-null", "unknown"]
)
def test_series_keep_name_length_and_nulls(normalize, values):
    series = pl.Series("value", values, dtype=pl.String)
    assert normalize(series).equals(series, check_dtypes=True, check_names=True)


@pytest.mark.parametrize("values", [[], [None], ["en_US", None, "x"]])
def test_check_locales_keeps_name_length_and_nulls(values):
    expected = [None if value is None else value == "en_US" for value in values]
    answer = check_locales(pl.Series("value", values, dtype=pl.String))
    assert answer.equals(
        pl.Series("value", expected, dtype=pl.Boolean), check_dtypes=True, check_names=True
    )


def test_chunked_series():
    chunks = pl.Series("c", ["usa", None]).append(pl.Series("c", ["uk"]))
    assert normalize_countries(chunks).to_list() == ["US", None, "GB"]


@pytest.mark.parametrize("normalize", NORMALIZERS)
@given(values=st.lists(st.one_of(st.none(), st.text(max_size=12))))
def test_normalize_is_idempotent(normalize, values):
    once = normalize(pl.Series(values, dtype=pl.String))
    assert normalize(once).to_list() == once.to_list()

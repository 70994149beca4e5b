import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import country_codes, suggest_locale, timezones
from schemas.near_misses import (
    MOST_VALUES,
    NearMisses,
    near_channels,
    near_countries,
    near_statuses,
    near_timezones,
)

CASES = [
    (near_countries, "Germnay", "DE"),
    (near_countries, "Untied States", "US"),
    (near_countries, "Deutschland", "DE"),
    (near_countries, "España", "ES"),
    (near_countries, "Irland", "IE"),
    (near_countries, "Austraia", None),  # Austria, Australia
    (near_countries, "Nigera", None),  # Niger, Nigeria
    (near_countries, "XX", None),
    (near_countries, "Atlantis", None),
    (near_timezones, "Europe/Berln", "Europe/Berlin"),
    (near_timezones, "New York", "America/New_York"),
    (near_timezones, "Istanbul", None),  # in Asia and in Europe
    (near_timezones, "Eastern", None),  # US, Canada
    (near_timezones, "GMT+1", None),
    (near_timezones, "PST", None),
    (near_channels, "EMIAL", "EMAIL"),
    (near_channels, "S.M.S.", "SMS"),
    (near_channels, "SNS", None),
    (near_channels, "pigeon", None),
    (near_statuses, "activ", "ACTIVE"),
    (near_statuses, "inactiv", "INACTIVE"),
    (near_statuses, "yes", None),
]


@pytest.mark.parametrize(("known", "text", "meant"), CASES)
def test_what_was_meant(known, text, meant):
    assert known().find(text) == meant


def test_what_is_suggested_is_valid():
    texts = pl.Series([text for _, text, _ in CASES])
    assert set(near_countries().find_all(texts).drop_nulls()) <= country_codes()
    assert set(near_timezones().find_all(texts).drop_nulls()) <= timezones()


def edits(word):
    """Give all texts that are one edit away, in the letters a to c."""
    for n in range(len(word) + 1):
        yield from (word[:n] + letter + word[n:] for letter in "abc")
        yield from (word[:n] + letter + word[n + 1 :] for letter in "abc")
        yield word[:n] + word[n + 1 :]
        yield word[:n] + word[n : n + 2][::-1] + word[n + 2 :]


WORDS = st.text("abc", min_size=4, max_size=7)


@given(known=st.lists(WORDS, min_size=1, max_size=5, unique=True), text=WORDS)
def test_near_is_one_edit_and_the_only_one(known, text):
    near = [word for word in known if text in {word, *edits(word)}]
    expected = text if text in known else near[0] if len(near) == 1 else None
    assert NearMisses({word: word for word in known}, str).find(text) == expected


def test_a_column_of_other_things_is_not_looked_at():
    values = pl.Series([f"Germnay{n}" for n in range(MOST_VALUES + 1)])
    began_s = time.perf_counter()
    assert near_countries().find_all(values).null_count() == len(values)
    assert time.perf_counter() - began_s < 0.5


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("en US", "en_US"),
        ("en_US.UTF-8", "en_US"),
        ("sr-Latn-RS", "sr_RS"),
        ("deu_DEU", "de_DE"),
        ("de_Germany", "de_DE"),
        ("CH/de", None),  # Chamorro of Germany, or German of Switzerland
        ("en", None),
        ("xx_YY", None),
        ("a_b_c", None),
        ("", None),
    ],
)
def test_locales_in_other_forms(text, locale):
    assert suggest_locale(text) == locale

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.mapped_dates import place_dates, read_dates

FORMS = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d %B %Y", "%b %d, %Y", "%Y-%m-%d"]


def read(text, *forms, timezone=None, keeps_days=True):
    return read_dates(pl.Series([text]), forms, timezone, keeps_days=keeps_days)[0]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("31/1/2026", "%d/%m/%Y", "2026-01-31"),
        ("31.01.26", "%d.%m.%y", "2026-01-31"),
        ("1/3/2026 4:05 PM", "%m/%d/%Y %I:%M %p", "2026-01-03T16:05:00.000Z"),
        ("2026-01-31 09:30:00 +0200", "%Y-%m-%d %H:%M:%S %z", "2026-01-31T07:30:00.000Z"),
        ("2026-01-31 09:30:00.1239", "%Y-%m-%d %H:%M:%S%.f", "2026-01-31T09:30:00.123Z"),
        ("1700000000", "%s", "2023-11-14T22:13:20.000Z"),
        ("Jan 2026", "%b %Y", "2026-01-01"),
        ("31/01/26", "%d/%m/%Y", None),
        ("31/01/2026 10:00", "%d/%m/%Y", None),
        ("30/02/2026", "%d/%m/%Y", None),
        ("31/01/20265", "%d/%m/%Y", None),
    ],
)
def test_forms(text, form, expected):
    assert read(text, form) == expected


def test_the_first_form_that_fits_counts():
    assert read("01/02/2026", "%d/%m/%Y", "%m/%d/%Y") == "2026-02-01"
    assert read("01/22/2026", "%d/%m/%Y", "%m/%d/%Y") == "2026-01-22"


def test_a_time_that_never_was_is_no_date():
    form = "%Y-%m-%d %H:%M"
    assert read("2026-03-29 02:30", form, timezone="Europe/Berlin") is None
    assert read("2026-10-25 02:30", form, timezone="Europe/Berlin") == "2026-10-25T00:30:00.000Z"


def test_a_day_begins_in_its_zone():
    day = read("31/01/2026", "%d/%m/%Y", timezone="Asia/Tokyo", keeps_days=False)
    assert day == "2026-01-30T15:00:00.000Z"


def test_place_dates_moves_only_times_without_a_zone():
    texts = ["2026-01-31T09:30", "20260131 0930", "2026-01-31T09:30Z", "2026-01-31", "x", None]
    placed = place_dates(pl.Series(texts), "Europe/Berlin").to_list()
    moved = "2026-01-31T08:30:00.000Z"
    assert placed == [moved, moved, *texts[2:]]
    assert place_dates(pl.Series(texts[2:]), "Europe/Berlin").to_list() == texts[2:]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.dates(min_value=date(1000, 1, 1)), min_size=1))
def test_what_python_writes_is_read_back(days):
    for form in FORMS:
        texts = pl.Series([day.strftime(form) for day in days])
        dates = read_dates(texts, (form,), None, keeps_days=True)
        assert dates.to_list() == [day.isoformat() for day in days]

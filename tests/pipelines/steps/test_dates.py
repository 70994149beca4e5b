"""Python's `datetime.fromisoformat` is the truth for every form that both read."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.steps.dates import normalize_dates

NUMBERS = {
    "year": st.sampled_from([1, 2, 999, 1900, 1970, 2000, 2024, 2026, 2100, 9998, 9999]),
    "month": st.integers(0, 13),
    "day": st.sampled_from([0, 1, 2, 15, 28, 29, 30, 31, 32]),
    "hour": st.sampled_from([0, 1, 9, 12, 22, 23, 24]),
    "minute": st.sampled_from([0, 1, 30, 59, 60]),
    "second": st.sampled_from([0, 1, 30, 59]),
}
FRACTIONS = st.text("0123456789", max_size=9)
ZONES = st.sampled_from(["", "Z", "z", " Z", "UTC", " UTC", "+00", "-00:00", "+02", "-0330"]) | (
    st.tuples(
        st.sampled_from("+-"),
        st.sampled_from(["00", "05", "14", "23", "24", "99"]),
        st.sampled_from(["", ":00", ":45", "30"]),
    ).map("".join)
)


@st.composite
def date_texts(draw):
    """A text in one of the forms, and the same for Python where that differs."""
    number = {name: draw(values) for name, values in NUMBERS.items()}
    dash, colon = draw(st.sampled_from([("-", ":"), ("", "")]))
    text = f"{number['year']:04}{dash}{number['month']:02}{dash}{number['day']:02}"
    if draw(st.booleans()):
        return text, text
    text += f"{draw(st.sampled_from('Tt '))}{number['hour']:02}{colon}{number['minute']:02}"
    if draw(st.booleans()):
        text += f"{colon}{number['second']:02}"
        if fraction := draw(FRACTIONS):
            text += draw(st.sampled_from(".,")) + fraction
    zone = draw(ZONES)
    plain = zone.strip().replace("UTC", "Z").upper()
    return text + zone, text + plain


def read(text):
    return normalize_dates(pl.Series("EffectiveDate", [text], dtype=pl.String)).row(0)[:2]


def written(moment):
    return (
        moment.strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0") + f"{moment.microsecond // 1000:03}Z"
    )


@settings(deadline=None, max_examples=400)
@given(date_texts())
@example(("2024-02-29", "2024-02-29"))
@example(("1900-02-29T00:00Z", "1900-02-29T00:00Z"))
@example(("0001-01-01T00:00+00:01", "0001-01-01T00:00+00:01"))
@example(("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.9999Z"))
@example(("9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59-00:01"))
def test_dates_are_those_that_python_reads(texts):
    text, plain = texts
    try:
        moment = datetime.fromisoformat(plain)
        expected = written(moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC))
    except (ValueError, OverflowError):
        assert read(text) == (text, False)
    else:
        assert read(text) == (expected, moment.tzinfo is None)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        pytest.param("2026-01-31", "2026-01-31T00:00:00.000Z", id="date"),
        pytest.param("20260131", "2026-01-31T00:00:00.000Z", id="basic-date"),
        pytest.param("2026-01-31T09:30", "2026-01-31T09:30:00.000Z", id="minutes"),
        pytest.param("20260131T0930", "2026-01-31T09:30:00.000Z", id="basic-minutes"),
        pytest.param("2026-01-31 09:30:15", "2026-01-31T09:30:15.000Z", id="space"),
        pytest.param("2026-01-31T09:30:15.5", "2026-01-31T09:30:15.500Z", id="fraction"),
    ],
)
def test_date_without_a_zone_is_utc_and_flagged(text, date):
    assert read(text) == (date, True)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        pytest.param("2026-01-31T09:30:15Z", "2026-01-31T09:30:15.000Z", id="utc"),
        pytest.param("2026-01-31t09:30:15z", "2026-01-31T09:30:15.000Z", id="lower-case"),
        pytest.param("20260131T093015Z", "2026-01-31T09:30:15.000Z", id="basic"),
        pytest.param("2026-01-31 09:30:15 UTC", "2026-01-31T09:30:15.000Z", id="utc-in-letters"),
        pytest.param("2026-01-31T09:30+02:00", "2026-01-31T07:30:00.000Z", id="east"),
        pytest.param("2026-01-31T09:30-0800", "2026-01-31T17:30:00.000Z", id="west-basic"),
        pytest.param("2026-01-31T09:30+02", "2026-01-31T07:30:00.000Z", id="hours-alone"),
        pytest.param("2026-01-31T09:30:15+05:45", "2026-01-31T03:45:15.000Z", id="quarter"),
        pytest.param("2026-01-01T00:30+01:00", "2025-12-31T23:30:00.000Z", id="into-last-year"),
        pytest.param("2024-02-29T23:30-01:00", "2024-03-01T00:30:00.000Z", id="leap-day"),
        pytest.param("2026-01-31T09:30:15.1239Z", "2026-01-31T09:30:15.123Z", id="cut-not-rounded"),
        pytest.param("2026-01-31T09:30:15,123Z", "2026-01-31T09:30:15.123Z", id="comma"),
        pytest.param("2026-12-31T23:59:60Z", "2027-01-01T00:00:00.000Z", id="leap-second"),
    ],
)
def test_date_with_a_zone_is_not_flagged(text, date):
    assert read(text) == (date, False)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-02-30", id="no-such-day"),
        pytest.param("2026-02-29T10:00Z", id="no-leap-year"),
        pytest.param("2026-13-01", id="no-such-month"),
        pytest.param("2026-01-31T24:00Z", id="24-hours"),
        pytest.param("2026-01-31T23:60Z", id="60-minutes"),
        pytest.param("2026-01-31T23:59:61Z", id="61-seconds"),
        pytest.param("2026-01-31T09:30+24:00", id="offset-of-a-day"),
        pytest.param("2026-01-31T09:30+02:60", id="offset-of-60-minutes"),
        pytest.param("0000-12-31T23:00-02:00Z", id="two-zones"),
        pytest.param("0000-06-01T00:00Z", id="year-0"),
        pytest.param("0001-01-01T00:00+01:00", id="before-year-1"),
        pytest.param("9999-12-31T23:30-01:00", id="after-year-9999"),
        pytest.param("10000-01-01", id="five-digit-year"),
        pytest.param("-2026-01-01", id="negative-year"),
        pytest.param("31.01.2026", id="german"),
        pytest.param("01/31/2026", id="american"),
        pytest.param("2026-W05-6", id="week-date"),
        pytest.param("2026-031", id="ordinal-date"),
        pytest.param("2026-01-31T09", id="hour-alone"),
        pytest.param("2026-01-31T09:30:15.", id="empty-fraction"),
        pytest.param("2026-01-31T09:30 CET", id="named-zone"),
        pytest.param("2026-01-31T", id="cut-off"),
        pytest.param("٢٠٢٦-٠١-٣١", id="other-digits"),
        pytest.param("2738315800", id="no-unix-time-yet"),
        pytest.param("173831580", id="nine-digits"),
        pytest.param("46053", id="spreadsheet-serial"),
        pytest.param("2026-01-31Z", id="date-with-zone"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_no_date_stays_as_it_came(text):
    assert read(text) == (text, False)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        pytest.param("1769851800", "2026-01-31T09:30:00.000Z", id="seconds"),
        pytest.param("1769851800123", "2026-01-31T09:30:00.123Z", id="milliseconds"),
        pytest.param("1000000000", "2001-09-09T01:46:40.000Z", id="first"),
        pytest.param("1999999999", "2033-05-18T03:33:19.000Z", id="last"),
    ],
)
def test_seconds_since_1970_are_read_and_flagged(text, date):
    dates = normalize_dates(pl.Series("d", ["2026-01-31", text, None]))
    assert dates.row(1) == (date, False, True)
    assert dates["is_epoch"].to_list() == [False, True, False]


def test_null_stays_null():
    assert read(None) == (None, False)


def test_no_dates_give_no_rows():
    assert normalize_dates(pl.Series("d", [], dtype=pl.String)).height == 0


@settings(deadline=None, max_examples=100)
@given(st.lists(date_texts().map(lambda texts: texts[0]) | st.text(max_size=20) | st.none()))
def test_normalizing_again_changes_nothing(texts):
    once = normalize_dates(pl.Series("d", texts, dtype=pl.String))["date"]
    again = normalize_dates(once)
    assert again["date"].to_list() == once.to_list()
    assert not again["is_zone_missing"].any()

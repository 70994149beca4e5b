import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.number_forms import AMBIGUOUS, read_number_forms


def read(text, **options):
    return read_number_forms(pl.Series([text], dtype=pl.String), **options).item()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.200,50", "1200.50"),
        ("1,200.50", "1200.50"),
        ("12,5", "12.5"),
        ("-12,5", "-12.5"),
        ("0,500", "0.500"),
        ("1234,567", "1234.567"),
        ("1 200,50", "1200.50"),
        ("1 200", "1200"),
        ("1'200.50", "1200.50"),
        ("1’200’300", "1200300"),
        ("1,200,000", "1200000"),
        ("1.200.000", "1200000"),
        ("12,34,567.8", "1234567.8"),
        ("\u22125", "-5"),
        ("\u22121.200,5", "-1200.5"),
    ],
)
def test_number_with_one_reading_is_read(text, number):
    assert read(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("1,200", "-12,345", "1.200", "5", "1e5", "15%", "€ 5", "5 €", "(1,200.50)", "1,2,3", ""),
        *(
            "1 20",
            "1 200'300",
            "1.20.300",
            ",5",
            "5,",
            "1,200,00",
            "0,123,456",
            "n/a",
            "1;5",
            "--5",
        ),
    ],
)
def test_any_other_text_stays_as_it_came(text):
    assert read(text) == text


def test_degrees_have_no_thousands():
    assert read("48,137", is_angle=True) == "48.137"
    assert read("1,200,000", is_angle=True) == "1,200,000"
    assert read(None) is None


@given(st.integers(1000, 10**12), st.integers(0, 99), st.sampled_from([".", ",", "'", " "]))
def test_what_programs_write_is_read(whole, cents, separator):
    grouped = f"{whole:,}".replace(",", separator)
    decimal = "." if separator == "," else ","
    assert float(read(f"{grouped}{decimal}{cents:02}")) == float(f"{whole}.{cents:02}")


@given(st.text("0123456789.,' -+", max_size=12))
def test_reading_again_changes_nothing(text):
    once = read(text)
    assert read(once) == once
    if once != text:
        assert pl.Series([once]).cast(pl.Float64, strict=False).item() is not None
        assert not pl.Series([text]).str.contains(AMBIGUOUS).item()

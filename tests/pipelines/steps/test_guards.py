from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.guards import Threshold, check_invalid_share, parse_threshold


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        pytest.param("5%", Threshold(0.05, None), id="share"),
        pytest.param(" 2.5 % ", Threshold(0.025, None), id="spaces"),
        pytest.param("0%", Threshold(0.0, None), id="no-share"),
        pytest.param("100%", Threshold(1.0, None), id="whole"),
        pytest.param("0", Threshold(None, 0), id="no-rows"),
        pytest.param("100", Threshold(None, 100), id="rows"),
    ],
)
def test_parse_threshold(text, threshold):
    assert parse_threshold(text) == threshold


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "%",
            "-1",
            "-1%",
            "101%",
            "100.1%",
            "5.5",
            "five",
            "5%%",
            "nan%",
            "NaN",
            "inf%",
            "sNaN%",
        ),
        *("1e999%", "5 rows", "0x10", "%5", "5,5%"),
    ],
)
def test_nonsense_is_refused(text):
    with pytest.raises(ValueError, match="neither a share"):
        parse_threshold(text)


@pytest.mark.parametrize(
    ("text", "invalid", "rows", "stops"),
    [
        pytest.param("5%", 5, 100, False, id="exactly-the-share"),
        pytest.param("5%", 6, 100, True, id="over-the-share"),
        pytest.param("5%", 50_001, 1_000_000, True, id="one-row-over-in-a-million"),
        pytest.param("0.7%", 7, 1000, False, id="exactly-a-share-that-floats-miss"),
        pytest.param("0%", 0, 100, False, id="nothing-allowed-nothing-found"),
        pytest.param("0%", 1, 1_000_000, True, id="nothing-allowed-one-found"),
        pytest.param("100%", 100, 100, False, id="everything-allowed"),
        pytest.param("0", 0, 100, False, id="no-rows-allowed-none-found"),
        pytest.param("0", 1, 100, True, id="no-rows-allowed-one-found"),
        pytest.param("100", 100, 100, False, id="exactly-the-rows"),
        pytest.param("100", 101, 1_000_000, True, id="one-row-over"),
        pytest.param("0%", 0, 0, False, id="no-input-share"),
        pytest.param("0", 0, 0, False, id="no-input-rows"),
    ],
)
def test_check_invalid_share(text, invalid, rows, stops):
    assert (check_invalid_share(invalid, rows, text) is not None) == stops


def test_reason_names_the_numbers_and_the_way_out():
    reason = check_invalid_share(1_500, 10_000, "5%")
    assert reason is not None
    for part in ("1,500 of 10,000", "15.0%", "--max-invalid 5%", "Nothing was sent", "errors.csv"):
        assert part in reason


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 1000), st.integers(1, 5000), st.data())
def test_share_is_compared_exactly(tenths, rows, data):
    share = Fraction(tenths, 1000)
    boundary = int(share * rows)
    invalid = data.draw(st.integers(max(0, boundary - 1), min(rows, boundary + 1)))
    exceeded = parse_threshold(f"{tenths / 10}%").is_exceeded(invalid, rows)
    assert exceeded == (Fraction(invalid, rows) > share)

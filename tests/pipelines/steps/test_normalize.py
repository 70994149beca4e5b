import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from step_frames import FIRST_ROW, assert_counting_law, endpoints, found

from pipelines.steps.normalize import NormalizeParams, normalize
from schemas.columns import SCALAR_COLUMNS

PARAMS = NormalizeParams(default_country="US")

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""Unicode's White_Space: `str.strip` also takes off control characters, \\x1c to \\x1f."""
UNSEEN = "\xad\u200b\u200c\u200d\u2060\ufeff\u061c\u200e\u200f" + "".join(
    map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
"""What is invisible: of nothing else, a value is blank."""

MESSY = {
    "Id": ["", " ", "e-1", " E-1\n", "e\u0301", "\u00e9"],
    "ChannelType": [
        "sms",
        " Voice",
        "e-mail",
        "MAIL",
        "fcm",
        "In App",
        "fax machine",
        "ΐ",
        "ß",
        "",
    ],
    "Address": [
        "(206) 555-0100",
        "+44 20 7946 0958",
        "020 7946 0958",
        "4.47946E+11",
        "447911123456",
        "Ana@EXAMPLE.com",
        "jose\u0301@bücher.example",
        "ana@@example.com",
        "DEADBEEF",
        "555-0100",
    ],
    "EndpointStatus": ["active", "Inactive ", "actif", "ŉ", ""],
    "OptOut": ["all", "None", "yes", "", " "],
    "EffectiveDate": [
        "2026-01-31",
        "2026-01-31T09:30+02:00",
        "2026-02-30",
        "yesterday",
        "0000-01-01",
    ],
    "Location.Latitude": ["47.6097", "-0.04", "90", "90.04", "1e308", "nan", "inf", "47,6", "+.25"],
    "Location.Longitude": ["-122.3331", "180", "-180.04", "1e-9", "0x10"],
    "Location.Country": ["us", "USA", "Deutschland", "germany", "côte d'ivoire", "XX"],
    "Demographic.Locale": ["en-us", "EN_us", "en", "xx_YY"],
    "Demographic.Timezone": ["america/los angeles", "UTC", "PST", "Mars/Base"],
    "Location.City": ["“Ana”", "«‘x’»", "Kö\u200bln", "\u200fx\u00a0y", "Citt\xc3\xa0", "'90"],
    "User.UserId": ["u-1", " u-1 ", "\u00a0"],
    "Attributes.A": ["a\u00a0b", "", " x ", "e\u0301", "\u2003"],
    "Metrics.M": ["1", " 1.5 ", "NaN", "1.200,5", "1,200", "1’200"],
}


def cells(column):
    values = st.sampled_from(MESSY[column]) | st.text(max_size=12) | st.none()
    return st.lists(values, max_size=3) | st.none() if column == "Attributes.A" else values


@st.composite
def messy_frames(draw):
    columns = draw(st.sets(st.sampled_from(sorted(MESSY)), max_size=8))
    columns |= {"Id", "ChannelType", "Address"}
    rows = draw(st.integers(1, 6))
    values = {c: draw(st.lists(cells(c), min_size=rows, max_size=rows)) for c in sorted(columns)}
    return endpoints(values)


def one(column, value, params=PARAMS, **others):
    """Normalize one row and give its value in a column."""
    columns = {name: [other] for name, other in others.items()} | {column: [value]}
    return normalize(endpoints(columns), params).frame[column].item()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(messy_frames(), st.sampled_from([None, "US", "GB"]), st.sampled_from([None, "SMS", "EMAIL"]))
def test_normalizing_again_changes_nothing(frame, country, channel):
    params = NormalizeParams(country, channel)
    once = normalize(frame, params)
    again = normalize(once.frame, params)
    assert_frame_equal(again.frame, once.frame)
    assert again.issues.is_empty()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(messy_frames())
def test_every_row_goes_on_and_no_value_is_invented(frame):
    result = normalize(frame, NormalizeParams())
    assert_counting_law(frame, result)
    assert result.frame.columns == frame.columns
    assert result.frame["row_key"].equals(frame["row_key"])
    for column in set(frame.columns) - {"row_key", "Id"}:
        came, is_null = frame[column].to_list(), result.frame[column].is_null()
        for value, null in zip(came, is_null, strict=True):
            parts = value if isinstance(value, list) else [value]
            blank = WHITE_SPACE + ("" if column == "OptOut" else UNSEEN)
            assert null == (not any((part or "").strip(blank) for part in parts)), (column, value)


@pytest.mark.parametrize("column", SCALAR_COLUMNS)
@pytest.mark.parametrize("blank", ["", " ", "\t\r\n", "\u00a0\u3000", None], ids=ascii)
def test_blank_becomes_null(column, blank):
    others = {} if column == "Address" else {"Address": None}
    assert one(column, blank, **others) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([" a ", "", None, "b"], ["a", "b"], id="blanks-go"),
        pytest.param(["", None], None, id="only-blanks"),
        pytest.param([], None, id="empty"),
        pytest.param(["e\u0301"], ["\u00e9"], id="composed"),
        pytest.param(["b", "a", "b"], ["b", "a", "b"], id="order-and-repetition-stay"),
    ],
)
def test_list_values(values, expected):
    normalized = normalize(endpoints({"Attributes.A": [values]}), PARAMS).frame
    assert normalized["Attributes.A"].to_list() == [expected]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        pytest.param("ChannelType", "sms", "SMS", id="channel-lower-case"),
        pytest.param("ChannelType", "e-mail", "EMAIL", id="channel-hyphen"),
        pytest.param("ChannelType", "E Mail", "EMAIL", id="channel-space"),
        pytest.param("ChannelType", "fcm", "GCM", id="channel-new-name"),
        pytest.param("ChannelType", "in-app", "IN_APP", id="channel-in-app"),
        pytest.param("ChannelType", "apns sandbox", "APNS_SANDBOX", id="channel-two-words"),
        pytest.param("EndpointStatus", "inactive", "INACTIVE", id="status"),
        pytest.param("OptOut", " all ", "ALL", id="opt-out"),
        pytest.param("Location.Country", "CAN", "CA", id="country-alpha-3"),
        pytest.param("Location.Country", "germany", "DE", id="country-name"),
        pytest.param("Demographic.Locale", "en-us", "en_US", id="locale"),
        pytest.param("Demographic.Timezone", "europe/berlin", "Europe/Berlin", id="timezone"),
        pytest.param("Location.Latitude", "47.6097", "47.6", id="latitude"),
        pytest.param("Location.Latitude", "47.25", "47.3", id="half-away-from-zero"),
        pytest.param("Location.Longitude", "-122.25", "-122.3", id="negative-half"),
        pytest.param("Location.Latitude", "90", "90.0", id="pole"),
        pytest.param("Location.Longitude", "-180", "-180.0", id="date-line"),
        pytest.param("EffectiveDate", "20260131T0930Z", "2026-01-31T09:30:00.000Z", id="date"),
        pytest.param("Location.Latitude", "47,137", "47.1", id="latitude-decimal-comma"),
        pytest.param("Metrics.M", "1.200,50", "1200.50", id="metric"),
        pytest.param("Metrics.M", "1\u202f200,50", "1200.50", id="metric-with-thin-space"),
        pytest.param("EffectiveDate", "1769851800", "2026-01-31T09:30:00.000Z", id="epoch"),
        pytest.param("Location.City", "Mu\u0308nchen ", "M\u00fcnchen", id="composed-and-trimmed"),
    ],
)
def test_readable_value(column, value, expected):
    assert one(column, value) == expected


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("ChannelType", "fax machine", id="channel"),
        pytest.param("ChannelType", "sms/voice", id="two-channels"),
        pytest.param("EndpointStatus", "actif", id="status"),
        pytest.param("OptOut", "yes", id="opt-out-yes"),
        pytest.param("OptOut", "0", id="opt-out-number"),
        pytest.param("Location.Country", "Deutschland", id="country"),
        pytest.param("Demographic.Locale", "english", id="locale"),
        pytest.param("Demographic.Timezone", "PST", id="timezone"),
        pytest.param("Location.Latitude", "1,200,000", id="latitude-groups"),
        pytest.param("Location.Latitude", "90.04", id="latitude-just-over"),
        pytest.param("Location.Longitude", "-180.04", id="longitude-just-over"),
        pytest.param("Location.Longitude", "1e308", id="longitude-huge"),
        pytest.param("Location.Latitude", "NaN", id="latitude-nan"),
        pytest.param("EffectiveDate", "31.01.2026", id="date"),
        pytest.param("Metrics.M", "1,500", id="metric-with-two-readings"),
        pytest.param("Metrics.M", "15%", id="metric-percent"),
        pytest.param("OptOut", "“ALL”", id="opt-out-in-quotes"),
        pytest.param("OptOut", "ALL\u200b", id="opt-out-with-invisible-character"),
        pytest.param("Location.City", "CittÃ\u00a0", id="mojibake-with-a-space"),
        pytest.param("Location.City", "BesanÃ\u00adon", id="mojibake-with-a-soft-hyphen"),
    ],
)
def test_unreadable_value_stays_as_it_came(column, value):
    assert one(column, value) == value


@pytest.mark.parametrize(
    ("address", "country", "default", "expected"),
    [
        pytest.param("(206) 555-0100", None, "US", "+12065550100", id="default-country"),
        pytest.param("020 7946 0958", "GB", "US", "+442079460958", id="country-of-the-row"),
        pytest.param("020 7946 0958", "United Kingdom", None, "+442079460958", id="country-name"),
        pytest.param("020 7946 0958", None, None, "020 7946 0958", id="no-country"),
        pytest.param("+44 20 7946 0958", "US", "US", "+442079460958", id="international"),
        pytest.param("4.47946E+11", "GB", None, "4.47946E+11", id="scientific"),
        pytest.param("unknown", "GB", "US", "unknown", id="no-number"),
    ],
)
def test_phone_numbers(address, country, default, expected):
    columns = {"ChannelType": ["SMS"], "Address": [address], "Location.Country": [country]}
    frame = normalize(endpoints(columns), NormalizeParams(default_country=default)).frame
    assert frame["Address"].to_list() == [expected]


def test_address_is_read_as_its_own_channel_says():
    columns = {
        "ChannelType": ["SMS", "EMAIL", "CUSTOM", None, "VOICE", "EMAIL"],
        "Address": ["2065550100", "a@EXAMPLE.com", "2065550100", "b@EXAMPLE.com", None, None],
    }
    expected = ["+12065550100", "a@example.com", "2065550100", "b@EXAMPLE.com", None, None]
    assert normalize(endpoints(columns), PARAMS).frame["Address"].to_list() == expected


def test_the_region_of_a_phone_goes_before_the_country_of_the_row():
    frame = endpoints(
        {
            "ChannelType": ["SMS", "SMS", "SMS", "SMS"],
            "Address": ["030 123456", "030 123456", "206 555 0100", "+4930123456"],
            "phone_region": ["DE", None, None, "FR"],
            "Location.Country": ["US", "DE", None, None],
        }
    )
    normalized = normalize(frame, PARAMS).frame
    assert normalized["Address"].to_list() == ["+4930123456"] * 2 + ["+12065550100", "+4930123456"]
    assert normalized["phone_region"].to_list() == ["DE", None, None, "FR"]


def test_flags_of_a_mapped_frame_stay():
    frame = endpoints().with_columns(pl.lit(value=True).alias("clear:Attributes.A"))
    assert normalize(frame, PARAMS).frame["clear:Attributes.A"].to_list() == [True]


def test_default_channel_fills_gaps_alone():
    frame = endpoints({"ChannelType": [None, " ", "EMAIL", "fax"], "Address": ["2065550100"] * 4})
    normalized = normalize(frame, NormalizeParams("US", "SMS")).frame
    assert normalized["ChannelType"].to_list() == ["SMS", "SMS", "EMAIL", "fax"]
    assert normalized["Address"].to_list()[:2] == ["+12065550100"] * 2


@pytest.mark.parametrize("column", ["OptOut", "EndpointStatus", "EffectiveDate", "User.UserId"])
def test_absent_column_stays_absent(column):
    assert column not in normalize(endpoints(rows=2), PARAMS).frame.columns


def test_date_without_zone_is_a_warning():
    frame = endpoints({"EffectiveDate": ["2026-01-31", "2026-01-31T00:00Z", "soon", None]})
    result = normalize(frame, PARAMS)
    assert found(result.issues) == [(0, "EffectiveDate", "effective_date.zone_missing")]
    assert result.issues["value"].to_list() == ["2026-01-31"]
    assert result.issues["row_key"].to_list() == [FIRST_ROW]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        pytest.param("Metrics.M", " 1\u2019200.5", "number.format", id="number"),
        pytest.param("Location.Longitude", "11,575", "number.format", id="longitude"),
        pytest.param("EffectiveDate", "1769851800 ", "effective_date.epoch_time", id="epoch"),
        pytest.param("Location.City", " New\u00a0York", "text.odd_space", id="space"),
        pytest.param("Id", "e\u200b1", "text.invisible_character", id="invisible"),
        pytest.param("User.UserId", "'0123", "text.quotes_removed", id="quotes"),
    ],
)
def test_repair_is_a_warning_with_the_value_as_it_came(column, value, code):
    result = normalize(endpoints({column: ["1", value]}), PARAMS)
    assert found(result.issues) == [(1, column, code)]
    assert result.issues["value"].to_list() == [value]


def test_column_without_any_value_becomes_text():
    frame = endpoints(rows=2).with_columns(
        pl.lit(None).alias("OptOut"),
        pl.Series("Attributes.A", [[], []], dtype=pl.List(pl.Null)),
    )
    normalized = normalize(frame, PARAMS).frame
    assert normalized.schema["OptOut"] == normalized.schema["Attributes.A"] == pl.String
    assert normalized.select("OptOut", "Attributes.A").null_count().row(0) == (2, 2)


def test_column_of_another_type_is_not_emptied():
    frame = endpoints().with_columns(pl.lit(5).alias("Metrics.M"))
    assert normalize(frame, PARAMS).frame["Metrics.M"].to_list() == [5]


def test_no_rows_stay_no_rows():
    frame = endpoints({column: ["x"] for column in MESSY}).clear()
    result = normalize(frame, PARAMS)
    assert result.frame.height == result.issues.height == 0


@pytest.mark.parametrize("column", sorted(MESSY))
def test_values_among_many_are_normalized_as_alone(column):
    """Columns of many rows are rewritten by their distinct values where these are few."""
    # An Id that is derived depends on the row's own address.
    values = [v for v in [*MESSY[column], None] if column != "Id" or (v or "").strip()]
    alone = [normalize(endpoints({column: [v]}), PARAMS).frame[column][0] for v in values]
    many = normalize(endpoints({column: [values[0]] * 1500 + values}), PARAMS).frame[column]
    assert many.to_list()[1500:] == alone

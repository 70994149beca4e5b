import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandera.config import ValidationDepth, config_context
from polars.testing import assert_frame_equal
from step_frames import FIRST_ROW, assert_counting_law, endpoints, found

from pipelines.steps.validate import ValidateParams, validate
from schemas import issues
from schemas.channels import ChannelType
from schemas.phones import PhoneCheck

PARAMS = ValidateParams()
LONG, FULL = "v" * 101, "v" * 100
ASTRAL = "😀" * 100
COMBINED = "q\u0301" * 50

# One row that raises exactly this issue under the column's name, and a neighbour that raises none.
CASES = [
    ("id.character_not_allowed", "Id", "a$b", "a#b"),
    ("id.character_not_allowed", "Id", "a{b", "a(b"),
    ("id.character_not_allowed", "Id", "a}b", "a/b"),
    ("id.character_not_allowed", "Id", "a\tb", "a b"),
    ("id.character_not_allowed", "Id", "a\nb", "é😀"),
    ("channel_type.unknown", "ChannelType", "FAX", "CUSTOM"),
    ("channel_type.unknown", "ChannelType", "sms", "PUSH"),
    ("address.email_invalid", "Address", "ana@@example.com", "ana@example.com"),
    ("endpoint_status.unknown", "EndpointStatus", "active", "ACTIVE"),
    ("endpoint_status.unknown", "EndpointStatus", "BLOCKED", "INACTIVE"),
    ("opt_out.unknown", "OptOut", "yes", "ALL"),
    ("opt_out.unknown", "OptOut", "None", "NONE"),
    ("effective_date.invalid", "EffectiveDate", "2026-02-30", "2024-02-29T00:00:00.000Z"),
    (
        "effective_date.invalid",
        "EffectiveDate",
        "2026-02-30T00:00:00.000Z",
        "2026-02-28T23:59:59.999Z",
    ),
    ("location.latitude_invalid", "Location.Latitude", "90.1", "90.0"),
    ("location.latitude_invalid", "Location.Latitude", "-90.1", "-90"),
    ("location.latitude_invalid", "Location.Latitude", "47,6", "4.76e1"),
    ("location.latitude_invalid", "Location.Latitude", "NaN", "0"),
    ("location.longitude_invalid", "Location.Longitude", "180.1", "180.0"),
    ("location.longitude_invalid", "Location.Longitude", "-180.1", "-180"),
    ("location.longitude_invalid", "Location.Longitude", "west", "90.1"),
    ("location.country_unknown", "Location.Country", "USA", "US"),
    ("location.country_unknown", "Location.Country", "UK", "GB"),
    ("demographic.locale_invalid", "Demographic.Locale", "en", "en_US"),
    ("demographic.timezone_unknown", "Demographic.Timezone", "PST", "America/Los_Angeles"),
    ("attribute.value_too_long", "Attributes.A", LONG, FULL),
    ("attribute.value_too_long", "Attributes.A", ASTRAL + "😀", ASTRAL),
    ("attribute.value_too_long", "Attributes.A", COMBINED + "x", COMBINED),
    ("attribute.value_too_long", "Attributes.A", ["x", LONG], ["x", FULL]),
    ("attribute.value_too_long", "Attributes.A", [ASTRAL + "x"], [ASTRAL, COMBINED]),
    ("attribute.too_many_values", "Attributes.A", ["v"] * 51, ["v"] * 50),
    ("attribute.name_too_long", "Attributes." + "n" * 51, "v", None),
    ("attribute.name_too_long", "Attributes." + "n" * 51, ["v"], None),
    ("attribute.name_too_long", "Metrics." + "é" * 51, "1", None),
    ("attribute.name_too_long", "Metrics." + "😀" * 51, "1", None),
    ("metric.not_a_number", "Metrics.M", "NaN", "0.5"),
    ("metric.not_a_number", "Metrics.M", "inf", "-1"),
    ("metric.not_a_number", "Metrics.M", "1e400", "1e300"),
    ("metric.not_a_number", "Metrics.M", "1,000", "1000"),
    ("metric.not_a_number", "Metrics.M", "0x1F", "31"),
    ("metric.not_a_number", "Metrics.M", "1_000", "+.5"),
    ("metric.not_a_number", "Metrics.M", "true", "1."),
    ("text.control_character", "Location.City", "a\x00b", "a\tb"),
    ("text.control_character", "Location.City", "a\x1fb", "a\nb"),
    ("text.control_character", "Location.City", "a\x7fb", "a\r\nb"),
    ("text.control_character", "Location.City", "a\x9fb", "a\u00a0b"),
    ("text.control_character", "Attributes.A", "a\x0bb", "a\u2028b"),
    ("text.control_character", "Attributes.A", ["x", "a\x0cb"], ["x", "a\u200bb"]),
    ("text.replacement_character", "Location.City", "M\ufffdnchen", "München"),
    ("text.replacement_character", "Attributes.A", ["x", "\ufffd"], ["x", "y"]),
    ("text.spreadsheet_error", "Id", "#N/A", "#N/Ab"),
    ("text.spreadsheet_error", "OptOut", "#REF!", None),
    ("text.spreadsheet_error", "Address", "#NAME?", "ana@example.com"),
    ("text.spreadsheet_error", "Metrics.M", "#DIV/0!", "0"),
    ("text.spreadsheet_error", "EffectiveDate", "#BEZUG!", None),
    ("text.spreadsheet_error", "Location.Country", "#WERT!", "DE"),
    ("text.spreadsheet_error", "Attributes.A", ["x", "#N/D"], ["x", "#1"]),
    ("id.scientific_notation", "Id", "1.23457E+11", "12E5"),
    ("id.scientific_notation", "Id", "1,23457e+11", "a+1e5"),
    ("user.id_scientific_notation", "User.UserId", "1E+11", "1E11"),
    ("location.postal_code_scientific_notation", "Location.PostalCode", "1.2E+08", "1E+8"),
    ("effective_date.serial_number", "EffectiveDate", "46053", None),
    ("effective_date.serial_number", "EffectiveDate", "46053.395833", None),
    ("effective_date.invalid", "EffectiveDate", "19999", None),
    ("text.mojibake", "Location.City", "MÃ¼nchen", "München"),
    ("text.mojibake", "Attributes.A", ["x", "â‚¬ 5"], ["x", "€ 5"]),
]
# Rules that look at more than one column.
COMBINATIONS = [
    (
        "channel_type.missing",
        "ChannelType",
        {"ChannelType": None},
        {"ChannelType": "EMAIL"},
    ),
    ("address.missing", "Address", {"Address": None}, {"Address": "ana@example.com"}),
    (
        "address.missing",
        "Address",
        {"Address": None, "ChannelType": "SMS"},
        {"Address": "+12065550100", "ChannelType": "SMS"},
    ),
    (
        "address.phone_invalid",
        "Address",
        {"ChannelType": "SMS", "Address": "+1206555010"},
        {"ChannelType": "SMS", "Address": "+12065550100"},
    ),
    (
        "address.phone_invalid",
        "Address",
        {"ChannelType": "VOICE", "Address": "2065550100 x5"},
        {"ChannelType": "CUSTOM", "Address": "2065550100 x5"},
    ),
    (
        "address.plus_lost",
        "Address",
        {"ChannelType": "SMS", "Address": "12065550100"},
        {"ChannelType": "PUSH", "Address": "12065550100"},
    ),
    (
        "address.scientific_notation",
        "Address",
        {"ChannelType": "SMS", "Address": "4.47946E+11"},
        {"ChannelType": "CUSTOM", "Address": "4.47946E+11"},
    ),
    (
        "address.zero_lost",
        "Address",
        {"ChannelType": "SMS", "Address": "+39612345678"},
        {"ChannelType": "SMS", "Address": "+390612345678"},
    ),
    (
        "address.zero_lost",
        "Address",
        {"ChannelType": "SMS", "Address": "123456789", "Location.Country": "CI"},
        {"ChannelType": "SMS", "Address": "+2250123456789", "Location.Country": "CI"},
    ),
    (
        "address.token_not_hex",
        "Address",
        {"ChannelType": "APNS", "Address": "abc"},
        {"ChannelType": "APNS", "Address": "abcD"},
    ),
    (
        "address.token_not_hex",
        "Address",
        {"ChannelType": "APNS_VOIP_SANDBOX", "Address": "xy"},
        {"ChannelType": "GCM", "Address": "xy"},
    ),
    (
        "location.postal_code_zero_lost",
        "Location.PostalCode",
        {"Location.PostalCode": "2139", "Location.Country": "US"},
        {"Location.PostalCode": "02139", "Location.Country": "US"},
    ),
    (
        "location.postal_code_zero_lost",
        "Location.PostalCode",
        {"Location.PostalCode": "501", "Location.Country": "US"},
        {"Location.PostalCode": "2139", "Location.Country": "AU"},
    ),
    (
        "user.id_missing",
        "User.UserId",
        {"User.UserAttributes.P": "x", "User.UserId": None},
        {"User.UserAttributes.P": "x", "User.UserId": "u-1"},
    ),
    (
        "user.id_missing",
        "User.UserId",
        {"User.UserAttributes.P": ["x"]},
        {"User.UserAttributes.P": None},
    ),
]
ELSEWHERE = {
    "record.malformed": "storage",
    "record.swallowed_others": "swallowed",
    "column.unmapped": "map_columns",
    "mapping.value_unknown": "column_rules",
    "mapping.date_format": "column_rules",
    "attribute.name_discouraged": "map_columns",
    "effective_date.zone_missing": "normalize",
    "effective_date.epoch_time": "normalize",
    "number.format": "normalize",
    "text.odd_space": "clean_texts",
    "text.invisible_character": "clean_texts",
    "text.quotes_removed": "clean_texts",
    "endpoint.too_large": "encode",
    "address.shared": "resolve",
    "user.too_many_endpoints": "resolve",
    "user.endpoint_displaces": "resolve",
}
"""Codes that another step raises, and its tests look after."""


def one_row(columns):
    return endpoints({name: [value] for name, value in columns.items()})


ALL_CASES = [
    pytest.param(*case, id=f"{number}-{case[0]}")
    for number, case in enumerate(
        [*((code, c, {c: bad}, {c: good}) for code, c, bad, good in CASES), *COMBINATIONS]
    )
]


@pytest.mark.parametrize(("code", "column", "bad", "good"), ALL_CASES)
def test_row_raises_exactly_this_issue(code, column, bad, good):
    assert found(validate(one_row(bad), PARAMS).issues) == [(0, column, code)]
    assert found(validate(one_row(good), PARAMS).issues) == []


@pytest.mark.parametrize(("code", "column", "bad", "good"), ALL_CASES)
def test_row_among_many_raises_exactly_this_issue(code, column, bad, good):
    """Columns of many rows are judged by their distinct values where these are few."""
    rows = [good] * 1500 + [bad, good, bad]
    names = dict.fromkeys([*good, *bad])
    frame = endpoints({name: [row.get(name) for row in rows] for name in names})
    assert found(validate(frame, PARAMS).issues) == [(1500, column, code), (1502, column, code)]


@pytest.mark.parametrize(("code", "column", "bad", "good"), ALL_CASES)
def test_errors_refuse_the_row_and_warnings_do_not(code, column, bad, good):
    frame = one_row(bad)
    result = validate(frame, PARAMS)
    assert_counting_law(frame, result)
    assert result.frame.height == (1 if issues.ISSUE_KINDS[code].severity == "warning" else 0)


def test_every_issue_of_a_row_has_its_case():
    here = {code for code, *_ in [*CASES, *COMBINATIONS]} | {"attribute.too_many_names"}
    assert here | set(ELSEWHERE) == set(issues.ISSUE_KINDS)
    assert not here & set(ELSEWHERE)


@pytest.mark.parametrize("prefix", ["Attributes.", "Metrics.", "User.UserAttributes."])
@pytest.mark.parametrize("letter", ["n", "é", "😀"])
def test_name_of_50_characters_is_allowed(prefix, letter):
    row = one_row({f"{prefix}{letter * 50}": "1", "User.UserId": "u-1"})
    assert validate(row, PARAMS).issues.is_empty()


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        pytest.param("v", ["attribute.too_many_names"], id="used"),
        pytest.param(None, [], id="unused"),
        pytest.param(LONG, ["attribute.too_many_names", "attribute.value_too_long"], id="and-long"),
    ],
)
def test_column_over_the_limit_of_names(value, codes):
    result = validate(
        endpoints({"Attributes.X": [value, None]}), ValidateParams(excess_columns=("Attributes.X",))
    )
    assert found(result.issues) == [(0, "Attributes.X", code) for code in codes]


def test_excess_column_of_another_file_does_not_matter():
    params = ValidateParams(excess_columns=("Attributes.Other",))
    assert validate(endpoints(), params).issues.is_empty()


def test_all_issues_of_all_rows_come_at_once():
    frame = endpoints(
        {
            "Id": ["e-0", "a$\x00", None],
            "Address": ["ana@example.com", None, "ana@"],
            "ChannelType": ["EMAIL", "FAX", "EMAIL"],
            "Location.Latitude": ["91", "0", "-91"],
            "Location.City": ["x", "MÃ¼nchen\x00", None],
            "Attributes.A": [["v"], [LONG, "\x00"] * 26, None],
            "Attributes.B": [None, LONG, "\x01Ã¼" + LONG],
            "User.UserAttributes.P": ["p", None, None],
        }
    )
    result = validate(frame, PARAMS)
    assert found(result.issues) == [
        (0, "Location.Latitude", "location.latitude_invalid"),
        (0, "User.UserId", "user.id_missing"),
        (1, "Address", "address.missing"),
        (1, "Attributes.A", "attribute.too_many_values"),
        (1, "Attributes.A", "attribute.value_too_long"),
        (1, "Attributes.A", "text.control_character"),
        (1, "Attributes.B", "attribute.value_too_long"),
        (1, "ChannelType", "channel_type.unknown"),
        (1, "Id", "id.character_not_allowed"),
        (1, "Id", "text.control_character"),
        (1, "Location.City", "text.control_character"),
        (1, "Location.City", "text.mojibake"),
        (2, "Address", "address.email_invalid"),
        (2, "Attributes.B", "attribute.value_too_long"),
        (2, "Attributes.B", "text.control_character"),
        (2, "Attributes.B", "text.mojibake"),
        (2, "Location.Latitude", "location.latitude_invalid"),
    ]
    assert_counting_law(frame, result)


def test_issue_shows_the_value():
    frame = endpoints({"Location.Country": ["Deutschland"], "Attributes.A": [["x", "\x00"]]})
    assert validate(frame, PARAMS).issues["value"].to_list() == ['["x","\\u0000"]', "Deutschland"]


@pytest.mark.parametrize(
    ("check", "accepted"),
    [
        pytest.param(PhoneCheck.FORMAT, [True, True, True, False], id="format"),
        pytest.param(PhoneCheck.POSSIBLE, [True, True, False, False], id="possible"),
        pytest.param(PhoneCheck.VALID, [True, False, False, False], id="valid"),
    ],
)
def test_phone_check(check, accepted):
    numbers = ["+12065550100", "+12001234567", "+120655501001", "206-555-0100"]
    frame = endpoints({"ChannelType": ["SMS"] * 4, "Address": numbers})
    kept = validate(frame, ValidateParams(phone_check=check)).frame["Address"].to_list()
    assert [number in kept for number in numbers] == accepted


@pytest.mark.parametrize("channel", sorted(ChannelType))
def test_every_channel_of_the_service_is_accepted(channel):
    address = {"SMS": "+12065550100", "VOICE": "+12065550100", "EMAIL": "ana@example.com"}
    frame = endpoints({"ChannelType": [channel], "Address": [address.get(channel, "abcd")]})
    assert validate(frame, PARAMS).issues.is_empty()


@pytest.mark.parametrize(
    "name",
    [
        "Attributes.*",
        "Attributes.^a.*$",
        "Attributes.a\nb",
        'Attributes."',
        "Attributes.\\",
        "Attributes. ",
    ],
)
def test_names_with_special_characters_are_checked_too(name):
    frame = endpoints({name: [LONG, FULL]})
    assert found(validate(frame, PARAMS).issues) == [(0, name, "attribute.value_too_long")]


def test_no_rows_have_no_issues():
    result = validate(endpoints({"Attributes.A": [["x"]], "OptOut": ["ALL"]}).clear(), PARAMS)
    assert result.frame.height == result.issues.height == 0


def test_accepted_rows_are_not_changed():
    frame = endpoints({"Attributes.A": [["x"], None], "Location.Country": ["US", None]})
    assert_frame_equal(validate(frame, PARAMS).frame, frame)


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pl.lit(5).alias("OptOut"), id="number"),
        pytest.param(pl.concat_list(pl.lit("ALL")).alias("OptOut"), id="list"),
    ],
)
def test_frame_of_another_shape_is_a_defect_not_an_issue(column):
    with pytest.raises(TypeError, match="OptOut"):
        validate(endpoints().with_columns(column), PARAMS)


def values_of(column):
    here = [(bad, good) for _, c, bad, good in CASES if c == column]
    return st.sampled_from([value for pair in here for value in pair] + [None])


RANDOM_COLUMNS = sorted({c for _, c, *_ in CASES if len(c) < 50 and c != "Attributes.A"})


@st.composite
def faulty_frames(draw):
    columns = draw(st.lists(st.sampled_from(RANDOM_COLUMNS), unique=True, min_size=1, max_size=6))
    rows = draw(st.integers(1, 5))
    frame = {c: draw(st.lists(values_of(c), min_size=rows, max_size=rows)) for c in columns}
    lists = st.sampled_from([["x"], ["x", LONG], ["v"] * 51, ["\x00"]]) | st.none()
    frame["Attributes.A"] = draw(st.lists(lists, min_size=rows, max_size=rows))
    return endpoints(frame)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(faulty_frames())
def test_rows_are_judged_each_by_itself_and_counted_once(frame):
    result = validate(frame, PARAMS)
    assert_counting_law(frame, result)
    alone = pl.concat([validate(row, PARAMS).issues for row in frame.iter_slices(1)])
    assert_frame_equal(result.issues, alone)
    assert result.issues["row_key"].is_between(FIRST_ROW, FIRST_ROW + frame.height - 1).all()


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"validation_enabled": False}, id="switched-off"),
        pytest.param({"validation_depth": ValidationDepth.SCHEMA_ONLY}, id="schema-only"),
    ],
)
def test_the_environment_cannot_switch_validation_off(environment):
    with config_context(**environment):
        result = validate(endpoints({"Address": ["ana@@example.com"]}), PARAMS)
    assert result.issues["code"].to_list() == ["address.email_invalid"]

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandera.config import ValidationDepth, config_context
from polars.testing import assert_frame_equal
from step_frames import FIRST_ROW, assert_counting_law, endpoints, found
from validate_cases import CASES, COMBINATIONS, ELSEWHERE, FULL, LONG

from pipelines.steps.validate import ValidateParams, validate
from schemas import issues
from schemas.channels import ChannelType
from schemas.phones import PhoneCheck

PARAMS = ValidateParams()


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

"""The patterns and derived columns of the model; what it makes of rows: test_validate."""

import math
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channels import APNS_CHANNELS, PHONE_CHANNELS, ChannelType
from schemas.columns import SCALAR_COLUMNS
from schemas.endpoint import (
    CONTROL_CHARACTERS,
    EFFECTIVE_DATE,
    ENDPOINT_STATUSES,
    ID_CHARACTERS_REFUSED,
    NULL_ISSUES,
    NUMBER,
    OPT_OUTS,
    VIEWS,
    endpoint_model,
    view_columns,
    view_short_codes,
)
from schemas.phones import PhoneCheck


def holds(pattern, text):
    return pl.Series([text]).str.contains(pattern).item()


def test_control_characters_are_those_of_unicode_but_for_tab_and_line_breaks():
    refused = {code for code in range(0x3000) if holds(CONTROL_CHARACTERS, chr(code))}
    controls = {code for code in range(0x3000) if unicodedata.category(chr(code)) == "Cc"}
    assert refused == controls - {0x09, 0x0A, 0x0D}


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30))
def test_number_reads_what_python_writes(number):
    assert holds(NUMBER, repr(number))


@given(st.text("0123456789+-.eE_ ,xnaif", max_size=8))
def test_number_is_one_for_polars_and_python(text):
    if holds(NUMBER, text):
        assert math.isfinite(float(text)) or "e" in text.lower()
        assert pl.Series([text]).cast(pl.Float64, strict=True).item() == float(text)


@pytest.mark.parametrize(
    "text", ["", ".", "+", "1e", "1e+", "0x1", "1_0", " 1", "1,0", "--1", "nan"]
)
def test_what_is_no_number(text):
    assert not holds(NUMBER, text)


def test_id_characters():
    refused = {chr(code) for code in range(0x3000) if holds(ID_CHARACTERS_REFUSED, chr(code))}
    assert refused == set("${}\t\r\n")


def test_effective_date_form():
    assert holds(EFFECTIVE_DATE, "2026-01-31T09:30:00.000Z")
    assert not holds(EFFECTIVE_DATE, "2026-01-31T09:30:00Z")


@pytest.mark.parametrize("channel", [*ChannelType, None])
def test_address_is_looked_at_as_its_channel_says(channel):
    frame = pl.DataFrame(
        {"ChannelType": [channel and channel.value], "Address": ["x"]},
        schema={"ChannelType": pl.String, "Address": pl.String},
    )
    views = frame.select(view_columns(frame.columns)).row(0, named=True)
    assert views == {
        "phone_address": "x" if channel in PHONE_CHANNELS else None,
        "email_address": "x" if channel == "EMAIL" else None,
        "apns_address": "x" if channel in APNS_CHANNELS else None,
    }


@pytest.mark.parametrize(
    ("country", "code", "seen"),
    [
        pytest.param("US", "2139", "2139", id="us"),
        pytest.param("US", "02139", None, id="whole"),
        pytest.param("IT", "10", "10", id="many-zeros"),
        pytest.param("NO", "150", "150", id="four-digits"),
        pytest.param("NO", "0150", None, id="four-digits-whole"),
        pytest.param("GB", "2139", None, id="elsewhere"),
        pytest.param(None, "2139", None, id="no-country"),
        pytest.param("US", None, None, id="no-code"),
    ],
)
def test_short_postal_code_is_looked_at_where_codes_start_with_zeros(country, code, seen):
    columns = {"Location.Country": [country], "Location.PostalCode": [code]}
    base = {"ChannelType": ["EMAIL"], "Address": ["x"]}
    frame = pl.DataFrame({**base, **columns}, schema_overrides=dict.fromkeys(columns, pl.String))
    views = [view.to_list() for view in view_short_codes(frame)]
    assert views == ([[seen]] if seen else [])


def test_model_has_every_column_and_view():
    names = set(endpoint_model(PhoneCheck.VALID).columns)
    assert set(SCALAR_COLUMNS) | set(VIEWS) <= names
    assert len(names - set(SCALAR_COLUMNS) - set(VIEWS)) == 3
    assert set(NULL_ISSUES) == {"Address", "ChannelType"}


def test_model_is_built_once_for_each_phone_check():
    assert endpoint_model(PhoneCheck.VALID) is endpoint_model(PhoneCheck.VALID)
    assert endpoint_model(PhoneCheck.VALID) is not endpoint_model(PhoneCheck.FORMAT)


def test_words_of_the_service():
    assert {"ACTIVE", "INACTIVE"} == ENDPOINT_STATUSES
    assert {"ALL", "NONE"} == OPT_OUTS

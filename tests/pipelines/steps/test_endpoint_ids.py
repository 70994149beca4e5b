"""Ids are a contract: another Id for the same row would add an endpoint at every import."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_frames import endpoints

from pipelines.steps.endpoint_ids import NAMESPACE, derive_endpoint_ids
from pipelines.steps.normalize import NormalizeParams, normalize
from schemas.channels import ChannelType


def derive(ids, channels, addresses):
    frame = endpoints({"Id": ids, "ChannelType": channels, "Address": addresses})
    return derive_endpoint_ids(frame).to_list()


@pytest.mark.parametrize(
    ("channel", "address", "endpoint_id"),
    [
        pytest.param("SMS", "+12065550100", "89774d18-4405-5a35-bf9d-692857e112bd", id="sms"),
        pytest.param("VOICE", "+12065550100", "1094da70-8c3c-5e32-84e9-7e3dd655ac43", id="voice"),
        pytest.param(
            "EMAIL", "ana@example.com", "1d617610-8f05-577c-bbea-1743b58d855f", id="email"
        ),
        pytest.param("CUSTOM", "Zoë😀", "bd8c150a-e74e-5632-8ab2-4ca66c05c618", id="non-ascii"),
    ],
)
def test_ids_of_these_rows_never_change(channel, address, endpoint_id):
    assert derive([None], [channel], [address]) == [endpoint_id]


def test_namespace_never_changes():
    assert str(NAMESPACE) == "4c619084-997c-5d2b-a6ae-677f4e86fec4"


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(min_size=1),
            st.sampled_from(sorted(ChannelType)) | st.none(),
            st.text() | st.none(),
        ),
        min_size=1,
    )
)
def test_gaps_are_filled_with_uuid5_of_channel_and_address(rows):
    expected = [
        endpoint_id
        if endpoint_id is not None or channel is None or address is None
        else str(uuid.uuid5(NAMESPACE, f"{channel}:{address}"))
        for endpoint_id, channel, address in rows
    ]
    assert derive(*(list(column) for column in zip(*rows, strict=True))) == expected


def test_no_rows_have_no_ids():
    assert derive_endpoint_ids(endpoints().clear()).to_list() == []


@pytest.mark.parametrize(
    ("channels", "addresses"),
    [
        pytest.param(
            ["SMS", "sms", "SMS", "SMS", " Sms "],
            [
                "+12065550100",
                "(206) 555-0100",
                "1 206 555 0100",
                "tel:+1-206-555-0100",
                "2065550100",
            ],
            id="phone",
        ),
        pytest.param(
            ["EMAIL", "e-mail", "Mail"],
            ["ana@example.com", " ana@EXAMPLE.com ", "ana@Example.Com"],
            id="email",
        ),
        pytest.param(
            ["EMAIL", "EMAIL"], ["jose\u0301@example.com", "jos\u00e9@example.com"], id="composed"
        ),
        pytest.param(["GCM", "FCM", "gcm"], ["token", " token", "token "], id="push"),
    ],
)
def test_spellings_of_one_address_have_one_id(channels, addresses):
    frame = endpoints({"Id": [None] * len(channels), "ChannelType": channels, "Address": addresses})
    ids = normalize(frame, NormalizeParams(default_country="US")).frame["Id"]
    assert ids.n_unique() == 1
    assert ids.null_count() == 0


@pytest.mark.parametrize(
    ("channels", "addresses"),
    [
        pytest.param(["SMS", "VOICE"], ["+12065550100"] * 2, id="channel"),
        pytest.param(["GCM", "GCM"], ["token", "Token"], id="case-of-a-token"),
        pytest.param(["EMAIL"] * 2, ["ana@example.com", "Ana@example.com"], id="case-of-a-mailbox"),
    ],
)
def test_different_addresses_have_different_ids(channels, addresses):
    frame = endpoints({"Id": [None] * 2, "ChannelType": channels, "Address": addresses})
    assert normalize(frame, NormalizeParams()).frame["Id"].n_unique() == 2

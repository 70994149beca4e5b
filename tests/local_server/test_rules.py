"""Requests that are answered with 400, whatever is stored."""

import json

import pytest

from schemas.limits import ATTRIBUTE_VALUES, BATCH_ITEMS, ENDPOINT_BYTES


def item(endpoint_id="abc", **members):
    return {"Id": endpoint_id, "ChannelType": "EMAIL", "Address": "a@example.com", **members}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        pytest.param({"ChannelType": "NOPE"}, "ChannelType", id="channel"),
        pytest.param({"ChannelType": "sms"}, "ChannelType", id="channel_case"),
        pytest.param({"EndpointStatus": "active"}, "EndpointStatus", id="status"),
        pytest.param({"OptOut": "YES"}, "OptOut", id="opt_out"),
        pytest.param({"Address": 12}, "Address", id="address_number"),
        pytest.param({"EffectiveDate": 1566557675}, "EffectiveDate", id="date_number"),
        pytest.param({"Attributes": {"plan": "gold"}}, "Attributes.plan", id="bare_string"),
        pytest.param({"Attributes": {"plan": [1]}}, "Attributes.plan", id="list_of_numbers"),
        pytest.param({"Attributes": {"plan": [None]}}, "Attributes.plan", id="list_of_nulls"),
        pytest.param({"Attributes": ["plan"]}, "Attributes", id="attributes_list"),
        pytest.param({"Attributes": {"a" * 51: ["x"]}}, "Attributes." + "a" * 51, id="name"),
        pytest.param({"Attributes": {"plan": ["x" * 101]}}, "Attributes.plan", id="value"),
        pytest.param(
            {"Attributes": {"plan": ["x"] * (ATTRIBUTE_VALUES.value + 1)}},
            "Attributes.plan",
            id="values",
        ),
        pytest.param({"Metrics": {"spend": "12"}}, "Metrics.spend", id="metric_string"),
        pytest.param({"Metrics": {"spend": True}}, "Metrics.spend", id="metric_boolean"),
        pytest.param({"Metrics": {"spend": [1.0]}}, "Metrics.spend", id="metric_list"),
        pytest.param({"Metrics": {"m" * 51: 1.0}}, "Metrics." + "m" * 51, id="metric_name"),
        pytest.param({"Location": {"Latitude": "47"}}, "Location.Latitude", id="latitude"),
        pytest.param({"Location": {"City": 5}}, "Location.City", id="city"),
        pytest.param({"Location": "Seattle"}, "Location", id="location"),
        pytest.param({"Demographic": {"Make": ["x"]}}, "Demographic.Make", id="make"),
        pytest.param({"User": "u1"}, "User", id="user"),
        pytest.param({"User": {"UserId": 1}}, "User.UserId", id="user_id"),
        pytest.param(
            {"User": {"UserAttributes": {"n": "x"}}}, "User.UserAttributes.n", id="user_attribute"
        ),
    ],
)
def test_a_wrong_member_is_refused_by_name(service, members, field):
    # Raw HTTP: boto3 would turn some of these into the right type, or into nothing.
    body = json.dumps({"Item": [item("good"), item(**members)]}).encode()
    status, headers, answer = service.send("PUT", f"/v1/apps/{service.app}/endpoints", body)
    assert (status, headers["x-amzn-ErrorType"]) == (400, "BadRequestException")
    assert answer["Message"].startswith(f"Invalid {field}: item 'abc':")
    assert not service.exists("good")


@pytest.mark.parametrize("metric", [float("nan"), float("inf")])
def test_a_metric_has_to_be_finite(service, metric):
    # boto3 writes it as the string "NaN" or "Infinity".
    refusal = service.refusal(service.batch, item(Metrics={"spend": metric}))
    assert (refusal.status, refusal.code) == (400, "BadRequestException")
    assert refusal.message == "Invalid Metrics.spend: item 'abc': Metrics.spend must be a number"


@pytest.mark.parametrize("channel", ["SMS", "VOICE"])
@pytest.mark.parametrize(
    "address",
    ["12065550100", "+02065550100", "+1206555010012345", "+1 206 555 0100", "+1", "+１２"],
)
def test_phone_numbers_have_to_be_e164(service, channel, address):
    refusal = service.refusal(service.batch, item(ChannelType=channel, Address=address))
    assert (refusal.status, refusal.code) == (400, "BadRequestException")
    assert refusal.message == "Invalid phone number: item 'abc': Address"


def test_phone_format_counts_for_a_partial_update_too(service):
    service.put("e1", ChannelType="SMS", Address="+12065550100")
    refusal = service.refusal(service.put, "e1", Address="2065550100")
    assert refusal.message == "Invalid phone number: item 'e1': Address"
    assert service.refusal(service.put, "e1", Address="").message == "Missing Address"
    assert service.get("e1")["Address"] == "+12065550100"


@pytest.mark.parametrize(
    ("items", "message"),
    [
        pytest.param([], "Missing Item", id="empty"),
        pytest.param([item(str(n)) for n in range(101)], "Too many items", id="over_100"),
        pytest.param([item("ok"), {"ChannelType": "EMAIL"}], "Missing Id: Item[1]", id="no_id"),
        pytest.param([item("")], "Missing Id: Item[0]", id="empty_id"),
        pytest.param([item(7)], "Invalid Id: Item[0]", id="number_id"),
        pytest.param([item("a$b")], "Invalid Id: item 'a$b'", id="dollar"),
        pytest.param([item("a{b")], "Invalid Id: item 'a{b'", id="brace"),
        pytest.param([item("a}b")], "Invalid Id: item 'a}b'", id="closing_brace"),
        pytest.param([{"Id": "e", "ChannelType": "EMAIL"}], "Missing Address", id="no_address"),
        pytest.param([{"Id": "e", "Address": "a@b.c"}], "Missing ChannelType", id="no_channel"),
        pytest.param([{"Id": "e"}], "Missing Address", id="neither"),
    ],
)
def test_a_wrong_batch_is_refused(service, items, message):
    refusal = service.refusal(service.batch, *items)
    assert (refusal.status, refusal.code) == (400, "BadRequestException")
    assert refusal.message.startswith(message)


def test_a_batch_of_100_is_accepted(service):
    service.batch(*(item(str(n)) for n in range(BATCH_ITEMS.value)))
    assert service.exists("99")


def test_forbidden_characters_in_the_id_of_the_path(service, email):
    refusal = service.refusal(service.put, "a${b}", **email)
    assert (refusal.status, refusal.code) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{Id: 1}", id="unquoted"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"Item": {}}', id="item_object"),
        pytest.param(b'{"Item": ["x"]}', id="item_strings"),
        pytest.param(b'{"Item": [{"Id": "a", "Metrics": {"m": NaN}}]}', id="nan"),
        pytest.param(b'{"Item": [{"Id": "\xff"}]}', id="not_utf8"),
        pytest.param(b'{"Item": [{"Id": "a", "x": %s1%s}]}' % (b"[" * 500, b"]" * 500), id="deep"),
        pytest.param(b'{"Item": [{"Id": "\\ud800"}]}', id="lone_surrogate"),
    ],
)
def test_a_malformed_body_is_refused(service, body):
    status, headers, _ = service.send("PUT", f"/v1/apps/{service.app}/endpoints", body)
    assert (status, headers["x-amzn-ErrorType"]) == (400, "BadRequestException")


def test_null_means_not_sent(service, email):
    service.put("e1", **email, OptOut="ALL", Attributes={"plan": ["gold"]}, User={"UserId": "u1"})
    body = {
        "Address": None,
        "OptOut": None,
        "EndpointStatus": None,
        "Attributes": {"plan": None, "tier": ["one"]},
        "Location": {"City": None, "Country": "US"},
        "Metrics": None,
        "User": {"UserId": None},
    }
    status, _, _ = service.send(
        "PUT", f"/v1/apps/{service.app}/endpoints/e1", json.dumps(body).encode()
    )
    stored = service.get("e1")
    assert status == 202
    assert stored["OptOut"] == "ALL"
    assert stored["Attributes"] == {"plan": ["gold"], "tier": ["one"]}
    assert stored["Location"] == {"Country": "US"}
    assert stored["User"] == {"UserId": "u1"}


def test_members_outside_the_model_are_ignored(service, email):
    service.put("e1", **email)
    record = json.dumps(service.get("e1") | {"CohortId": "7", "Extra": 1}).encode()
    status, _, _ = service.send("PUT", f"/v1/apps/{service.app}/endpoints/e2", record)
    assert status == 202
    assert service.get("e2")["Id"] == "e2"
    assert "Extra" not in service.get("e2")


@pytest.mark.parametrize(("excess", "status"), [(0, 202), (1, 400)])
def test_an_endpoint_has_at_most_15000_bytes(service, excess, status):
    endpoint = {"ChannelType": "EMAIL", "Address": "", "Attributes": {"long": ["é" * 100] * 50}}
    endpoint["Attributes"]["more"] = ["é" * 90] * 20
    compact = json.dumps(endpoint, ensure_ascii=False, separators=(",", ":")).encode()
    endpoint["Address"] = "a" * (ENDPOINT_BYTES.value - len(compact) + excess)
    body = json.dumps(endpoint, indent=2).encode()
    answered, _, _ = service.send("PUT", f"/v1/apps/{service.app}/endpoints/e1", body)
    assert answered == status


def test_country_locale_and_timezone_are_not_enforced(service, email):
    service.put(
        "e1",
        **email,
        Location={"Country": "USA"},
        Demographic={"Locale": "english", "Timezone": "Mars/Olympus"},
    )
    assert service.get("e1")["Location"] == {"Country": "USA"}

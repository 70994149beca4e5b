"""Users: shared attributes, and at most 15 endpoints."""

import pytest

from schemas.limits import USER_ENDPOINTS

LIMIT_MESSAGE = "Exceeded maximum endpoint per user count: 15"


def endpoint(number, channel="EMAIL", user="u1", **members):
    address = f"+1206555{number:04}" if channel in ("SMS", "VOICE") else f"address-{number}"
    return {
        "Id": f"e{number}",
        "ChannelType": channel,
        "Address": address,
        "EffectiveDate": f"2026-01-{number:02}T00:00:00.000Z",
        "User": {"UserId": user},
        **members,
    }


def fill(service, channel):
    # The oldest is written last: eviction goes by EffectiveDate, not by the order of writing.
    service.batch(*(endpoint(number, channel) for number in range(USER_ENDPOINTS.value, 0, -1)))


def test_user_attributes_are_the_same_on_all_endpoints_of_a_user(service):
    service.batch(endpoint(1), endpoint(2), endpoint(3, user="u2"))
    service.put("e1", User={"UserAttributes": {"name": ["Ana"]}})
    service.put("e2", User={"UserId": "u1", "UserAttributes": {"city": ["Lima"]}})
    expected = {"UserId": "u1", "UserAttributes": {"name": ["Ana"], "city": ["Lima"]}}
    assert [service.get(each)["User"] for each in ("e1", "e2")] == [expected, expected]
    assert [each["User"] for each in service.user("u1")] == [expected, expected]
    assert service.get("e3")["User"] == {"UserId": "u2"}


def test_a_new_endpoint_of_a_user_has_the_users_attributes(service):
    service.batch(endpoint(1, User={"UserId": "u1", "UserAttributes": {"name": ["Ana"]}}))
    service.batch(endpoint(2))
    assert service.get("e2")["User"]["UserAttributes"] == {"name": ["Ana"]}


def test_conflicting_user_attributes_in_one_batch_last_wins(service):
    service.batch(
        endpoint(1, User={"UserId": "u1", "UserAttributes": {"name": ["Ana"]}}),
        endpoint(2, User={"UserId": "u1", "UserAttributes": {"name": ["Eva"]}}),
    )
    assert service.get("e1")["User"]["UserAttributes"] == {"name": ["Eva"]}


def test_an_empty_user_id_leaves_the_attributes(service):
    service.batch(endpoint(1, User={"UserId": "u1", "UserAttributes": {"name": ["Ana"]}}))
    service.put("e1", User={"UserId": ""})
    assert service.get("e1")["User"] == {"UserAttributes": {"name": ["Ana"]}}
    assert service.refusal(service.user, "u1").code == "NotFoundException"


def test_attributes_without_a_user_join_the_user_that_comes_later(service):
    service.batch(endpoint(1, User={"UserId": "u1", "UserAttributes": {"name": ["Ana"]}}))
    service.batch(
        endpoint(2, User={"UserAttributes": {"name": ["Eva"], "city": ["Lima"]}}),
    )
    service.put("e2", User={"UserId": "u1"})
    assert service.get("e1")["User"]["UserAttributes"] == {"name": ["Ana"], "city": ["Lima"]}


def test_attributes_do_not_move_to_another_user(service):
    service.batch(endpoint(1, User={"UserId": "u1", "UserAttributes": {"name": ["Ana"]}}))
    service.put("e1", User={"UserId": "u2"})
    assert service.get("e1")["User"] == {"UserId": "u2"}


def test_ids_of_users_are_taken_as_they_are(service):
    user_ids = ["u1", "U1", "u\0x", "u/1", "ü", "%", "'"]
    service.batch(
        *(
            endpoint(
                number, user=user_id, User={"UserId": user_id, "UserAttributes": {"n": [user_id]}}
            )
            for number, user_id in enumerate(user_ids, 1)
        )
    )
    for user_id in user_ids:
        (stored,) = service.user(user_id)
        assert stored["User"] == {"UserId": user_id, "UserAttributes": {"n": [user_id]}}


def test_a_user_without_endpoints_is_forgotten(service):
    service.batch(endpoint(1, User={"UserId": "u1", "UserAttributes": {"name": ["Ana"]}}))
    service.client.delete_endpoint(ApplicationId=service.app, EndpointId="e1")
    service.batch(endpoint(1))
    assert service.get("e1")["User"] == {"UserId": "u1"}


@pytest.mark.parametrize("channel", ["EMAIL", "SMS", "VOICE", "PUSH", "CUSTOM", "IN_APP"])
def test_the_16th_endpoint_of_a_user_is_refused(service, channel):
    fill(service, channel)
    refusal = service.refusal(service.batch, endpoint(16, channel))
    assert (refusal.status, refusal.code) == (400, "BadRequestException")
    assert refusal.message == LIMIT_MESSAGE
    assert not service.exists("e16")
    assert len(service.user("u1")) == USER_ENDPOINTS.value


def test_16_endpoints_of_a_user_in_one_batch_are_refused(service):
    refusal = service.refusal(service.batch, *(endpoint(number) for number in range(1, 17)))
    assert refusal.message == LIMIT_MESSAGE
    assert not service.exists("e1")


def test_a_full_user_can_still_be_updated(service):
    fill(service, "EMAIL")
    service.batch(*(endpoint(number, OptOut="ALL") for number in range(1, 16)))
    assert service.get("e15")["OptOut"] == "ALL"


def test_one_leaves_and_another_comes_in_one_batch(service):
    fill(service, "EMAIL")
    service.batch(endpoint(3, user="u2"), endpoint(16))
    assert len(service.user("u1")) == USER_ENDPOINTS.value
    assert service.get("e3")["User"] == {"UserId": "u2"}


@pytest.mark.parametrize(
    "channel", ["ADM", "GCM", "APNS", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU"]
)
def test_the_16th_push_endpoint_displaces_the_oldest(service, channel):
    fill(service, channel)
    service.batch(endpoint(16, channel))
    displaced = service.get("e1")
    assert displaced["EndpointStatus"] == "INACTIVE"
    assert "UserId" not in displaced.get("User", {})
    assert service.get("e16")["User"]["UserId"] == "u1"
    assert len(service.user("u1")) == USER_ENDPOINTS.value

    service.batch(endpoint(1, channel, EndpointStatus="ACTIVE", EffectiveDate="2026-02-01"))
    assert service.get("e1")["User"]["UserId"] == "u1"
    assert "User" not in service.get("e2")


def test_the_16th_sandbox_push_endpoint_is_refused(service):
    fill(service, "APNS_SANDBOX")
    assert service.refusal(service.batch, endpoint(16, "APNS_SANDBOX")).message == LIMIT_MESSAGE


def test_a_push_endpoint_displaces_no_other_channel(service):
    fill(service, "EMAIL")
    assert service.refusal(service.batch, endpoint(16, "APNS")).message == LIMIT_MESSAGE


def test_only_push_endpoints_are_displaced(service):
    service.batch(*(endpoint(number) for number in range(1, 15)), endpoint(15, "GCM"))
    service.batch(endpoint(16, "APNS"))
    assert service.get("e1")["User"] == {"UserId": "u1"}
    assert service.get("e15")["EndpointStatus"] == "INACTIVE"


def test_17_push_endpoints_in_one_batch_displace_two(service):
    service.batch(*(endpoint(number, "APNS") for number in range(1, 18)))
    assert {each["Id"] for each in service.user("u1")} == {f"e{n}" for n in range(3, 18)}
    assert service.get("e1")["EndpointStatus"] == "INACTIVE"

"""Batches, and endpoints that share an address."""

import dataclasses
import random

import pytest


def item(endpoint_id, address="shared@example.com", **members):
    return {"Id": endpoint_id, "ChannelType": "EMAIL", "Address": address, **members}


def statuses(service, *endpoint_ids):
    return [service.get(endpoint_id)["EndpointStatus"] for endpoint_id in endpoint_ids]


def test_a_batch_is_all_or_nothing(service):
    service.put("old", ChannelType="EMAIL", Address="old@example.com", User={"UserId": "u1"})
    before = service.get("old")
    refusal = service.refusal(
        service.batch,
        item("new", "new@example.com", Attributes={"fresh": ["x"]}),
        {"Id": "old", "OptOut": "ALL", "User": {"UserAttributes": {"n": ["x"]}}},
        {"Id": "nobody", "ChannelType": "EMAIL"},
    )
    assert refusal.message == "Missing Address"
    assert service.get("old") == before
    assert not service.exists("new")


def test_the_last_of_duplicate_ids_wins_in_item_order(service):
    service.batch(
        item("e1", Attributes={"plan": ["first"], "only": ["kept"]}),
        item("E1", "later@example.com", Attributes={"plan": ["second"]}),
    )
    stored = service.get("e1")
    assert stored["Id"] == "e1"
    assert stored["Address"] == "later@example.com"
    assert stored["Attributes"] == {"plan": ["second"], "only": ["kept"]}


def test_the_same_address_deactivates_the_other_endpoint(service):
    service.batch(item("e1"))
    service.batch(item("e2"))
    assert statuses(service, "e1", "e2") == ["INACTIVE", "ACTIVE"]
    service.put("e1", Attributes={"plan": ["gold"]})
    assert statuses(service, "e1", "e2") == ["ACTIVE", "INACTIVE"]


def test_the_same_address_in_one_batch_leaves_the_last_active(service):
    service.batch(item("e1"), item("e2"), item("e3"))
    assert statuses(service, "e1", "e2", "e3") == ["INACTIVE", "INACTIVE", "ACTIVE"]
    service.batch(item("e3"), item("e1"))
    assert statuses(service, "e1", "e2", "e3") == ["ACTIVE", "INACTIVE", "INACTIVE"]


@pytest.mark.parametrize("mover_first", [True, False])
def test_an_address_that_moves_within_a_batch_leaves_both_active(service, mover_first):
    service.batch(item("e1", "x@example.com"))
    batch = [item("e1", "y@example.com"), item("e2", "x@example.com")]
    service.batch(*(batch if mover_first else reversed(batch)))
    assert statuses(service, "e1", "e2") == ["ACTIVE", "ACTIVE"]


def test_channel_and_application_are_part_of_the_comparison(service, client):
    other = client.create_app(CreateApplicationRequest={"Name": "other"})["ApplicationResponse"]
    service.put("sms", ChannelType="SMS", Address="+12065550100")
    service.put("voice", ChannelType="VOICE", Address="+12065550100")
    client.update_endpoint(
        ApplicationId=other["Id"],
        EndpointId="elsewhere",
        EndpointRequest={"ChannelType": "SMS", "Address": "+12065550100"},
    )
    assert statuses(service, "sms", "voice") == ["ACTIVE", "ACTIVE"]


def test_applications_do_not_see_each_other(service, client, email):
    other = client.create_app(CreateApplicationRequest={"Name": "other"})["ApplicationResponse"]
    service.put("e1", **email, User={"UserId": "u1"})
    for operation, argument in (
        (client.get_endpoint, {"EndpointId": "e1"}),
        (client.get_user_endpoints, {"UserId": "u1"}),
    ):
        refusal = service.refusal(operation, ApplicationId=other["Id"], **argument)
        assert refusal.code == "NotFoundException"


def random_item(generator, number):
    """One change out of a small world, so that ids, addresses and users collide often."""
    some = generator.choice
    members = {
        "Id": f"e{generator.randrange(40)}",
        "ChannelType": some(["APNS", "GCM"]),
        "Address": f"token-{generator.randrange(60)}",
        "EffectiveDate": f"2026-01-01T00:00:00.{number:06}Z",
        "RequestId": f"r{number}",
        "Attributes": {some("abc"): some([[], ["x"], ["y", "z"]])},
        "EndpointStatus": some([None, None, "ACTIVE", "INACTIVE"]),
        "User": {"UserId": some(["u1", "u1", "u1", "u2", "", None])},
    }
    if generator.random() < 0.4:
        members["User"]["UserAttributes"] = {some("abc"): [str(number)]}
    members["User"] = {name: value for name, value in members["User"].items() if value is not None}
    return {name: value for name, value in members.items() if value is not None}


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_is_as_good_as_its_items_one_by_one(service, client, seed):
    generator = random.Random(seed)
    items = [random_item(generator, number) for number in range(250)]
    other = client.create_app(CreateApplicationRequest={"Name": "singly"})["ApplicationResponse"]
    singly = dataclasses.replace(service, app=other["Id"])
    for start in range(0, len(items), 50):
        service.batch(*items[start : start + 50])
    for each in items:
        singly.put(each["Id"], **{name: each[name] for name in each if name != "Id"})
    own = ("ApplicationId", "CreationDate")
    for endpoint_id in {each["Id"] for each in items}:
        expected, stored = singly.get(endpoint_id), service.get(endpoint_id)
        for name in own:
            del expected[name], stored[name]
        assert stored == expected

"""How many custom attributes an application has, and RemoveAttributes."""

import pytest

from schemas.limits import ATTRIBUTE_NAMES


def remove(service, attribute_type, *names):
    service.client.remove_attributes(
        ApplicationId=service.app,
        AttributeType=attribute_type,
        UpdateAttributesRequest={"Blacklist": list(names)},
    )


def use_all_names(service, email):
    """Fill the application's quota: 100 + 100 + 50 names over the three maps."""
    service.put(
        "e1",
        **email,
        Attributes={f"a{n}": ["x"] for n in range(100)},
        Metrics={f"a{n}": 1.0 for n in range(100)},
        User={"UserAttributes": {f"a{n}": ["x"] for n in range(ATTRIBUTE_NAMES.value - 200)}},
    )


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"Attributes": {"another": ["x"]}}, id="attribute"),
        pytest.param({"Metrics": {"another": 1.0}}, id="metric"),
        pytest.param({"User": {"UserAttributes": {"another": ["x"]}}}, id="user_attribute"),
    ],
)
def test_the_251st_name_of_an_application_is_refused(service, email, more):
    use_all_names(service, email)
    refusal = service.refusal(service.put, "e2", ChannelType="CUSTOM", Address="x", **more)
    assert (refusal.status, refusal.code) == (400, "BadRequestException")
    assert refusal.message.startswith("Too many custom attributes")
    assert not service.exists("e2")
    service.put("e2", ChannelType="CUSTOM", Address="x", Attributes={"a7": ["x"]})
    assert service.exists("e2")


def test_removed_names_are_no_longer_captured_and_stay_stored(service, email):
    service.put("e1", **email, Attributes={"plan": ["gold"], "tmp_1": ["x"], "tier": ["one"]})
    remove(service, "endpoint-custom-attributes", "plan", "tmp_*")
    service.put(
        "e1", Attributes={"plan": ["lead"], "tmp_1": [], "tmp_2": ["y"], "tier": ["two"]},
        Metrics={"plan": 1.0},
    )  # fmt: skip
    stored = service.get("e1")
    assert stored["Attributes"] == {"plan": ["gold"], "tmp_1": ["x"], "tier": ["two"]}
    assert stored["Metrics"] == {"plan": 1.0}


def test_removing_user_attributes_and_metrics(service, email):
    service.put(
        "e1", **email, Metrics={"m": 1.0}, User={"UserId": "u1", "UserAttributes": {"n": ["x"]}}
    )
    remove(service, "endpoint-user-attributes", "n")
    remove(service, "endpoint-metric-attributes", "m")
    service.put("e1", Metrics={"m": 2.0}, User={"UserAttributes": {"n": ["y"]}})
    stored = service.get("e1")
    assert stored["Metrics"] == {"m": 1.0}
    assert stored["User"]["UserAttributes"] == {"n": ["x"]}


def test_removing_names_makes_room_for_others(service, email):
    use_all_names(service, email)
    remove(service, "endpoint-custom-attributes", "a1?")
    service.put("e1", Attributes={f"b{n}": ["x"] for n in range(10)})
    assert service.refusal(service.put, "e1", Attributes={"b10": ["x"]}).status == 400

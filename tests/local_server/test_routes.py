"""Operations, their statuses and bodies."""

import re

import pytest

ISO_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def status_of(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def test_application_life(client):
    created = client.create_app(
        CreateApplicationRequest={"Name": "Newsletter", "tags": {"team": "crm"}}
    )
    application = created["ApplicationResponse"]
    assert status_of(created) == 201
    assert re.fullmatch("[0-9a-f]{32}", application["Id"])
    assert application["Name"] == "Newsletter"
    assert application["tags"] == {"team": "crm"}
    assert application["Arn"].endswith(f":apps/{application['Id']}")
    assert ISO_UTC.fullmatch(application["CreationDate"])

    got = client.get_app(ApplicationId=application["Id"])
    assert status_of(got) == 200
    assert got["ApplicationResponse"] == application
    assert application in client.get_apps()["ApplicationsResponse"]["Item"]

    deleted = client.delete_app(ApplicationId=application["Id"])
    assert status_of(deleted) == 200
    assert deleted["ApplicationResponse"] == application
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_app(ApplicationId=application["Id"])


def test_deleting_an_application_deletes_its_endpoints(service, email):
    service.put("e1", **email)
    service.client.delete_app(ApplicationId=service.app)
    assert service.refusal(service.get, "e1").status == 404


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="no_name"),
        pytest.param(b'{"Name": 1}', id="number"),
        pytest.param(b'{"Name": "n", "tags": ["x"]}', id="tags_list"),
        pytest.param(b'{"Name": "n", "tags": {"x": [1]}}', id="tags_nested"),
    ],
)
def test_create_app_needs_a_name_and_flat_tags(service, body):
    status, headers, _ = service.send("POST", "/v1/apps", body)
    assert (status, headers["x-amzn-ErrorType"]) == (400, "BadRequestException")


def test_endpoint_life(service, email):
    accepted = service.put("e1", **email)
    assert status_of(accepted) == 202
    assert accepted["MessageBody"]["Message"] == "Accepted"
    assert accepted["MessageBody"]["RequestID"] == accepted["ResponseMetadata"]["RequestId"]

    stored = service.get("e1")
    assert stored["Id"] == "e1"
    assert stored["ApplicationId"] == service.app
    assert stored["EndpointStatus"] == "ACTIVE"
    assert stored["RequestId"] == accepted["MessageBody"]["RequestID"]
    assert ISO_UTC.fullmatch(stored["CreationDate"])
    assert ISO_UTC.fullmatch(stored["EffectiveDate"])
    assert stored["CohortId"] in {str(number) for number in range(100)}
    assert "OptOut" not in stored
    assert "User" not in stored

    deleted = service.client.delete_endpoint(ApplicationId=service.app, EndpointId="e1")
    assert status_of(deleted) == 202
    assert deleted["EndpointResponse"] == stored
    assert not service.exists("e1")


def test_batch_creates_and_updates(service, email):
    service.put("old", **email)
    accepted = service.batch(
        {"Id": "old", "Attributes": {"plan": ["gold"]}},
        {"Id": "new", "ChannelType": "SMS", "Address": "+12065550100"},
    )
    assert status_of(accepted) == 202
    assert accepted["MessageBody"]["Message"] == "Accepted"
    assert service.get("old")["Attributes"] == {"plan": ["gold"]}
    assert service.get("new")["Address"] == "+12065550100"


def test_user_endpoints_life(service):
    for number in (1, 2):
        service.put(
            f"e{number}",
            ChannelType="EMAIL",
            Address=f"person{number}@example.com",
            User={"UserId": "u/1 é"},
        )
    listed = service.user("u/1 é")
    assert [endpoint["Id"] for endpoint in listed] == ["e1", "e2"]
    deleted = service.client.delete_user_endpoints(ApplicationId=service.app, UserId="u/1 é")
    assert status_of(deleted) == 202
    assert deleted["EndpointsResponse"]["Item"] == listed
    assert not service.exists("e1")
    assert service.refusal(service.user, "u/1 é").code == "NotFoundException"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        pytest.param("get_endpoint", {"EndpointId": "none"}, id="get_endpoint"),
        pytest.param("delete_endpoint", {"EndpointId": "none"}, id="delete_endpoint"),
        pytest.param("get_user_endpoints", {"UserId": "none"}, id="get_user_endpoints"),
        pytest.param("delete_user_endpoints", {"UserId": "none"}, id="delete_user_endpoints"),
    ],
)
def test_unknown_endpoint_or_user_is_404(service, operation, arguments):
    refusal = service.refusal(
        getattr(service.client, operation), ApplicationId=service.app, **arguments
    )
    assert (refusal.status, refusal.code) == (404, "NotFoundException")
    assert "none" in refusal.message


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        pytest.param("get_app", {}, id="get_app"),
        pytest.param("delete_app", {}, id="delete_app"),
        pytest.param("get_endpoint", {"EndpointId": "e"}, id="get_endpoint"),
        pytest.param("delete_endpoint", {"EndpointId": "e"}, id="delete_endpoint"),
        pytest.param("update_endpoint", {"EndpointId": "e", "EndpointRequest": {}}, id="put"),
        pytest.param("update_endpoints_batch", {"EndpointBatchRequest": {"Item": []}}, id="batch"),
        pytest.param("get_user_endpoints", {"UserId": "u"}, id="get_user"),
        pytest.param("delete_user_endpoints", {"UserId": "u"}, id="delete_user"),
        pytest.param(
            "remove_attributes",
            {"AttributeType": "endpoint-user-attributes", "UpdateAttributesRequest": {}},
            id="remove_attributes",
        ),
    ],
)
def test_unknown_application_is_404(service, operation, arguments):
    refusal = service.refusal(
        getattr(service.client, operation), ApplicationId="f" * 32, **arguments
    )
    assert (refusal.status, refusal.code) == (404, "NotFoundException")


@pytest.mark.parametrize(
    "endpoint_id",
    [
        "e/1 +é",
        "a%2Fb",
        "100%",
        "日本 語",
        "a?b#c",
        "line\nbreak",
        "nul\0inside",
        "..a/../b",
        "+",
        "ß",
    ],
)
def test_ids_are_percent_encoded_once(service, email, endpoint_id):
    service.put(endpoint_id, **email)
    assert service.get(endpoint_id)["Id"] == endpoint_id
    service.batch({"Id": endpoint_id, "Attributes": {"plan": ["gold"]}})
    assert service.get(endpoint_id)["Attributes"] == {"plan": ["gold"]}
    service.client.delete_endpoint(ApplicationId=service.app, EndpointId=endpoint_id)
    assert not service.exists(endpoint_id)


def test_ids_are_case_insensitive_and_shown_as_first_written(service, email):
    service.put("Customer-É1", **email)
    service.batch({"Id": "CUSTOMER-é1", "Attributes": {"plan": ["gold"]}})
    stored = service.get("customer-é1")
    assert stored["Id"] == "Customer-É1"
    assert stored["Attributes"] == {"plan": ["gold"]}


@pytest.mark.parametrize("operation", ["get_endpoint", "delete_endpoint", "update_endpoint"])
def test_empty_endpoint_id_is_a_client_error(service, operation, email):
    body = {"EndpointRequest": email} if operation == "update_endpoint" else {}
    refusal = service.refusal(
        getattr(service.client, operation), ApplicationId=service.app, EndpointId="", **body
    )
    assert (refusal.status, refusal.code) == (400, "BadRequestException")


def test_remove_attributes_answers_with_the_names(service):
    answer = service.client.remove_attributes(
        ApplicationId=service.app,
        AttributeType="endpoint-custom-attributes",
        UpdateAttributesRequest={"Blacklist": ["plan", "tmp_*"]},
    )
    assert status_of(answer) == 200
    assert answer["AttributesResource"] == {
        "ApplicationId": service.app,
        "AttributeType": "endpoint-custom-attributes",
        "Attributes": ["plan", "tmp_*"],
    }


def test_remove_attributes_refuses_an_unknown_type(service):
    refusal = service.refusal(
        service.client.remove_attributes,
        ApplicationId=service.app,
        AttributeType="endpoint-other",
        UpdateAttributesRequest={"Blacklist": ["plan"]},
    )
    assert (refusal.status, refusal.code) == (400, "BadRequestException")

"""What a PUT does to what is stored."""

import pytest


def test_absent_members_are_kept(service, email):
    service.put(
        "e1",
        **email,
        OptOut="ALL",
        Attributes={"plan": ["gold"], "tier": ["one"]},
        Metrics={"spend": 1.5, "visits": 2},
        Location={"City": "Seattle", "Country": "US"},
        Demographic={"Make": "apple", "Model": "iPhone"},
    )
    service.put(
        "e1",
        Attributes={"tier": ["two", "three"]},
        Metrics={"visits": 3},
        Location={"City": "Tacoma"},
        Demographic={"Model": "iPad"},
    )
    stored = service.get("e1")
    assert stored["Address"] == "person@example.com"
    assert stored["OptOut"] == "ALL"
    assert stored["Attributes"] == {"plan": ["gold"], "tier": ["two", "three"]}
    assert stored["Metrics"] == {"spend": 1.5, "visits": 3.0}
    assert stored["Location"] == {"City": "Tacoma", "Country": "US"}
    assert stored["Demographic"] == {"Make": "apple", "Model": "iPad"}


def test_an_empty_list_clears_values_but_the_name_stays(service, email):
    service.put("e1", **email, Attributes={"plan": ["gold"], "tier": ["one"]})
    service.put("e1", Attributes={"plan": []})
    assert service.get("e1")["Attributes"] == {"plan": [], "tier": ["one"]}


def test_opt_out_alone_can_be_updated(service, email):
    service.put("e1", **email, OptOut="NONE")
    service.put("e1", OptOut="ALL")
    assert service.get("e1")["OptOut"] == "ALL"
    service.put("e1", Attributes={"plan": ["gold"]})
    assert service.get("e1")["OptOut"] == "ALL"


def test_coordinates_are_rounded_to_one_decimal(service, email):
    service.put("e1", **email, Location={"Latitude": 47.6062, "Longitude": -122.3321})
    assert service.get("e1")["Location"] == {"Latitude": 47.6, "Longitude": -122.3}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param({}, "ACTIVE", id="reactivated"),
        pytest.param({"EndpointStatus": "INACTIVE"}, "INACTIVE", id="explicit"),
    ],
)
def test_any_update_activates_unless_a_status_is_sent(service, email, sent, status):
    service.put("e1", **email, EndpointStatus="INACTIVE")
    assert service.get("e1")["EndpointStatus"] == "INACTIVE"
    service.put("e1", Attributes={"plan": ["gold"]}, **sent)
    assert service.get("e1")["EndpointStatus"] == status


def test_dates_request_id_and_cohort(service, email):
    service.put("e1", **email, EffectiveDate="2019-08-23T10:54:35.220Z", RequestId="nightly-7")
    first = service.get("e1")
    assert first["EffectiveDate"] == "2019-08-23T10:54:35.220Z"
    assert first["RequestId"] == "nightly-7"
    accepted = service.put("e1", Attributes={"plan": ["gold"]})
    second = service.get("e1")
    assert second["RequestId"] == accepted["MessageBody"]["RequestID"]
    assert second["EffectiveDate"] > first["EffectiveDate"]
    assert second["CreationDate"] == first["CreationDate"]
    assert second["CohortId"] == first["CohortId"]


def test_an_endpoint_may_not_grow_over_the_size_limit(service, email):
    names = ("one", "two", "three")
    values = {name: ["x" * 100] * 50 for name in names}
    service.put("e1", **email, Attributes={name: values[name] for name in names[:2]})
    refusal = service.refusal(service.put, "e1", Attributes={"three": values["three"]})
    assert (refusal.status, refusal.code) == (400, "BadRequestException")
    assert refusal.message.startswith("Endpoint too large: item 'e1'")
    assert "three" not in service.get("e1")["Attributes"]

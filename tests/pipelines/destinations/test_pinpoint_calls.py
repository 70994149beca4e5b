"""Deletes, reads and the age of an application, over real HTTP on loopback."""

import json
import socket
import time

import pytest
from fakes import CLOSE, HALF, RESET, HttpSink, Reply
from hypothesis import given
from hypothesis import strategies as st
from pinpoint_support import ITEM, KEY, SECRET, connect

from pipelines.destinations import pinpoint_calls
from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.pinpoint import PinpointDestination
from pipelines.destinations.pinpoint_calls import (
    DeletingDestination,
    EndpointReader,
    is_addressable,
    read_born,
)
from pipelines.errors import TerminalDestinationError, TransientDestinationError
from schemas import limits

pytestmark = pytest.mark.usefixtures("environment")

GONE = Reply.failure(404, "NotFoundException", "Resource not found")
DELETED = Reply(202, b'{"Id":"1"}')
APPLICATION = Reply(200, b'{"Id":"app-1","CreationDate":"2026-01-02T03:04:05.678Z"}')


@pytest.fixture(scope="module")
def connected():
    """A service and a destination for many tests: to make a client takes boto3 a while."""
    with HttpSink(has_applications=True) as sink:
        yield sink, connect(sink.url)


@pytest.fixture
def service(connected):
    """The same, without what the test before left."""
    sink, destination = connected
    sink.script.clear()
    del sink.requests[:]
    return sink, destination


def asked(sink):
    return [(request.method, request.path) for request in sink.requests]


# -- deletes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint_id", "in_path"),
    [
        pytest.param("e-1", "e-1", id="plain"),
        pytest.param("e/1 +é", "e%2F1%20%2B%C3%A9", id="signs"),
        pytest.param("a?b#c%2F", "a%3Fb%23c%252F", id="url"),
        pytest.param('"\\', "%22%5C", id="escaped in JSON"),
    ],
)
def test_an_endpoint_is_deleted_by_its_id(service, endpoint_id, in_path):
    sink, destination = service
    sink.script.append(DELETED)
    answer = DeletingDestination(destination).send(json.dumps({"Id": endpoint_id}).encode())
    assert answer == Answer(AnswerKind.ACCEPTED, "", "request-1")
    assert asked(sink) == [("DELETE", f"/v1/apps/app-1/endpoints/{in_path}")]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(Reply.failure(429, "TooManyRequestsException", "slow"), "throttled", id="429"),
        pytest.param(Reply.failure(500, "InternalServerErrorException", "x"), "failed", id="500"),
        pytest.param(Reply.failure(400, "BadRequestException", "why"), "refused", id="400"),
        pytest.param(Reply.failure(403, "ForbiddenException", "no"), "terminal", id="403"),
        pytest.param(Reply(200, b"{}"), "terminal", id="200"),
        pytest.param(Reply(404, b"<html>not here"), "terminal", id="404 of a proxy"),
        pytest.param(Reply(404), "terminal", id="404 without a code"),
        pytest.param(RESET, "failed", id="reset"),
        pytest.param(CLOSE, "failed", id="closed"),
        pytest.param(HALF, "failed", id="half"),
        pytest.param(Reply(202, b"{broken"), "failed", id="broken"),
    ],
)
def test_an_answer_is_classified_as_that_to_a_batch(service, reply, kind):
    sink, destination = service
    sink.script.append(reply)
    assert DeletingDestination(destination).send(ITEM_1).kind == kind
    assert len(sink.requests) == 1


ITEM_1 = b'{"Id":"1"}'


def test_a_permission_that_is_missing_is_named(service):
    sink, destination = service
    sink.script.append(Reply.failure(403, "ForbiddenException", "no"))
    assert "mobiletargeting:DeleteEndpoint" in DeletingDestination(destination).send(ITEM_1).message


def test_what_is_gone_already_is_deleted(service):
    sink, destination = service
    sink.script.extend([GONE, APPLICATION, GONE])
    deleting = DeletingDestination(destination)
    answers = [deleting.send(ITEM_1) for _ in range(2)]
    assert {answer.kind for answer in answers} == {AnswerKind.ACCEPTED}
    assert {answer.message for answer in answers} == {"It was gone already."}
    assert asked(sink)[1] == ("GET", "/v1/apps/app-1")  # once
    assert len(sink.requests) == 3


def test_nothing_is_deleted_in_an_application_that_is_not_there(service):
    sink, destination = service
    sink.script.extend([GONE, GONE])
    answer = DeletingDestination(destination).send(ITEM_1)
    assert answer.kind is AnswerKind.TERMINAL
    assert "does not know the application app-1" in answer.message


def test_after_a_delete_the_application_is_known(service):
    sink, destination = service
    sink.script.extend([DELETED, GONE])
    deleting = DeletingDestination(destination)
    assert [deleting.send(ITEM_1).kind for _ in range(2)] == [AnswerKind.ACCEPTED] * 2
    assert len(sink.requests) == 2


def test_who_may_not_ask_for_the_application_may_still_delete(service):
    sink, destination = service
    sink.script.extend([GONE, Reply.failure(403, "ForbiddenException", "not that")])
    assert DeletingDestination(destination).send(ITEM_1).kind is AnswerKind.ACCEPTED


@pytest.mark.parametrize("endpoint_id", ["..", ".", "", "../..", "a/../..", "a\\..\\..", "/"])
def test_an_id_that_could_lead_to_the_application_is_never_put_into_a_path(service, endpoint_id):
    sink, destination = service
    answer = DeletingDestination(destination).send(json.dumps({"Id": endpoint_id}).encode())
    assert answer.kind is AnswerKind.REFUSED
    with pytest.raises(TerminalDestinationError, match="step in a path"):
        EndpointReader(destination).read(endpoint_id)
    assert sink.requests == []


@given(st.text(alphabet="ab./\\", max_size=8))
def test_an_addressable_id_stays_within_its_place_however_the_path_is_read(endpoint_id):
    parts = endpoint_id.replace("\\", "/").split("/")
    assert is_addressable(endpoint_id) == (any(parts) and not {".", ".."} & set(parts))


def test_a_row_is_never_deleted_for_what_it_is(service):
    """Items of rows and items of deletes come from one run."""
    sink, destination = service
    assert DeletingDestination(destination).send(ITEM).kind is AnswerKind.TERMINAL
    assert sink.requests == []


def test_aws_has_quotas_of_its_own_for_each_call(environment):
    destination = PinpointDestination("app-1", region="us-east-1", credentials=(KEY, SECRET))
    capabilities = DeletingDestination(destination).capabilities
    assert capabilities.max_items == 1
    assert capabilities.requests_per_second == limits.DELETE_RATE.value
    assert capabilities.max_in_flight == limits.DELETES_IN_FLIGHT.value
    assert EndpointReader(destination).requests_per_second == limits.READ_RATE.value


def test_elsewhere_no_quota_is_known(service):
    _, destination = service
    assert DeletingDestination(destination).capabilities.requests_per_second is None
    assert EndpointReader(destination).requests_per_second is None
    assert DeletingDestination(destination).name == destination.name


# -- reads ---------------------------------------------------------------------------------


def test_an_endpoint_is_read(service):
    sink, destination = service
    sink.script.append(Reply(200, b'{"Id":"a b","OptOut":"ALL","Attributes":{"plan":["gold"]}}'))
    found = EndpointReader(destination).read("a b")
    assert found == {"Id": "a b", "OptOut": "ALL", "Attributes": {"plan": ["gold"]}}
    assert asked(sink) == [("GET", "/v1/apps/app-1/endpoints/a%20b")]


def test_an_endpoint_that_is_not_there_is_none(service):
    sink, destination = service
    sink.script.extend([GONE, APPLICATION])
    assert EndpointReader(destination).read("1") is None


@pytest.mark.parametrize(
    ("replies", "error", "says"),
    [
        ([GONE, GONE], TerminalDestinationError, "does not know the application"),
        (
            [Reply.failure(403, "ForbiddenException", "no")],
            TerminalDestinationError,
            "mobiletargeting:GetEndpoint",
        ),
        ([Reply.failure(429, "TooManyRequestsException", "x")], TransientDestinationError, "slow"),
        ([Reply.failure(500, None, "x")], TransientDestinationError, "does not answer"),
        ([RESET], TransientDestinationError, "does not answer"),
    ],
)
def test_a_read_that_fails_says_why(service, replies, error, says):
    sink, destination = service
    sink.script.extend(replies)
    with pytest.raises(error, match=says):
        EndpointReader(destination).read("1")


# -- the age of an application -------------------------------------------------------------


def test_the_application_tells_when_it_was_made(service):
    sink, destination = service
    sink.script.append(APPLICATION)
    assert read_born(destination) == "2026-01-02T03:04:05.678Z"
    assert asked(sink) == [("GET", "/v1/apps/app-1")]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b'{"Id":"app-1"}'),
        Reply(200, b"{broken"),
        Reply(200, b'{"CreationDate":null}'),
        Reply(200),
        GONE,
        Reply.failure(403, "ForbiddenException", "no"),
        Reply.failure(500, None, "x"),
        RESET,
    ],
)
def test_an_application_that_does_not_tell_has_no_age(service, reply):
    sink, destination = service
    sink.script.append(reply)
    assert read_born(destination) is None
    assert len(sink.requests) == 1


def test_a_service_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(pinpoint_calls, "BRIEF_ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        destination = connect(f"http://127.0.0.1:{silent.getsockname()[1]}")
        began_s = time.monotonic()
        assert read_born(destination) is None
        assert time.monotonic() - began_s < 3

"""Which destination settings mean, and which settings mean none."""

import pytest
from pinpoint_support import ITEM, KEY, SECRET

from pipelines.destinations.base import AnswerKind
from pipelines.destinations.registry import open_destination
from pipelines.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("environment")


def opened(application_id="app-1", **options):
    options = {"endpoint_url": None, "region": None, "profile": None, "is_local": False, **options}
    return open_destination(application_id, **options)


@pytest.mark.parametrize("is_local", [False, True])
def test_no_application_is_refused(sink, is_local):
    with pytest.raises(ConfigurationError, match=r"No application named\. Give --application-id"):
        opened(None, endpoint_url=sink.url, is_local=is_local)


def test_local_without_the_address_of_its_server_is_refused():
    with pytest.raises(ConfigurationError, match=r"without endpoint_url\. Start the server with"):
        opened(is_local=True)


def test_local_needs_no_credentials(sink):
    destination = opened(endpoint_url=sink.url, is_local=True)
    assert destination.send(ITEM).kind is AnswerKind.ACCEPTED
    (request,) = sink.requests
    assert request.path == "/v1/apps/app-1/endpoints"
    assert "Credential=local/" in request.headers["authorization"]


def test_local_leaves_the_credentials_of_an_account_alone(sink, environment):
    """They must not go to a server that takes anything."""
    environment.setenv("AWS_ACCESS_KEY_ID", KEY)
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    environment.setenv("AWS_SESSION_TOKEN", "confidential-token")
    opened(endpoint_url=sink.url, is_local=True).send(ITEM)
    (request,) = sink.requests
    assert "Credential=local/" in request.headers["authorization"]
    assert "x-amz-security-token" not in request.headers


def test_another_service_gets_the_credentials_of_the_environment(sink, environment):
    environment.setenv("AWS_ACCESS_KEY_ID", KEY)
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    opened(endpoint_url=sink.url, region="eu-west-1").send(ITEM)
    (request,) = sink.requests
    assert f"Credential={KEY}/" in request.headers["authorization"]
    assert "/eu-west-1/mobiletargeting/" in request.headers["authorization"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({}, "No AWS credentials found", id="credentials"),
        pytest.param({"profile": "nobody"}, "Check --profile", id="profile"),
    ],
)
def test_what_the_destination_refuses_is_passed_on(options, says):
    with pytest.raises(ConfigurationError, match=says):
        opened(region="us-east-1", **options)


def test_opening_sends_nothing(sink):
    destination = opened(endpoint_url=sink.url, is_local=True)
    destination.close()
    assert (sink.connections, destination.name) == (0, f"pinpoint at {sink.url}")

"""Where the Pinpoint destination sends to and as whom, and what it says of itself."""

from urllib.parse import urlsplit

import pytest
from fakes import RESET, HttpSink, Reply
from pinpoint_support import ITEM, KEY, SECRET, connect

from pipelines.destinations.base import AnswerKind
from pipelines.destinations.pinpoint import DEFAULT_IN_FLIGHT, PinpointDestination
from pipelines.errors import ConfigurationError
from schemas import limits

pytestmark = pytest.mark.usefixtures("environment")

PROFILES = """
[default]
[one]
aws_access_key_id = AKIAIOSFODNN7PROFILE
aws_secret_access_key = synthetic
region = eu-west-1
[half]
aws_access_key_id = AKIAIOSFODNN7PROFILE
"""


# -- addresses and credentials -------------------------------------------------------------


def refusal(**options):
    with pytest.raises(ConfigurationError) as caught:
        PinpointDestination("app-1", **options)
    return str(caught.value)


def test_missing_credentials_are_a_matter_of_configuration(sink):
    assert "No AWS credentials found" in refusal(endpoint_url=sink.url)
    assert sink.requests == []


def test_half_of_the_credentials_are_a_matter_of_configuration(sink, environment):
    environment.setenv("AWS_ACCESS_KEY_ID", KEY)
    assert "No AWS credentials found" in refusal(endpoint_url=sink.url)


def test_credentials_are_taken_from_the_environment(sink, environment):
    environment.setenv("AWS_ACCESS_KEY_ID", KEY)
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    environment.setenv("AWS_SESSION_TOKEN", "token")
    connect(sink.url, credentials=None).send(ITEM)
    assert f"Credential={KEY}/" in sink.requests[0].headers["authorization"]
    assert sink.requests[0].headers["x-amz-security-token"] == "token"


@pytest.fixture
def profiles(tmp_path, environment):
    (tmp_path / "credentials").write_text(PROFILES)
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def test_a_profile_gives_credentials_and_region(sink, profiles):
    connect(sink.url, credentials=None, region=None, profile="one").send(ITEM)
    authorization = sink.requests[0].headers["authorization"]
    assert "Credential=AKIAIOSFODNN7PROFILE/" in authorization
    assert "/eu-west-1/mobiletargeting/" in authorization


@pytest.mark.parametrize(
    ("profile", "says"),
    [("two", "(two) could not be found. Check --profile"), ("half", "No AWS credentials found")],
)
def test_a_profile_that_gives_none_is_refused(profiles, profile, says):
    assert says in refusal(profile=profile, region="us-east-1")


def test_aws_itself_needs_a_region():
    assert "--region" in refusal(credentials=(KEY, SECRET))


def test_another_service_needs_no_region(sink):
    connect(sink.url, region=None).send(ITEM)
    assert "/us-east-1/mobiletargeting/" in sink.requests[0].headers["authorization"]


def test_a_region_that_is_no_name_is_refused():
    assert refusal(credentials=(KEY, SECRET), region="no region!")


@pytest.mark.parametrize(
    "variable", ["AWS_ENDPOINT_URL_PINPOINT", "AWS_ENDPOINT_URL"], ids=["service", "all services"]
)
def test_the_address_is_taken_from_the_environment(sink, environment, variable):
    environment.setenv(variable, sink.url)
    assert connect(None).send(ITEM).kind is AnswerKind.ACCEPTED


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "127.0.0.1:80",
        "http://",
        "ftp://127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://[::1",
    ],
)
def test_an_address_that_is_none_is_refused(url):
    assert "cannot be addressed" in refusal(endpoint_url=url, credentials=(KEY, SECRET))


# -- what it says of itself ----------------------------------------------------------------


def with_password(url):
    return url.replace("//", "//someone:secret@") + "/base"


def test_the_name_says_where_without_credentials(sink):
    name = connect(with_password(sink.url) + "?token=secret").name
    assert name == f"pinpoint at {sink.url}/base"


@pytest.mark.parametrize("script", [[RESET], [Reply(403)], [Reply(404)], [Reply(200)]])
def test_no_answer_tells_the_password_in_the_address(script):
    with HttpSink(script) as sink:
        assert "secret" not in connect(with_password(sink.url)).send(ITEM).message


def test_a_refused_connection_does_not_tell_the_password_in_the_address(sink):
    destination = connect(with_password(sink.url))
    sink.close()
    assert "secret" not in destination.send(ITEM).message


def test_a_refused_address_does_not_tell_its_password():
    url = "http://someone:secret@ /"
    assert "secret" not in refusal(endpoint_url=url, credentials=(KEY, SECRET))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "pinpoint.us-east-1.amazonaws.com"),
        ("cn-north-1", "pinpoint.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_aws_has_its_published_quota(region, host):
    destination = connect(None, region=region)
    assert urlsplit(destination.name.removeprefix("pinpoint at ")).hostname == host
    capabilities = destination.capabilities
    assert (capabilities.requests_per_second, capabilities.max_in_flight) == (2, 2)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://amazonaws.com.example.com", "https://notamazonaws.com"]
)
def test_other_services_have_no_quota(url):
    capabilities = connect(url).capabilities
    assert capabilities.requests_per_second is None
    assert capabilities.max_in_flight == DEFAULT_IN_FLIGHT


def test_the_largest_batch_and_its_envelope_fit_the_payload(sink, destination):
    capabilities = destination.capabilities
    assert capabilities.max_items == limits.BATCH_ITEMS.value
    filler = capabilities.max_payload_bytes - len(b'{"Id":""}')
    destination.send(b'{"Id":"' + b"x" * filler + b'"}')
    assert len(sink.requests[0].body) == limits.PAYLOAD_BYTES.value

"""Pinpoint over real HTTP on loopback, with boto3 as it is."""

import hashlib
import hmac
import json
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import boto3
import pytest
from fakes import CLOSE, HALF, RESET, HttpSink, Reply
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.pinpoint import DEFAULT_IN_FLIGHT, PinpointDestination
from pipelines.errors import ConfigurationError
from schemas import limits

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "synthetic/secret+key="
ITEM = b'{"Id":"1","Address":"a@example.com","ChannelType":"EMAIL"}'
PROFILES = """
[default]
[one]
aws_access_key_id = AKIAIOSFODNN7PROFILE
aws_secret_access_key = synthetic
region = eu-west-1
[half]
aws_access_key_id = AKIAIOSFODNN7PROFILE
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Neither credentials nor settings from where the tests run, and no metadata service."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def sink():
    with HttpSink() as running:
        yield running


def connect(url, **options):
    options = {"credentials": (KEY, SECRET), "region": "us-east-1", **options}
    return PinpointDestination("app-1", endpoint_url=url, **options)


@pytest.fixture
def destination(sink):
    opened = connect(sink.url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def connected():
    """A service and a destination for many tests: to make a client takes boto3 a while."""
    with HttpSink() as sink:
        yield sink, connect(sink.url)


@pytest.fixture
def send_to(connected):
    """Send one item to a service that answers by a script; give answer and its requests."""
    sink, destination = connected

    def send(*script):
        del sink.requests[:]
        sink.script.extend(script)
        answer = destination.send(ITEM)
        sink.script.clear()
        return answer, list(sink.requests)

    return send


# -- the request ---------------------------------------------------------------------------


def test_the_body_is_exactly_the_items_in_their_envelope(sink, destination):
    payload = b'{"Id":"\xc3\xa9"},{"Id":"2"}'
    destination.send(payload)
    (request,) = sink.requests
    assert request.body == b'{"Item":[' + payload + b"]}"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["content-type"] == "application/json"
    assert (request.method, request.path) == ("PUT", "/v1/apps/app-1/endpoints")


def test_the_sink_takes_what_was_sent(sink, destination):
    answer = destination.send(b'{"Id":"1"},{"Id":"2"}')
    assert answer == Answer(AnswerKind.ACCEPTED, "", "request-1")
    assert sink.accepted == [{"Id": "1"}, {"Id": "2"}]


NAMES = st.text(max_size=8)
ITEMS = st.lists(
    st.fixed_dictionaries(
        {"Id": NAMES, "Address": NAMES},
        optional={
            "Attributes": st.dictionaries(NAMES, st.lists(NAMES, max_size=2), max_size=2),
            "Metrics": st.dictionaries(NAMES, st.floats(-1e9, 1e9), max_size=2),
            "Location": st.fixed_dictionaries({"Country": NAMES, "Latitude": st.floats(-90, 90)}),
        },
    ),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def both():
    """Our destination and boto3's own client, each with a sink."""
    with HttpSink() as ours, HttpSink() as theirs:
        client = boto3.client(
            "pinpoint",
            endpoint_url=theirs.url,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        yield connect(ours.url), ours, client, theirs


@settings(deadline=None)
@given(items=ITEMS)
def test_a_service_reads_what_boto3_itself_would_have_sent(both, items):
    destination, ours, client, theirs = both
    destination.send(b",".join(json.dumps(item).encode() for item in items))
    client.update_endpoints_batch(ApplicationId="app-1", EndpointBatchRequest={"Item": items})
    mine, boto3s = ours.requests[-1], theirs.requests[-1]
    assert mine.items == boto3s.items
    assert (mine.method, mine.path) == (boto3s.method, boto3s.path)
    assert mine.headers["content-type"] == boto3s.headers["content-type"]
    assert set(mine.headers) == set(boto3s.headers)


def test_the_signature_is_that_of_the_bytes_on_the_wire(sink, destination):
    """Signature Version 4, calculated from its specification."""
    destination.send(ITEM)
    (request,) = sink.requests
    scope, signed, signature = re.fullmatch(
        rf"AWS4-HMAC-SHA256 Credential={KEY}/(\S+), SignedHeaders=(\S+), Signature=(\w+)",
        request.headers["authorization"],
    ).groups()
    stamp = request.headers["x-amz-date"]
    assert scope == f"{stamp[:8]}/us-east-1/mobiletargeting/aws4_request"
    lines = [f"{name}:{request.headers[name]}\n" for name in signed.split(";")]
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join(["PUT", request.path, "", "".join(lines), signed, digest])
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{SECRET}".encode()
    for part in [*scope.split("/"), to_sign]:
        key = hmac.digest(key, part.encode(), "sha256")
    assert key.hex() == signature


def test_one_connection_serves_many_requests(sink, destination):
    for _ in range(5):
        destination.send(ITEM)
    assert (len(sink.requests), sink.connections) == (5, 1)


def test_threads_do_not_mix_their_bodies(sink, destination):
    together = threading.Barrier(4)

    def send(thread):
        together.wait(10)
        for number in range(10):
            destination.send(b'{"Id":"%d-%d"}' % (thread, number))

    # Frequent switches let threads meet between giving a body and taking it.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(4)))
    finally:
        sys.setswitchinterval(interval)
    ids = [item["Id"] for request in sink.requests for item in request.items]
    assert sorted(ids) == sorted(f"{t}-{n}" for t in range(4) for n in range(10))


def test_an_application_id_stays_within_its_place_in_the_path(sink):
    PinpointDestination("a/../b?c", endpoint_url=sink.url, credentials=(KEY, SECRET)).send(ITEM)
    assert sink.requests[0].path == "/v1/apps/a%2F..%2Fb%3Fc/endpoints"


# -- answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        pytest.param(Reply(202, b"{}"), "accepted", "", id="202"),
        pytest.param(Reply(202), "accepted", "", id="202 without body"),
        pytest.param(
            Reply.failure(400, "BadRequestException", "Missing Address"),
            "refused",
            "Missing Address",
            id="400",
        ),
        pytest.param(Reply.failure(400, None, "why"), "refused", "why", id="400 without a code"),
        pytest.param(Reply(400, b"<p>no"), "refused", "<p>no", id="400 with HTML"),
        pytest.param(Reply(400, b"[1]"), "refused", "[1]", id="400 with a list"),
        pytest.param(Reply(400), "refused", "HTTP status 400", id="400 without body"),
        pytest.param(Reply(400, b'{"Message":null}'), "refused", "HTTP status 400", id="400 null"),
        pytest.param(Reply.failure(408, None, "late"), "failed", "late", id="408"),
        pytest.param(
            Reply.failure(413, "PayloadTooLargeException", "big"), "too_large", "big", id="413"
        ),
        pytest.param(
            Reply.failure(429, "TooManyRequestsException", "slow"), "throttled", "slow", id="429"
        ),
        pytest.param(
            Reply.failure(500, "InternalServerErrorException", "x"), "failed", "500 x", id="500"
        ),
        pytest.param(Reply(502, b"<html>"), "failed", "502 Bad Gateway", id="502 with HTML"),
        pytest.param(Reply(400, b"<p>\xff"), "refused", "<p>\ufffd", id="400 in no UTF-8"),
        pytest.param(Reply(500, b"\xff\xfe"), "failed", "500 \ufffd\ufffd", id="500 in no UTF-8"),
    ],
)
def test_an_answer_is_classified(send_to, reply, kind, message):
    answer, _ = send_to(reply)
    assert (answer.kind, answer.message) == (kind, message)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        pytest.param(
            Reply.failure(403, "ForbiddenException", "no"),
            ["refused the request with 403 (no)", "Check the credentials"],
            id="403",
        ),
        pytest.param(
            Reply.failure(404, "NotFoundException", "gone"),
            ["does not know the application app-1 (gone)", "--application-id"],
            id="404",
        ),
        *(
            pytest.param(
                Reply.failure(400, code, "expired"), ["400 (expired)", "credentials"], id=code
            )
            for code in [
                "ExpiredTokenException",
                "UnrecognizedClientException",
                "InvalidSignatureException",
                "AccessDeniedException",
                "ExpiredTokenException:http://internal.example.com/",
            ]
        ),
        pytest.param(Reply(405), ["405"], id="405"),
        pytest.param(Reply(409), ["409"], id="409"),
        pytest.param(Reply(200, b"{}"), ["answered 200 instead of 202"], id="200"),
        pytest.param(Reply(204), ["answered 204 instead of 202"], id="204"),
        pytest.param(Reply(302, headers={"Location": "/x"}), ["302"], id="302"),
    ],
)
def test_an_answer_that_no_batch_can_change_is_terminal(send_to, reply, says):
    answer, _ = send_to(reply)
    assert answer.kind is AnswerKind.TERMINAL
    assert [part for part in says if part not in answer.message] == []


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(RESET, id="reset"),
        pytest.param(CLOSE, id="closed without answer"),
        pytest.param(HALF, id="closed within the answer"),
        pytest.param(Reply(202, b"{broken"), id="broken JSON"),
        pytest.param(Reply(202, b"[]"), id="a list"),
        pytest.param(Reply(202, b"null"), id="null"),
        pytest.param(Reply(202, b'"text"'), id="text"),
        pytest.param(Reply(202, b"\xff\xfe"), id="no UTF-8"),
        pytest.param(Reply(202, b"<html>"), id="HTML"),
    ],
)
def test_a_broken_answer_is_a_failure_that_may_be_tried_again(send_to, reply):
    answer, _ = send_to(reply)
    assert answer.kind is AnswerKind.FAILED
    assert answer.message


@pytest.mark.parametrize(
    "reply",
    [
        RESET,
        CLOSE,
        HALF,
        Reply(202, b"{broken"),
        *(Reply(status) for status in (202, 302, 400, 403, 404, 408, 413, 429, 500, 503)),
    ],
    ids=lambda reply: reply.fault or str(reply.status),
)
def test_no_request_is_made_twice_behind_our_back(send_to, reply):
    _, requests = send_to(*[reply] * 5)
    assert len(requests) == 1


def test_no_connection_is_a_failure_that_may_be_tried_again(sink, destination):
    sink.close()
    answer = destination.send(ITEM)
    assert answer.kind is AnswerKind.FAILED
    assert "Could not connect" in answer.message


def test_a_service_that_comes_back_is_reached(sink, destination):
    sink.script.extend([RESET, CLOSE, HALF])
    kinds = [destination.send(ITEM).kind for _ in range(4)]
    assert kinds == ["failed", "failed", "failed", "accepted"]


@pytest.mark.parametrize("status", [202, 400, 403, 404, 413, 429, 500])
def test_the_request_id_is_kept(send_to, status):
    answer, _ = send_to(Reply(status, b"{}"))
    assert answer.request_id == "request-1"


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

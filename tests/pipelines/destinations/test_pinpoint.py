"""Pinpoint over real HTTP on loopback, with boto3 as it is."""

import hashlib
import hmac
import json
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.credentials import RefreshableCredentials
from fakes import CLOSE, HALF, RESET, HttpSink, Reply
from hypothesis import given, settings
from hypothesis import strategies as st
from pinpoint_support import ITEM, KEY, SECRET, connect

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.pinpoint import PinpointDestination

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture(scope="module")
def connected():
    """A service and a destination for many tests: to make a client takes boto3 a while."""
    with HttpSink() as sink:
        yield sink, connect(sink.url)


@pytest.fixture(params=["first", "later"])
def send_to(connected, request):
    """Send one item to a service that answers by a script; give answer and its requests.

    The first request of a client is boto3's own, later ones are made after it.
    """
    sink, destination = connected
    if request.param == "first":
        destination._wire = None
    else:
        destination.send(ITEM)

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
    destination.send(ITEM)  # after the model of the first
    request = sink.requests[-1]
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


def test_the_signature_of_a_later_request_is_of_its_own_bytes_and_credentials(sink, destination):
    for item in (ITEM, b'{"Id":"b"}', b'{"Id":"c"}'):
        destination.send(item)
    signatures = {request.headers["authorization"] for request in sink.requests}
    invocations = {request.headers["amz-sdk-invocation-id"] for request in sink.requests}
    assert (len(signatures), len(invocations)) == (3, 3)
    assert [request.items for request in sink.requests[1:]] == [[{"Id": "b"}], [{"Id": "c"}]]


def test_credentials_that_were_renewed_are_used_at_once(sink, destination):
    destination.send(ITEM)
    destination._credentials = RefreshableCredentials(
        "OLD", "o", "t", datetime.now(UTC), refresh_using=renew, method="test"
    )
    destination.send(ITEM)
    headers = sink.requests[-1].headers
    assert "Credential=RENEWED/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token-2"


def renew():
    expiry = datetime.now(UTC) + timedelta(hours=1)
    return {
        "access_key": "RENEWED",
        "secret_key": "s",
        "token": "token-2",
        "expiry_time": expiry.isoformat(),
    }


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
        pytest.param(Reply(400), "refused", "HTTP status 400", id="400 without body"),
        pytest.param(Reply(400, b'{"Message":null}'), "refused", "HTTP status 400", id="400 null"),
        pytest.param(Reply.failure(408, None, "late"), "failed", "late", id="408"),
        pytest.param(
            Reply.failure(413, "PayloadTooLargeException", "big"), "too_large", "big", id="413"
        ),
        pytest.param(
            Reply.failure(429, "TooManyRequestsException", "slow"), "throttled", "slow", id="429"
        ),
        *(
            pytest.param(Reply.failure(400, code, "slow"), "throttled", "slow", id=f"400 {code}")
            for code in [
                "ThrottlingException",
                "TooManyRequestsException",
                "ThrottlingException:http://internal.example.com/",
            ]
        ),
        pytest.param(
            Reply.failure(500, "InternalServerErrorException", "x"), "failed", "500 x", id="500"
        ),
        pytest.param(Reply(502, b"<html>"), "failed", "502 Bad Gateway", id="502 with HTML"),
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


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b"<html><h1>400 Bad\nRequest</h1></html>", "(400 Bad Request)", id="HTML"),
        pytest.param(b"[1]", "([1])", id="list"),
        pytest.param(b"<p>\xff", "(\ufffd)", id="no UTF-8"),
    ],
)
def test_a_400_of_something_in_between_blames_no_item(send_to, body, text):
    answer, _ = send_to(Reply(400, body))
    assert answer.kind == "terminal"
    assert text in answer.message
    assert "Check the URL" in answer.message

"""What is on the wire, looked at without an SDK."""

import copy
import json
import socket
from urllib.parse import urlsplit

import pytest

# The developer guide's PUT example, header by header; it leaves the host empty.
DOCUMENTED_PUT = (
    "PUT /v1/apps/{application_id}/endpoints/example_endpoint HTTP/1.1\r\n"
    "Host: {host}\r\n"
    "X-Amz-Date: 20180415T182538Z\r\n"
    "Content-Type: application/json\r\n"
    "Accept: application/json\r\n"
    "X-Amz-Date: 20180428T004705Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20180428/us-east-1/"
    "mobiletargeting/aws4_request, SignedHeaders=accept;content-length;content-type;host;"
    "x-amz-date, Signature=c25cbd6bf61bd3b3667c571ae764b9bf2d8af61b875cacced95d1e68d91b4170\r\n"
    "Cache-Control: no-cache\r\n"
    "Content-Length: {length}\r\n"
    "\r\n"
)


def test_documented_put_request_is_accepted(service, documented_endpoint):
    body = json.dumps(documented_endpoint).encode()
    host = urlsplit(service.url)
    head = DOCUMENTED_PUT.format(application_id=service.app, host=host.netloc, length=len(body))
    with socket.create_connection((host.hostname, host.port)) as connection:
        connection.sendall(head.encode() + body)
        # Head and body leave the server in one write, so one read gets both.
        answer = connection.recv(65536)
    response_head, _, response_body = answer.partition(b"\r\n\r\n")
    assert response_head.startswith(b"HTTP/1.1 202 ")
    assert json.loads(response_body)["Message"] == "Accepted"

    stored = service.get("example_endpoint")
    expected = copy.deepcopy(documented_endpoint)
    expected["Location"] |= {"Latitude": 47.6, "Longitude": -122.3}
    assert {name: stored[name] for name in expected} == expected


def test_success_body_and_headers(service, email):
    status, headers, body = service.send(
        "PUT", f"/v1/apps/{service.app}/endpoints/e1", json.dumps(email).encode()
    )
    assert status == 202
    assert body == {"Message": "Accepted", "RequestID": headers["x-amzn-RequestId"]}
    assert headers["Content-Type"] == "application/json"
    assert "x-amzn-ErrorType" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/v1/apps/{app}/endpoints/x", 404, "NotFoundException", id="endpoint"),
        pytest.param("GET", "/", 404, "NotFoundException", id="root"),
        pytest.param("GET", "/v1/apps/{app}/segments", 404, "NotFoundException", id="other_path"),
        pytest.param("GET", "/v1/apps/{app}/endpoints/a/b", 404, "NotFoundException", id="deeper"),
        pytest.param("GET", "/v1/a%0Ab", 404, "NotFoundException", id="line_break"),
        pytest.param(
            "POST", "/v1/apps/{app}/endpoints/x", 405, "MethodNotAllowedException", id="post"
        ),
        pytest.param(
            "GET", "/v1/apps/{app}/endpoints", 405, "MethodNotAllowedException", id="list"
        ),
        pytest.param("PATCH", "/v1/apps", 405, "MethodNotAllowedException", id="patch"),
        pytest.param("GET", "/v1/apps/{app}/users/%ff", 400, "BadRequestException", id="not_utf8"),
        pytest.param("PUT", "/v1/apps/{app}/endpoints/x", 400, "BadRequestException", id="no_body"),
    ],
)
def test_error_body_and_headers(service, method, path, status, code):
    answered, headers, body = service.send(method, path.format(app=service.app))
    assert answered == status
    assert headers["x-amzn-ErrorType"] == code
    assert sorted(body) == ["Message", "RequestID"]
    assert body["RequestID"] == headers["x-amzn-RequestId"]
    assert headers["Content-Type"] == "application/json"


def test_sdk_sees_code_message_and_request_id(service):
    refusal = service.refusal(service.put, "e1", ChannelType="EMAIL")
    assert (refusal.status, refusal.code) == (400, "BadRequestException")
    assert refusal.message == "Missing Address"
    assert refusal.request_id


def test_options_of_an_endpoint(service):
    status, headers, body = service.send("OPTIONS", f"/v1/apps/{service.app}/endpoints/e1")
    assert (status, body) == (200, None)
    assert headers["x-amzn-RequestId"]


def test_payload_over_7_mb_is_413_and_the_server_goes_on(service, email):
    refusal = service.refusal(service.put, "e1", **email, Attributes={"a": ["x" * 7_000_000]})
    assert (refusal.status, refusal.code) == (413, "PayloadTooLargeException")
    service.put("e1", **email)
    assert service.exists("e1")


def test_payload_of_7_mb_is_read(service):
    status, _, body = service.send(
        "PUT", f"/v1/apps/{service.app}/endpoints", b'{"Item":[]}'.ljust(7_000_000)
    )
    assert status == 400
    assert body["Message"].startswith("Missing Item")


def test_connection_is_kept_over_answers_and_errors(service, email):
    host = urlsplit(service.url)
    path = f"/v1/apps/{service.app}/endpoints/e1"
    with socket.create_connection((host.hostname, host.port)) as connection:
        seen = []
        for body in (b"{", json.dumps(email).encode(), b"{}"):
            head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            seen.append(connection.recv(65536)[9:12])
    assert seen == [b"400", b"202", b"202"]

"""Trouble over real sockets: what clients meet, and what is stored then."""

import json
import re
import select
import socket
import time
from contextlib import contextmanager
from http.client import IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ReadTimeoutError
from fakes import FakeClock

from pipelines.local_server.decisions import Decisions
from pipelines.local_server.faults import parse_faults, parse_latency, parse_quota
from pipelines.local_server.process import LocalServer, ServerOptions

PATH = "/v1/apps/app/endpoints/e1"
PATIENCE_S = 20
"""For what is sure to come; nothing waits this long unless the test fails."""


@pytest.fixture
def rehearse(tmp_path, connect, open_service):
    @contextmanager
    def start(**trouble):
        options = ServerOptions(port=0, db=tmp_path / "db", applications=("app",), **trouble)
        with LocalServer(options) as running:
            yield open_service(connect(running.url), running.url, "app")

    return start


def send_update(service, endpoint_id, body):
    """Send a whole update and leave the connection open for the answer."""
    host = urlsplit(service.url)
    connection = socket.create_connection((host.hostname, host.port), timeout=PATIENCE_S)
    head = (
        f"PUT /v1/apps/app/endpoints/{endpoint_id} HTTP/1.1\r\nHost: {host.netloc}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def read_to_end(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def wait_until_stored(service, endpoint_id):
    give_up = time.monotonic() + PATIENCE_S
    while not service.exists(endpoint_id):
        assert time.monotonic() < give_up


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "ForbiddenException"),
        (404, "NotFoundException"),
        (413, "PayloadTooLargeException"),
        (429, "TooManyRequestsException"),
        (500, "InternalServerErrorException"),
        (503, "ServiceUnavailableException"),
        # Whatever answers so is not the service: boto3 falls back on the number.
        (499, "499"),
    ],
)
def test_status_is_answered_and_nothing_is_stored(rehearse, email, status, code):
    with rehearse(faults=parse_faults(f"{status}=1")) as service:
        for refusal in (
            service.refusal(service.put, "e1", **email),
            service.refusal(service.batch, {"Id": "e1", **email}),
        ):
            assert (refusal.status, refusal.code) == (status, code)
            assert f"on purpose with {status}" in refusal.message
            assert refusal.request_id
        # The connection is fit for further use.
        assert not service.exists("e1")


def test_status_has_the_form_of_the_service_on_the_wire(rehearse):
    with rehearse(faults=parse_faults("429=0.5,502=0.5"), seed=1) as service:
        met = {}
        for _ in range(20):
            status, headers, body = service.send("PUT", PATH, b"{}")
            met[status] = headers["x-amzn-ErrorType"]
            assert body["RequestID"] == headers["x-amzn-RequestId"]
            assert headers["Content-Type"] == "application/json"
        assert met == {429: "TooManyRequestsException", 502: None}


def test_reset_is_a_reset_and_nothing_is_stored(rehearse, email):
    # More than sockets hold: the whole request is read before.
    body = json.dumps(email).encode().ljust(5_000_000)
    with rehearse(faults=parse_faults("reset=1")) as service:
        with send_update(service, "e1", body) as connection, pytest.raises(ConnectionResetError):
            connection.recv(1)
        with pytest.raises(BotoCoreError):
            service.batch({"Id": "e1", **email})
        assert not service.exists("e1")


def test_drop_is_a_close_after_storing(rehearse, email):
    with rehearse(faults=parse_faults("drop=1")) as service:
        with send_update(service, "raw", json.dumps(email).encode()) as connection:
            assert connection.recv(1) == b""
        with pytest.raises(RemoteDisconnected):
            service.send("PUT", PATH, json.dumps(email).encode())
        with pytest.raises(BotoCoreError):
            service.batch({"Id": "sdk", **email})
        assert service.exists("raw")
        assert service.exists("sdk")


def test_half_is_a_close_in_the_answer_after_storing(rehearse, email):
    with rehearse(faults=parse_faults("half=1")) as service:
        with send_update(service, "raw", json.dumps(email).encode()) as connection:
            answer = read_to_end(connection)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 202 ")
        announced = int(re.search(rb"content-length: (\d+)", head)[1])
        assert len(body) == announced // 2
        assert body.startswith(b'{"Message":"Accepted"')
        with pytest.raises(IncompleteRead):
            service.send("PUT", PATH, json.dumps(email).encode())
        # boto3 does not look at the length: what it gives is a success that says nothing.
        assert service.batch({"Id": "sdk", **email})["MessageBody"] == {}
        assert service.exists("raw")
        assert service.exists("sdk")


def test_hang_is_silence_after_storing(rehearse, email, connect, open_service):
    with rehearse(faults=parse_faults("hang=1")) as service:
        with send_update(service, "raw", json.dumps(email).encode()) as connection:
            wait_until_stored(service, "raw")
            assert select.select([connection], [], [], 0.05)[0] == []
        impatient = connect(service.url, timeout_s=0.5)
        with pytest.raises(ReadTimeoutError):
            open_service(impatient, service.url, "app").put("sdk", **email)
        wait_until_stored(service, "sdk")


def test_what_is_silent_ends_with_the_server(rehearse, email, capfd):
    with rehearse(faults=parse_faults("hang=1")) as service:
        connection = send_update(service, "e1", json.dumps(email).encode())
        wait_until_stored(service, "e1")
    with connection:
        assert connection.recv(1) == b""
    assert capfd.readouterr().err == "Rehearsal: 1 request, 0 answered as usual, 1 hang\n"


def test_a_refused_update_that_is_dropped_stores_nothing(rehearse, email):
    with rehearse(faults=parse_faults("drop=1")) as service:
        with pytest.raises(BotoCoreError):
            service.batch({"Id": "good", **email}, {"Id": "bad", "ChannelType": "EMAIL"})
        assert not service.exists("good")


def test_a_client_that_leaves_in_mid_request_is_no_defect(rehearse, email, capfd):
    kinds = ("429", "reset", "drop", "half", "hang")
    for kind in kinds:
        with rehearse(faults=parse_faults(f"{kind}=1")) as service:
            host = urlsplit(service.url)
            with socket.create_connection((host.hostname, host.port)) as connection:
                connection.sendall(
                    b"PUT /v1/apps/app/endpoints/e1 HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Length: 1000\r\n\r\n{"
                )
            assert not service.exists("e1")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == len(kinds)
    assert all(line.startswith("Rehearsal: ") for line in lines)


def test_other_operations_are_undisturbed(rehearse, email):
    trouble = {"latency": parse_latency("3600s"), "quota": parse_quota("0.001/min")}
    with rehearse(faults=parse_faults("500=1"), **trouble) as service:
        client, app = service.client, service.app
        created = client.create_app(CreateApplicationRequest={"Name": "other"})
        client.delete_app(ApplicationId=created["ApplicationResponse"]["Id"])
        client.remove_attributes(
            ApplicationId=app,
            AttributeType="endpoint-custom-attributes",
            UpdateAttributesRequest={"Blacklist": ["plan"]},
        )
        assert len(client.get_apps()["ApplicationsResponse"]["Item"]) == 1
        for call in (service.get, service.user):
            assert service.refusal(call, "nobody").status == 404
        assert service.send("OPTIONS", "/v1/apps/app/endpoints/e1")[0] == 200
        assert service.send("PUT", "/v1/apps/app/nowhere")[0] == 404


def test_a_sequence_of_requests_meets_what_its_seed_decides(rehearse, email, capfd):
    faults = parse_faults("429=0.2,503=0.2,reset=0.1,drop=0.1,half=0.1")
    decisions = Decisions(ServerOptions(faults=faults, seed=7), FakeClock().monotonic)
    expected = [decisions.decide().kind for _ in range(60)]
    body = json.dumps(email).encode()

    def meet(service, endpoint_id):
        with send_update(service, endpoint_id, body) as connection:
            try:
                # An answer leaves in one write; a half one is followed by the end.
                answer = connection.recv(65536)
            except ConnectionResetError:
                return "reset"
            if not answer:
                return "drop"
            status = answer[9:12].decode()
            if status != "202":
                return status
            return None if answer.endswith(b"}") else "half"

    for turn in ("first", "second"):
        ids = [f"{turn}-{number}" for number in range(60)]
        with rehearse(faults=faults, seed=7) as service:
            assert [meet(service, endpoint_id) for endpoint_id in ids] == expected
            stored = [service.exists(endpoint_id) for endpoint_id in ids]
        assert stored == [kind in (None, "drop", "half") for kind in expected]
        assert capfd.readouterr().err == f"{decisions.summary()}\n"


def test_over_the_quota_is_429_and_nothing_is_stored(rehearse, email, capfd):
    with rehearse(quota=parse_quota("0.001/min")) as service:
        service.put("e1", **email)
        refusal = service.refusal(service.put, "e2", **email)
        assert (refusal.status, refusal.code) == (429, "TooManyRequestsException")
        assert service.exists("e1")
        assert not service.exists("e2")
    line = "Rehearsal: 2 requests, 1 answered as usual, 1 of 429\n"
    assert capfd.readouterr().err == line


def test_a_delete_meets_trouble(rehearse, email):
    with rehearse(quota=parse_quota("0.001/min")) as service:
        service.put("e1", **email)
        refusal = service.refusal(
            service.client.delete_endpoint, ApplicationId=service.app, EndpointId="e1"
        )
        assert (refusal.status, refusal.code) == (429, "TooManyRequestsException")
        assert service.exists("e1")


def test_latency_holds_an_answer_back(rehearse, email):
    with rehearse(latency=parse_latency("200ms")) as service:
        start = time.monotonic()
        service.put("e1", **email)
        assert time.monotonic() - start >= 0.2


def test_held_back_answers_overlap_and_go_out_at_the_end(rehearse, email, capfd):
    body = json.dumps(email).encode()
    with rehearse(latency=parse_latency("3600s")) as service:
        connections = [send_update(service, f"e{number}", body) for number in range(5)]
        for number in range(5):
            wait_until_stored(service, f"e{number}")
        assert select.select(connections, [], [], 0.05)[0] == []
    for connection in connections:
        with connection:
            assert read_to_end(connection).startswith(b"HTTP/1.1 202 ")
    assert capfd.readouterr().err == "Rehearsal: 5 requests, 5 answered as usual\n"

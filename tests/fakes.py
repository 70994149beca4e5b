"""Stand-ins for what lies outside: time, a destination, and a service on loopback."""

import json
import os
import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from pipelines.destinations.base import Answer, AnswerKind, Capabilities

ACCEPT = Answer(AnswerKind.ACCEPTED)


class FakeClock:
    """Time that passes only by sleeping; the waits of several threads add up."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        with self._lock:
            return self.now

    def sleep(self, seconds: float, is_over: Callable[[], bool] = lambda: False) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds


class ScriptedDestination:
    """A destination that answers by a script, or by a function of the payload.

    A script that is used up is followed by acceptance. An exception in it is raised.
    """

    def __init__(
        self,
        answers: Iterable[Answer | Exception] | Callable[[bytes], Answer] = (),
        *,
        max_items: int = 100,
        max_payload_bytes: int = 7_000_000,
        requests_per_second: float | None = None,
        max_in_flight: int = 4,
    ) -> None:
        self.payloads: list[bytes] = []
        self.answers: list[Answer] = []
        self.is_closed = False
        self.in_flight = 0
        self.most_in_flight = 0
        self._answer = answers if callable(answers) else None
        self._script = deque() if callable(answers) else deque(answers)
        self._capabilities = Capabilities(
            max_items, max_payload_bytes, requests_per_second, max_in_flight
        )
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return "scripted destination"

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def send(self, payload: bytes) -> Answer:
        with self._lock:
            self.payloads.append(payload)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            scripted = self._script.popleft() if self._script else ACCEPT
        try:
            answer = self._answer(payload) if self._answer else scripted
            if isinstance(answer, Exception):
                raise answer
        finally:
            with self._lock:
                self.in_flight -= 1
        with self._lock:
            self.answers.append(answer)
        return answer

    def close(self) -> None:
        self.is_closed = True


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def items(self) -> list[dict[str, Any]]:
        return json.loads(self.body)["Item"]


@dataclass(frozen=True)
class Reply:
    """What the sink answers: a response, or a way to fail (`reset`, `close`, `half`)."""

    status: int = 202
    body: bytes = b""
    error: str | None = None
    """Value of x-amzn-ErrorType."""
    fault: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def failure(cls, status: int, error: str | None, message: str) -> Self:
        return cls(status, json.dumps({"Message": message}).encode(), error)


RESET = Reply(fault="reset")
"""The connection is reset instead of an answer."""
CLOSE = Reply(fault="close")
"""The connection is closed instead of an answer."""
HALF = Reply(fault="half")
"""The connection is closed in the middle of an answer."""


class HttpSink:
    """A service on loopback that takes PUT /v1/apps/{app}/endpoints and records what it gets.

    Independent of the package's own local server. Replies of `script` are given first, one per
    request; after them a request is accepted unless `refuses` says of one of its items why not.
    Questions about the application are only recorded where it `has_applications`.
    """

    def __init__(
        self,
        script: Iterable[Reply] = (),
        refuses: Callable[[dict[str, Any]], str | None] = lambda _: None,
        *,
        has_applications: bool = False,
    ) -> None:
        self.has_applications = has_applications
        self.script = deque(script)
        self.refuses = refuses
        self.requests: list[Received] = []
        self.accepted: list[dict[str, Any]] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.sink = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening: from now on connections are refused."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def count_connection(self) -> None:
        with self._lock:
            self.connections += 1

    def answer(self, request: Received) -> tuple[Reply, str]:
        """Record a request; give the reply and the request's id."""
        if not self.has_applications and request.method == "GET" and request.path.count("/") == 3:
            # Each run asks for the age of its application; no test of sending is about that.
            return Reply.failure(404, "NotFoundException", "Resource not found"), "request-0"
        with self._lock:
            self.requests.append(request)
            request_id = f"request-{len(self.requests)}"
            if self.script:
                return self.script.popleft(), request_id
            return self._judge(request, request_id), request_id

    def _judge(self, request: Received, request_id: str) -> Reply:
        parts = request.path.split("/")
        if request.method != "PUT" or parts[:3] != ["", "v1", "apps"] or parts[4:] != ["endpoints"]:
            return Reply.failure(404, "NotFoundException", "Resource not found")
        reasons = [reason for item in request.items if (reason := self.refuses(item))]
        if reasons:
            return Reply.failure(400, "BadRequestException", reasons[0])
        self.accepted += request.items
        body = json.dumps({"Message": "Accepted", "RequestID": request_id}).encode()
        return Reply(202, body)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    sink: HttpSink

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.sink.count_connection()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Received(self.command, self.path, headers, body)
        reply, request_id = self.server.sink.answer(request)
        if reply.fault == "reset":
            # A socket that lingers for no time is reset rather than closed.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())
        response = self._encode(reply, request_id)
        if reply.fault == "half":
            response = response.replace(b"Content-Length: 0", b"Content-Length: 500") + b'{"Mes'
        if reply.fault not in ("reset", "close"):
            self.wfile.write(response)
        if reply.fault:
            self.close_connection = True

    do_GET = do_DELETE = do_PUT  # noqa: N815 (http.server's names)

    def _encode(self, reply: Reply, request_id: str) -> bytes:
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": "application/json",
            "Content-Length": str(len(reply.body)),
            "x-amzn-RequestId": request_id,
            "x-amz-apigw-id": "synthetic=",
            "X-Amzn-Trace-Id": "Root=1-00000000-000000000000000000000000",
            **({"x-amzn-ErrorType": reply.error} if reply.error else {}),
            **reply.headers,
        }
        lines = [f"HTTP/1.1 {reply.status} Whatever", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + reply.body

    def log_message(self, *_: object) -> None:
        """Stay silent."""

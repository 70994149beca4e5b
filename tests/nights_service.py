"""A service in this process that watches what a night does to it, and can be told to misbehave.

What it stores, and by which rules, is the local server's own: its operations over its store.
"""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self

from pipelines.local_server.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    ServiceError,
)
from pipelines.local_server.routes import Call, find_operation
from pipelines.local_server.store import Store

Change = dict[str, Any]
"""An item of a request; of a delete, only its Id."""


class Service:
    """Takes requests one at a time."""

    def __init__(self, db: Path) -> None:
        # The store is for one thread.
        self._thread = ThreadPoolExecutor(1)
        self._store = self._thread.submit(Store, db).result()
        self._lock = Lock()
        self.application = ""
        self.refused: frozenset[str] = frozenset()
        """Ids, in lower case, whose items are refused."""
        self.forbids_after: int | None = None
        """Changing requests after which nobody may come in any more."""
        self.watch: Callable[[str, Change], None] = lambda _method, _change: None
        """Is shown each item before it is judged."""
        self.on_change: Callable[[int, bool], None] = lambda _number, _is_done: None
        """Is called before a changing request is applied, and after, before it is answered."""
        self.is_dead = False
        """Whether nothing comes through any more, though it is answered."""
        self.changes = 0
        """Changing requests since the last `begin`."""
        self.taken: set[str] = set()
        """Ids, in lower case, of items that were stored."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.service = self
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.submit(self._store.close).result()
        self._thread.shutdown()

    def make_application(self) -> str:
        """Make a new application, and give its id."""
        self.taken = set()
        self.application = self._thread.submit(self._store.create_application, "nights").result().id
        return self.application

    def begin(self) -> None:
        """Behave from now on."""
        self.refused, self.forbids_after = frozenset(), None
        self.watch, self.on_change = lambda *_: None, lambda *_: None
        self.is_dead, self.changes = False, 0

    def read(self, endpoint_id: str) -> dict[str, Any] | None:
        """Give an endpoint as it is stored."""
        try:
            return self._perform("GET", f"/v1/apps/{self.application}/endpoints/{endpoint_id}")[1]
        except NotFoundError:
            return None

    def opt_out(self, endpoint_id: str) -> None:
        """Opt somebody out past the import; an update would activate an endpoint besides."""
        stored = self.read(endpoint_id) or {}
        body = {"OptOut": "ALL", "EndpointStatus": stored["EndpointStatus"]}
        path = f"/v1/apps/{self.application}/endpoints/{endpoint_id}"
        self._perform("PUT", path, json.dumps(body).encode())

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any, str | None]:
        """Answer a request: status, body, and the type of an error."""
        try:
            if method == "GET":
                return *self._perform(method, path), None
            with self._lock:
                return *self._change(method, path, body), None
        except ServiceError as error:
            return error.status, {"Message": error.message}, error.code

    def _change(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if self.is_dead:
            return 202, {"Message": "Accepted", "RequestID": "none"}
        self.changes += 1
        if self.forbids_after is not None and self.changes > self.forbids_after:
            raise ForbiddenError("Not any more.")
        items = json.loads(body)["Item"] if method == "PUT" else [{"Id": path.rsplit("/", 1)[1]}]
        for item in items:
            self.watch(method, item)
        if self.refused & {item["Id"].lower() for item in items}:
            raise BadRequestError("Not wanted.")
        self.on_change(self.changes, False)
        if self.is_dead:
            return 202, {"Message": "Accepted", "RequestID": "none"}
        answer = self._perform(method, path, body)
        self.taken |= {item["Id"].lower() for item in items}
        self.on_change(self.changes, True)
        return answer

    def _perform(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        operation, arguments = find_operation(method, path)
        call = Call(self._store, arguments, body, str(uuid.uuid4()))
        return tuple(self._thread.submit(operation, call).result())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    service: Service

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer, error = self.server.service.answer(self.command, self.path, body)
        content = json.dumps(answer).encode()
        headers = {"Content-Length": str(len(content)), "Content-Type": "application/json"}
        headers |= {"x-amzn-RequestId": str(uuid.uuid4())}
        headers |= {"x-amzn-ErrorType": error} if error else {}
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{k}: {v}" for k, v in headers.items())]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + content)

    do_GET = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the base class

    def log_message(self, *_: object) -> None:
        """Stay silent."""

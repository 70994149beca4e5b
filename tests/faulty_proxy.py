"""A proxy in front of an S3 that cuts answers off, or gives its own."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class Faults:
    """What to do to the requests for objects from now on."""

    def __init__(self) -> None:
        self.cuts: list[int] = []
        """Bytes of the body after which the connection breaks, for one answer each."""
        self.is_denied = False
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and range of each."""


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[tuple[str, Faults]]:
    """Run a proxy for a `with` block; give its URL and its faults."""
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def forward(self) -> None:
            faults.requests.append((self.command, self.path, self.headers.get("Range")))
            if faults.is_denied:
                self.answer(403, {"Content-Type": "application/xml"}, DENIED)
                return
            connection = http.client.HTTPConnection(urlsplit(upstream).netloc)
            connection.request(self.command, self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            self.answer(answer.status, dict(answer.getheaders()), answer.read())
            connection.close()

        do_GET = do_HEAD = forward  # noqa: N815 (http.server's names)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            kept = {n: v for n, v in headers.items() if n.lower() not in ("connection", "date")}
            if self.command == "GET":
                kept = {n: v for n, v in kept.items() if n.lower() != "content-length"}
                kept["Content-Length"] = str(len(body))
            for name, value in kept.items():
                self.send_header(name, value)
            self.end_headers()
            is_object = self.command == "GET" and "list-type" not in self.path
            if faults.cuts and is_object and len(body) > faults.cuts[0]:
                body = body[: faults.cuts.pop(0)]
                self.close_connection = True
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        server.server_close()

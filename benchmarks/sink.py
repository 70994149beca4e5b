"""A service that takes every batch: the least that a server can do, to measure clients against.

Own process, one write per response (a second write would cost a delayed ACK of 40 ms), no parsing
of bodies: two to three system calls a request, so that the clients' speed is measured and not its
own. It runs on the same cores as they do; what it takes of them is in its count.
`python -m benchmarks.sink` prints its URL and serves until its stdin ends. `GET /` gives the count.
"""

import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import NamedTuple, Self

ACCEPTED = b'{"Message":"Accepted","RequestID":"00000000-0000-4000-8000-000000000000"}'
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


class SinkCount(NamedTuple):
    """What a sink has got so far."""

    requests: int = 0
    received_bytes: int = 0
    cpu_seconds: float = 0.0

    def since(self, earlier: "SinkCount") -> "SinkCount":
        """Give what came after an earlier count."""
        return SinkCount(*(now - then for now, then in zip(self, earlier, strict=True)))


class _Connection(BaseRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        """Answer one request after the other: no client here sends the next one unanswered."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray(1 << 20)
        view = memoryview(buffer)
        while True:
            size = 0
            while (end := buffer.find(b"\r\n\r\n", 0, size)) < 0:
                taken = self.request.recv_into(view[size:])
                if not taken:
                    return
                size += taken
            head = bytes(view[:end])
            length = _LENGTH.search(head)
            whole = end + 4 + int(length[1] if length else 0)
            missing = whole - size
            while missing > 0:
                taken = self.request.recv_into(view, min(missing, len(view)), socket.MSG_WAITALL)
                if not taken:
                    return
                missing -= taken
            if head.startswith(b"GET "):
                self.request.sendall(_answer(b"200 OK", json.dumps(self.server.count()).encode()))
                continue
            self.server.add(whole)
            self.request.sendall(_ANSWER)


def _answer(status: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n"
        b"x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\n"
        b"Content-Length: %d\r\n\r\n%b"
    ) % (status, len(body), body)


_ANSWER = _answer(b"202 Accepted", ACCEPTED)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self._lock = threading.Lock()
        self._requests = self._bytes = 0

    def add(self, size_bytes: int) -> None:
        with self._lock:
            self._requests += 1
            self._bytes += size_bytes

    def count(self) -> SinkCount:
        with self._lock:
            return SinkCount(self._requests, self._bytes, time.process_time())


class SinkProcess:
    """A sink in a process of its own, for a `with`."""

    def __enter__(self) -> Self:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sink"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._process.communicate("")

    def count(self) -> SinkCount:
        """Ask it for its count."""
        with urllib.request.urlopen(self.url) as answer:
            return SinkCount(*json.load(answer))


def main() -> None:
    """Serve until stdin ends."""
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()

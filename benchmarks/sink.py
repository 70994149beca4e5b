"""A service that takes every batch: the least that a server can do, to measure clients against.

Own process, one write per response (a second write would cost a delayed ACK of 40 ms), no parsing
of bodies. `python -m benchmarks.sink` prints its URL and serves until its stdin ends.
"""

import asyncio
import sys

BODY = b'{"Message":"Accepted","RequestID":"00000000-0000-4000-8000-000000000000"}'
ANSWER = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
    b"x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\n"
    b"Content-Length: %d\r\n\r\n%b"
) % (len(BODY), BODY)


class Sink(asyncio.Protocol):
    """Answers 202 to each complete request."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._buffer = bytearray()
        self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect a request; answer it once its body is whole."""
        self._buffer += data
        while True:
            if not self._needed:
                end = self._buffer.find(b"\r\n\r\n")
                if end < 0:
                    return
                head = bytes(self._buffer[:end]).lower()
                at = head.find(b"content-length:")
                length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
                self._needed = end + 4 + length
            if len(self._buffer) < self._needed:
                return
            del self._buffer[: self._needed]
            self._needed = 0
            self._transport.write(ANSWER)  # type: ignore[attr-defined]


async def main() -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())

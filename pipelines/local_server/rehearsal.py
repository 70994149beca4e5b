"""Lets requests that change endpoints meet trouble; an ASGI application around the service's.

It is there only when trouble is asked for: without, requests do not pass through this module.
"""

import asyncio
import socket
import struct
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.local_server.app import respond_error
from pipelines.local_server.decisions import Decisions
from pipelines.local_server.errors import InjectedError, ServiceError
from pipelines.local_server.faults import BREAKS
from pipelines.local_server.one_write import OneWriteProtocol
from pipelines.local_server.options import ServerOptions
from pipelines.local_server.routes import (
    delete_endpoint,
    find_operation,
    update_endpoint,
    update_endpoints_batch,
)

_TRANSPORT = "transport"
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


class BreakableProtocol(OneWriteProtocol):
    """Shows requests the connection that they came on, for it to be broken."""

    def on_message_begin(self) -> None:
        """Add the connection to what the application sees of a request."""
        super().on_message_begin()
        self.scope["state"][_TRANSPORT] = self.transport


class Rehearsal:
    """The service with faults, latency and quota; for connections of `BreakableProtocol`.

    What is applied is applied at once, before the answer is held back: a client that gives up in
    the meantime does not know, as with the real thing.
    """

    def __init__(
        self,
        app: ASGIApp,
        options: ServerOptions,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._decisions = Decisions(options, monotonic)
        self._stopping = asyncio.Event()
        self._silent: set[asyncio.Transport] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or do not."""
        if not _is_change(scope):
            await self._app(scope, receive, send)
            return
        kind, pause_s = self._decisions.decide()
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        if kind is None or (kind in BREAKS and kind != "reset"):
            await self._app(scope, receive, keep)
        else:
            await _read_to_end(receive)
            if kind != "reset":
                error = InjectedError(int(kind))
                await respond_error(error, str(uuid.uuid4()))(scope, receive, keep)
        if kind == "hang":
            await self._stay_silent(scope["state"][_TRANSPORT], receive)
            return
        await self._pause(pause_s)
        if kind in BREAKS:
            await _break(kind, scope["state"][_TRANSPORT], answer, receive, send)
            return
        for message in answer:
            await send(message)

    def stop(self) -> None:
        """Let what is held back go at once, and end the silent connections."""
        self._stopping.set()
        for transport in self._silent:
            transport.abort()

    def summary(self) -> str:
        """Say in one line what happened."""
        return self._decisions.summary()

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _stay_silent(self, transport: asyncio.Transport, receive: Receive) -> None:
        if self._stopping.is_set():
            transport.abort()
        self._silent.add(transport)
        await _wait_until_gone(receive)
        self._silent.remove(transport)


def _is_change(scope: Scope) -> bool:
    try:
        operation, _ = find_operation(scope["method"], scope["raw_path"].decode("ascii"))
    except ServiceError:
        return False
    return operation in (update_endpoint, update_endpoints_batch, delete_endpoint)


async def _read_to_end(receive: Receive) -> None:
    # A client that is refused in mid-request may report its own broken write instead.
    while (await receive()).get("more_body"):
        pass


async def _break(
    kind: str, transport: asyncio.Transport, answer: list[Message], receive: Receive, send: Send
) -> None:
    if kind == "half" and answer:
        head, body = answer
        await send(head)
        half = body["body"][: len(body["body"]) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    if kind == "reset":
        _reset(transport)
    else:
        transport.close()
    # uvicorn takes a return without an answer for a defect, except when the client has gone.
    await _wait_until_gone(receive)


def _reset(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        # A socket that lingers for no time is reset rather than closed.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        transport.abort()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

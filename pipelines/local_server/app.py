"""The ASGI application: body limit, signature, operation, answer."""

import uuid
from collections.abc import Mapping

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from pipelines.local_server.errors import PayloadTooLargeError, ServiceError
from pipelines.local_server.records import JsonObject
from pipelines.local_server.routes import Call, Reply, find_operation
from pipelines.local_server.signature import SignatureCheck, SignedRequest
from pipelines.local_server.store import Store
from schemas.limits import PAYLOAD_BYTES


def create_app(store: Store, signature_check: SignatureCheck | None = None) -> Starlette:
    """Build the application over an open store.

    Args:
        store: Where applications and endpoints live.
        signature_check: Who may come in; None accepts any signature, and none.
    """
    return Starlette(
        routes=[_Service(store, signature_check)],
        exception_handlers={Exception: _answer_defect},
    )


class _Service(BaseRoute):
    """Takes every path: Starlette's own routes would match the decoded path."""

    def __init__(self, store: Store, signature_check: SignatureCheck | None) -> None:
        self._store = store
        self._signature_check = signature_check

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.FULL if scope["type"] == "http" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = str(uuid.uuid4())
        try:
            body = await _read_body(request)
            reply = self._answer(request, body, request_id)
            response = _respond(reply, request_id)
        except ServiceError as error:
            response = respond_error(error, request_id)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes, request_id: str) -> Reply:
        raw_path: str = request.scope["raw_path"].decode("ascii")
        # A browser's preflight cannot be signed, and tells nothing.
        if self._signature_check is not None and request.method != "OPTIONS":
            query = request.scope["query_string"].decode("latin-1")
            self._signature_check.verify(
                SignedRequest(
                    method=request.method,
                    target=f"{raw_path}?{query}" if query else raw_path,
                    headers=request.headers,
                    body=body,
                )
            )
        operation, arguments = find_operation(request.method, raw_path)
        return operation(Call(self._store, arguments, body, request_id))


async def _read_body(request: Request) -> bytes:
    """Read the body, but keep no more than the payload limit in memory."""
    size = 0
    parts: list[bytes] = []
    async for part in request.stream():
        size += len(part)
        if size > PAYLOAD_BYTES.value:
            # The server underneath reads and drops the rest, so the client gets this answer.
            raise PayloadTooLargeError(
                f"Payload too large: a request holds at most {PAYLOAD_BYTES.value} bytes"
            )
        parts.append(part)
    return b"".join(parts)


def _respond(reply: Reply, request_id: str) -> Response:
    headers = {"x-amzn-RequestId": request_id}
    if reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    return _respond_json(reply.status, reply.body, headers)


def respond_error(error: ServiceError, request_id: str) -> Response:
    """Build the answer that an error stands for, in the service's form."""
    headers = {"x-amzn-RequestId": request_id}
    if error.code:
        headers["x-amzn-ErrorType"] = error.code
    return _respond_json(error.status, {"Message": error.message, "RequestID": request_id}, headers)


def _respond_json(status: int, body: JsonObject, headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")


async def _answer_defect(_request: Request, _error: Exception) -> Response:
    # A defect of ours: the traceback goes to the log, the client learns no more than that.
    return respond_error(ServiceError("Internal server error"), str(uuid.uuid4()))

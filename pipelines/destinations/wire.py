"""The wire: requests like one that boto3 has made, signed and sent without asking it again.

Of the processor time of a boto3 call with a ready body, less than half goes into signing and
sending; the rest finds out for each request what is the same for all: address, headers, identity.
So the first request of a client is boto3's own, and the next ones are made after it. Credentials
(renewed where they expire), signature, connections, proxies and certificates stay botocore's.
"""

import re
from typing import Any
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

_SCOPE = re.compile(
    "AWS4-HMAC-SHA256 Credential=[^,]+/[0-9]{8}/"
    "(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request,"
)
_OWN_TO_A_REQUEST = frozenset(
    {
        "authorization",
        "content-length",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
    }
)
"""Headers that the signer or the transport writes."""
_INVOCATION = "amz-sdk-invocation-id"


class Wire:
    """Sends bodies to where a request of boto3's went."""

    def __init__(self, request: AWSPreparedRequest, scope: re.Match[str]) -> None:
        """Use `after`."""
        self._method, self._url = request.method, request.url
        self._headers = {
            name: _as_text(value)
            for name, value in request.headers.items()
            if name.lower() not in _OWN_TO_A_REQUEST
        }
        self._region, self._service = scope["region"], scope["service"]

    @classmethod
    def after(cls, request: AWSPreparedRequest) -> "Wire | None":
        """Learn from a request; None where it is signed in another way than by Signature 4."""
        scope = _SCOPE.match(_as_text(request.headers.get("Authorization", "")))
        return cls(request, scope) if scope else None

    def send(self, body: bytes, credentials: Credentials, session: URLLib3Session) -> AWSResponse:
        """Sign and send one request.

        Raises:
            BotoCoreError: The credentials cannot be renewed, or the connection broke.
        """
        headers = {**self._headers, _INVOCATION: str(uuid4())}
        request = AWSRequest(self._method, self._url, headers, body)
        SigV4Auth(credentials.get_frozen_credentials(), self._service, self._region).add_auth(
            request
        )
        return session.send(request.prepare())


def _as_text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

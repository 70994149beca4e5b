"""Checks AWS Signature Version 4 when the server knows credentials.

botocore computes the expected signature, so that both ends agree on how a request is put into
canonical form. Not covered: presigned URLs and session tokens.
"""

import configparser
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pipelines.errors import ConfigurationError
from pipelines.local_server.errors import ForbiddenError

SERVICE_NAME = "mobiletargeting"
"""What Pinpoint calls itself in a credential scope."""

CLOCK_SKEW = timedelta(minutes=15)
"""How far a request's date may be from ours, either way."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)"
    r"/(?P<service>[^/,\s]+)/aws4_request,\s*SignedHeaders=(?P<headers>[^,\s]+)"
    r",\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of an HTTP request that a signature is about."""

    method: str
    target: str
    """Path and query as they were sent, not decoded."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


class SignatureCheck:
    """Accepts requests signed with one of the known keys, within the date window."""

    def __init__(self, secrets_by_key: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        """Keep the secrets, by access key id; they are neither logged nor shown in answers."""
        self._secrets = secrets_by_key
        self._clock = clock

    def verify(self, request: SignedRequest) -> None:
        """Return if the signature is right.

        Raises:
            ForbiddenError: It is missing, malformed, expired, of an unknown key, or wrong.
        """
        match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
        if match is None:
            raise ForbiddenError("Missing or malformed Authorization header")
        timestamp = request.headers.get("x-amz-date", "")
        self._check_date(timestamp, match["date"])
        secret = self._secrets.get(match["key"])
        if secret is None:
            raise ForbiddenError("The access key id is not known to this server")
        if match["service"] != SERVICE_NAME:
            raise ForbiddenError(f"The credential scope must be for the service {SERVICE_NAME}")
        _check_body(request)
        expected = _sign(request, match, secret, timestamp)
        if not hmac.compare_digest(expected, match["signature"]):
            raise ForbiddenError("The signature does not match the request")

    def _check_date(self, timestamp: str, scope_date: str) -> None:
        try:
            signed_at = datetime.strptime(timestamp, _DATE_FORMAT).replace(tzinfo=UTC)
        except ValueError as error:
            raise ForbiddenError("Missing or malformed X-Amz-Date header") from error
        if timestamp[:8] != scope_date:
            raise ForbiddenError("The credential scope is of another date than X-Amz-Date")
        if abs(self._clock() - signed_at) > CLOCK_SKEW:
            raise ForbiddenError("The signature has expired: check the clock of this machine")


def read_credentials(path: Path) -> dict[str, str]:
    """Read access keys from a file in the form of AWS's shared credentials file.

    Returns:
        Secrets by access key id, of all profiles.

    Raises:
        ConfigurationError: The file cannot be read, or holds no complete profile. The message
            does not quote the file.
    """
    # No interpolation: a secret may hold a percent sign.
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"Cannot read credentials {path}: {error.strerror}.") from error
    except (configparser.Error, UnicodeDecodeError):
        # Without the cause: its text quotes lines of the file.
        raise ConfigurationError(f"{path} is not a credentials file in AWS's form.") from None
    found = {
        parser[profile]["aws_access_key_id"]: parser[profile]["aws_secret_access_key"]
        for profile in parser.sections()
        if {"aws_access_key_id", "aws_secret_access_key"} <= set(parser[profile])
    }
    if not found:
        raise ConfigurationError(
            f"{path} holds no profile with aws_access_key_id and aws_secret_access_key."
        )
    return found


def _check_body(request: SignedRequest) -> None:
    # botocore takes this header's word for the body's hash.
    stated = request.headers.get("x-amz-content-sha256", _UNSIGNED_PAYLOAD)
    if stated not in (_UNSIGNED_PAYLOAD, sha256(request.body).hexdigest()):
        raise ForbiddenError("X-Amz-Content-SHA256 does not match the body")


def _sign(request: SignedRequest, match: re.Match[str], secret: str, timestamp: str) -> str:
    signed = AWSRequest(
        method=request.method,
        # The host is in the signed headers; http makes botocore hash the body.
        url=f"http://localhost{request.target}",
        headers={
            name: request.headers[name]
            for name in match["headers"].split(";")
            if name in request.headers
        },
        data=request.body,
    )
    signed.context["timestamp"] = timestamp
    auth = SigV4Auth(Credentials(match["key"], secret), match["service"], match["region"])
    canonical = auth.canonical_request(signed)
    return str(auth.signature(auth.string_to_sign(signed, canonical), signed))

"""Pinpoint through boto3: UpdateEndpointsBatch, with a body that is ready already, and the client.

The other calls are in `pinpoint_calls`.


Credentials, region, signing, endpoint rules, connections and error classes are boto3's. Its
parameter validation and serialization take eight times as long as everything else together, and
`schemas.endpoint` has checked more than they do, so the body is put in place by an event handler.
Requests after the first are made after its model (see `wire`).
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
import orjson
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own name)
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError, create_parser

from pipelines.destinations.base import Answer, AnswerKind, Capabilities
from pipelines.destinations.wire import Wire
from pipelines.errors import ConfigurationError
from schemas import limits
from schemas.batch import DEFAULT_IN_FLIGHT
from schemas.hosts import is_aws

ENVELOPE = (b'{"Item":[', b"]}")
"""What stands around the items of a batch (service model, EndpointBatchRequest)."""
SIGNING_REGION = "us-east-1"
"""Region that requests to a custom endpoint URL are signed for when none is configured."""
ACCEPTED = 202
_OPERATION = "UpdateEndpointsBatch"
LONGEST_MESSAGE = 1000
"""Characters of the service's words that are kept."""
CONNECT_TIMEOUT_S = 10
"""Seconds without a connection after which a request counts as failed."""
ANSWER_TIMEOUT_S = 30
"""Seconds without an answer after which it does; AWS's own gateway gives up after 29."""

_USER_INFO = re.compile(r"//[^/@\s]*@")
_BY_STATUS = {
    400: AnswerKind.REFUSED,
    408: AnswerKind.FAILED,
    413: AnswerKind.TOO_LARGE,
    429: AnswerKind.THROTTLED,
}
_CREDENTIAL_CODES = frozenset(
    {
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
"""Codes about who asks, which some services send with status 400."""
_TAG = re.compile(r"<[^>]*>")
_NOT_THE_SERVICE = "NotTheService"
"""Our own code for a 400 that no Pinpoint service has written."""
_THROTTLE_CODES = frozenset({"ThrottlingException", "TooManyRequestsException"})
"""Codes that ask to slow down, which some services send with status 400."""
_NOT_FOUND = "NotFoundException"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    answer: Answer
    """What the answer means."""
    response: dict[str, Any]
    """What it says if the request was taken; empty if not."""
    is_not_found: bool = False
    """Whether the service says that there is no such thing: application or endpoint."""


class PinpointDestination:
    """One application of a service that speaks the Pinpoint endpoint API."""

    def __init__(
        self,
        application_id: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        """Make the client; nothing is sent yet.

        Args:
            application_id: The Pinpoint application (project) id.
            endpoint_url: Where the service is; AWS's own rules and variables decide for None.
            region: AWS region; AWS's own rules decide for None.
            profile: Profile of the AWS configuration files.
            credentials: Access key id and secret for a local server; AWS's chain for None.

        Raises:
            ConfigurationError: No credentials, no region, unknown profile or unusable URL.
        """
        self._application_id = application_id
        self._body = threading.local()
        self._wire: Wire | None = None
        key, secret = credentials or (None, None)
        try:
            session = boto3.Session(
                profile_name=profile, aws_access_key_id=key, aws_secret_access_key=secret
            )
            found = session.get_credentials()
            if found is None:
                raise NoCredentialsError
            self._credentials = found
            self._open = partial(session.client, "pinpoint", endpoint_url=endpoint_url)
            self._region: str | None = region or session.region_name
            self._client = self._make_client()
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise ConfigurationError(
                "No AWS credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a "
                "--profile, or use --local for the embedded server, which needs none."
            ) from error
        except NoRegionError as error:
            raise ConfigurationError(
                "No AWS region given. Name one with --region, such as us-east-1."
            ) from error
        except ProfileNotFound as error:
            raise ConfigurationError(f"{error}. Check --profile.") from error
        except (BotoCoreError, ValueError) as error:
            reason = _without_user(str(error))
            raise ConfigurationError(f"The service cannot be addressed: {reason}") from error

    def _make_client(self) -> Any:
        client = self.connect(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S)
        if self._region is None and is_aws(client.meta.endpoint_url):
            raise NoRegionError
        _check_url(client.meta.endpoint_url)
        events = client.meta.events
        events.register("before-call.pinpoint.UpdateEndpointsBatch", self._set_body)
        events.register("before-send.pinpoint.UpdateEndpointsBatch", self._learn)
        self._parser = create_parser(client.meta.service_model.resolved_protocol)
        return client

    def connect(self, connect_timeout_s: float, answer_timeout_s: float) -> Any:
        """Make a client of the same service; nothing is sent yet."""
        config = Config(
            # Retrying is decided in one place, `sender`; a hidden retry would not be counted.
            retries={"total_max_attempts": 1, "mode": "standard"},
            parameter_validation=False,
            max_pool_connections=64,
            connect_timeout=connect_timeout_s,
            read_timeout=answer_timeout_s,
            user_agent_extra="endpoint-import",
        )
        client = self._open(region_name=self._region or SIGNING_REGION, config=config)
        client.meta.events.register("before-parse.pinpoint", _check_response)
        return client

    @property
    def name(self) -> str:
        """Say where it is; a user or password in the URL is left out."""
        parts = urlsplit(self._client.meta.endpoint_url)
        host = parts.netloc.rpartition("@")[2]
        return f"pinpoint at {urlunsplit((parts.scheme, host, parts.path, '', ''))}"

    @property
    def application_id(self) -> str:
        """The application that all requests are about."""
        return self._application_id

    @property
    def has_quota(self) -> bool:
        """Whether the published quotas hold: where the service is AWS's own."""
        return is_aws(self._client.meta.endpoint_url)

    @property
    def capabilities(self) -> Capabilities:
        """The service's quotas; without a rate where the service is not AWS's own."""
        has_quota = self.has_quota
        envelope_bytes = sum(map(len, ENVELOPE))
        return Capabilities(
            max_items=limits.BATCH_ITEMS.value,
            max_payload_bytes=limits.PAYLOAD_BYTES.value - envelope_bytes,
            requests_per_second=limits.BATCH_RATE.value if has_quota else None,
            max_in_flight=limits.BATCHES_IN_FLIGHT.value if has_quota else DEFAULT_IN_FLIGHT,
        )

    def send(self, payload: bytes) -> Answer:
        """Send one batch; see `base.Destination.send`."""
        body = payload.join(ENVELOPE)
        wire = self._wire
        ask = partial(self._send_alike, wire, body) if wire else partial(self._call, body)
        return self.exchange(ask, ACCEPTED).answer

    def request(self, operation: str, ok: int, **arguments: str) -> Exchange:
        """Make another call about the application, once.

        Args:
            operation: Name of the client's method.
            ok: Status of a request that was taken.
            arguments: What it takes beside the application.
        """
        call = getattr(self._client, operation)
        return self.exchange(partial(call, ApplicationId=self._application_id, **arguments), ok)

    def exchange(self, ask: Callable[[], dict[str, Any]], ok: int) -> Exchange:
        """Make a request, and tell what its answer means; raises nothing that a service can cause.

        Args:
            ask: Makes it, as a method of a client of `connect` does.
            ok: Status of a request that was taken.
        """
        try:
            response = ask()
        except ClientError as error:
            is_not_found = error.response["Error"].get("Code") == _NOT_FOUND
            return Exchange(self._explain(error), {}, is_not_found)
        except (ConnectionError, HTTPClientError, ResponseParserError) as error:
            return Exchange(Answer(AnswerKind.FAILED, _without_user(str(error))), {})
        except BotoCoreError as error:
            return Exchange(Answer(AnswerKind.TERMINAL, _without_user(str(error))), {})
        metadata = response["ResponseMetadata"]
        if metadata["HTTPStatusCode"] != ok:
            what = f"answered {metadata['HTTPStatusCode']} instead of {ok}"
            told = f"{self.name} {what}: it is no Pinpoint service."
            return Exchange(Answer(AnswerKind.TERMINAL, told), {})
        return Exchange(Answer(AnswerKind.ACCEPTED, "", metadata.get("RequestId")), response)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def _call(self, body: bytes) -> dict[str, Any]:
        self._body.bytes = body
        response: dict[str, Any] = self._client.update_endpoints_batch(
            ApplicationId=self._application_id, EndpointBatchRequest={"Item": []}
        )
        return response

    def _send_alike(self, wire: Wire, body: bytes) -> dict[str, Any]:
        """Send a request like an earlier one; gives and raises what the client would."""
        # The client's own, with its proxies, certificates, timeouts and open connections.
        session = self._client._endpoint.http_session
        answer = wire.send(body, self._credentials, session)
        response = {
            "headers": answer.headers,
            "status_code": answer.status_code,
            "body": answer.content,
        }
        _check_response(response)
        if answer.status_code == ACCEPTED:
            names = ("x-amzn-requestid", "x-amz-request-id")  # as botocore's parser
            request_id = next((answer.headers[n] for n in names if n in answer.headers), None)
            return {"ResponseMetadata": {"HTTPStatusCode": ACCEPTED, "RequestId": request_id}}
        operation = self._client.meta.service_model.operation_model(_OPERATION)
        parsed: Any = self._parser.parse(response, operation.output_shape)
        if answer.status_code >= 300:
            raise ClientError(parsed, _OPERATION)
        return dict(parsed)

    def _learn(self, request: AWSPreparedRequest, **_: Any) -> None:
        self._wire = Wire.after(request)

    def _set_body(self, params: dict[str, Any], **_: Any) -> None:
        params["body"] = self._body.bytes

    def _explain(self, error: ClientError) -> Answer:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = str(error.response["Error"].get("Code", ""))
        text = str(error.response["Error"].get("Message") or f"HTTP status {status}")
        text = text[:LONGEST_MESSAGE]
        request_id = error.response["ResponseMetadata"].get("RequestId")
        if status >= 500:
            return Answer(AnswerKind.FAILED, f"{status} {text}", request_id)
        kind = _BY_STATUS.get(status, AnswerKind.TERMINAL)
        if code in _THROTTLE_CODES:
            kind = AnswerKind.THROTTLED
        if code == _NOT_THE_SERVICE:
            what = f"{self.name} answered {status} in a form that no Pinpoint service uses"
            return Answer(AnswerKind.TERMINAL, f"{what} ({text}). Check the URL.", request_id)
        if code in _CREDENTIAL_CODES or kind is AnswerKind.TERMINAL:
            return Answer(AnswerKind.TERMINAL, self._remedy(status, text, error), request_id)
        return Answer(kind, text, request_id)

    def _remedy(self, status: int, text: str, error: ClientError) -> str:
        if status == 404:
            return (
                f"{self.name} does not know the application {self._application_id} ({text}). "
                "Check --application-id, --region and --endpoint-url."
            )
        return (
            f"{self.name} refused the request with {status} ({text}). Check the credentials, and "
            f"that they may use mobiletargeting:{error.operation_name} on this application."
        )


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    # Reading the port raises ValueError for one that cannot be.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{url} is no HTTP address")


def _without_user(text: str) -> str:
    """Leave user and password out of the addresses in a text."""
    return _USER_INFO.sub("//", text)


def _check_response(response_dict: dict[str, Any], **_: Any) -> None:
    """Find a broken response, which botocore would take for a whole one or choke on.

    Raises:
        ResponseParserError: The body of a success is cut short or not what the service sends.
    """
    body, status = response_dict["body"], response_dict["status_code"]
    if status < 300:
        expected = response_dict["headers"].get("content-length", str(len(body)))
        if expected != str(len(body)) or (body and not _is_object(body)):
            raise ResponseParserError(f"answered {status} with a broken body")
    elif not _is_object(body):
        # Proxies answer in any encoding and form, mostly HTML.
        text = " ".join(_TAG.sub(" ", body.decode(errors="replace")).split())[:200]
        response_dict["body"] = orjson.dumps({"Message": text}) if text else b""
        headers = response_dict["headers"]
        if text and status == 400 and "x-amzn-errortype" not in headers:
            # Something in between has answered, not the service: no item is to blame.
            headers["x-amzn-errortype"] = _NOT_THE_SERVICE


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        return False

"""The service's error answers, as exceptions that a handler raises.

Codes and statuses: REST API reference "Endpoint" and the botocore model (pinpoint, 2016-12-01).
The code travels in the `x-amzn-ErrorType` header; the body holds only a message and a request id.
"""


class ServiceError(Exception):
    """A request that is answered with an error status; subclasses give status and code."""

    status: int = 500
    """HTTP status."""
    code: str = "InternalServerErrorException"
    """Value of the `x-amzn-ErrorType` header, which SDKs turn into `Error.Code`; empty for none."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequestError(ServiceError):
    """The request breaks a rule; nothing of it was applied."""

    status = 400
    code = "BadRequestException"


class ForbiddenError(ServiceError):
    """The request is not signed by a known key."""

    status = 403
    code = "ForbiddenException"


class NotFoundError(ServiceError):
    """No such path, application, endpoint or user."""

    status = 404
    code = "NotFoundException"


class MethodNotAllowedError(ServiceError):
    """The path exists, but not with this method."""

    status = 405
    code = "MethodNotAllowedException"


class PayloadTooLargeError(ServiceError):
    """The request body is over the payload limit."""

    status = 413
    code = "PayloadTooLargeException"


class InjectedError(ServiceError):
    """A fault on purpose, of any error status; nothing was applied."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Refused on purpose with {status} (--fault or --quota)")
        self.status = status
        self.code = _CODES.get(status, "")


_CODES = {
    kind.status: kind.code
    for kind in (
        ServiceError,
        BadRequestError,
        ForbiddenError,
        NotFoundError,
        MethodNotAllowedError,
        PayloadTooLargeError,
    )
} | {
    409: "ConflictException",
    429: "TooManyRequestsException",
    503: "ServiceUnavailableException",
}
"""Other statuses come from something in between, which names no code."""

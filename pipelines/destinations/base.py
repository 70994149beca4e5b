"""What a destination is: something that takes batches of encoded endpoints and answers each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class AnswerKind(StrEnum):
    """What an answer means for the batch; each kind is handled in one way (see `sender`)."""

    ACCEPTED = "accepted"
    """Every item of the batch was taken."""
    REFUSED = "refused"
    """Something in the batch is not valid; nothing of it was taken."""
    TOO_LARGE = "too_large"
    """The batch as a whole is too large."""
    THROTTLED = "throttled"
    """Too many requests: the same batch may be sent later."""
    FAILED = "failed"
    """The service is in trouble or out of reach: the same batch may be sent again."""
    TERMINAL = "terminal"
    """No batch can be accepted before a person has changed something."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How the destination answered one request."""

    kind: AnswerKind
    """What it means."""
    message: str = ""
    """The service's own words, or what broke the connection."""
    request_id: str | None = None
    """The service's id of the request, if it gave one."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a destination accepts; earlier steps get these as parameters."""

    max_items: int
    """Items per batch."""
    max_payload_bytes: int
    """Bytes of a batch's items, separators included."""
    requests_per_second: float | None
    """The published quota, if there is one."""
    max_in_flight: int
    """Requests that may be under way at once."""


class Destination(Protocol):
    """A service that endpoints are delivered to."""

    @property
    def name(self) -> str:
        """Say what and where it is, without credentials."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it accepts."""
        ...

    def send(self, payload: bytes) -> Answer:
        """Send one batch, once; never raises for what a service or a network may do.

        Args:
            payload: Encoded items, comma-separated. Safe to call from several threads.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

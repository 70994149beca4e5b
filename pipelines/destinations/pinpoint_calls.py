"""Pinpoint's other calls: deletes, which go through the sender, and what is asked about a state.

A 404 may be about the endpoint or about the application. An endpoint of an application that is not
there was not deleted: so before the first 404 is believed, the application is asked for.
"""

import re
import threading
from typing import Any

import orjson

from pipelines.destinations.base import Answer, AnswerKind, Capabilities
from pipelines.destinations.pinpoint import ACCEPTED, Exchange, PinpointDestination
from pipelines.errors import (
    DestinationError,
    TerminalDestinationError,
    TransientDestinationError,
)
from schemas import limits
from schemas.batch import DEFAULT_IN_FLIGHT

OK = 200
BRIEF_CONNECT_S = 3.0
"""Seconds without a connection after which a question that needs no answer is left."""
BRIEF_ANSWER_S = 5.0
"""Seconds without an answer after which it is."""
WAS_GONE = "It was gone already."
_STEP = re.compile(r"(^|[/\\])\.{1,2}([/\\]|$)|^[/\\]*$")
"""A part of a path that leads to another one, or no part at all."""


class DeletingDestination:
    """The same application, as what takes deletes: an item is `{"Id": ...}`, each one a request."""

    def __init__(self, destination: PinpointDestination) -> None:
        """Use a destination's client; it is closed with this."""
        self._destination = destination
        self._application = _Application(destination)

    @property
    def name(self) -> str:
        """Say where it is; see `PinpointDestination.name`."""
        return self._destination.name

    @property
    def capabilities(self) -> Capabilities:
        """The service's quotas for deletes; without a rate where it is not AWS's own."""
        has_quota = self._destination.has_quota
        return Capabilities(
            max_items=1,
            max_payload_bytes=limits.PAYLOAD_BYTES.value,
            requests_per_second=limits.DELETE_RATE.value if has_quota else None,
            max_in_flight=limits.DELETES_IN_FLIGHT.value if has_quota else DEFAULT_IN_FLIGHT,
        )

    def send(self, payload: bytes) -> Answer:
        """Delete one endpoint; one that is gone already is what was asked for.

        See `base.Destination.send`.
        """
        item = orjson.loads(payload)
        if set(item) != {"Id"}:
            return Answer(AnswerKind.TERMINAL, _NOT_TO_DELETE)
        endpoint_id = str(item["Id"])
        if not is_addressable(endpoint_id):
            return Answer(AnswerKind.REFUSED, _NOT_ADDRESSABLE)
        done = self._destination.request("delete_endpoint", ACCEPTED, EndpointId=endpoint_id)
        if not self._application.lacks(done):
            return done.answer
        return Answer(AnswerKind.ACCEPTED, WAS_GONE, done.answer.request_id)

    def close(self) -> None:
        """Close the client's connections."""
        self._destination.close()


class EndpointReader:
    """Reads endpoints back, one a request. The caller keeps to `requests_per_second`."""

    def __init__(self, destination: PinpointDestination) -> None:
        """Use a destination's client."""
        self._destination = destination
        self._application = _Application(destination)

    @property
    def requests_per_second(self) -> float | None:
        """The service's quota for reads; None where it is not AWS's own."""
        return limits.READ_RATE.value if self._destination.has_quota else None

    def read(self, endpoint_id: str) -> dict[str, Any] | None:
        """Give an endpoint as the service has it (EndpointResponse); None if it has none.

        Not for Ids that are not `is_addressable`.

        Raises:
            TransientDestinationError: It does not answer, or asks to slow down.
            TerminalDestinationError: It does not let itself be asked.
        """
        if not is_addressable(endpoint_id):
            raise TerminalDestinationError(_NOT_ADDRESSABLE)
        done = self._destination.request("get_endpoint", OK, EndpointId=endpoint_id)
        if self._application.lacks(done):
            return None
        if done.answer.kind is AnswerKind.ACCEPTED:
            return dict(done.response["EndpointResponse"])
        raise _as_error(done.answer, self._destination.name)


def read_born(destination: PinpointDestination) -> str | None:
    """Give when the service made the application (GetApp); None if it does not say so in a moment.

    So one of the same name that was made anew is told from the one before.
    """
    born = _ask_application(destination).response.get("ApplicationResponse", {})
    return str(born["CreationDate"]) if born.get("CreationDate") else None


def is_addressable(endpoint_id: str) -> bool:
    """Say whether an endpoint can be named in the path of a request without doubt.

    What is on the way may shorten a path: to delete `..` would be to delete the application.

    >>> [is_addressable(name) for name in ("a/b", "..", "a/../b", ".", "", "a..b", ".a")]
    [True, False, False, False, False, True, True]
    """
    return not _STEP.search(endpoint_id)


_NOT_ADDRESSABLE = (
    "An Id that is a step in a path (such as ..) is not put into one: it could be taken for the "
    "application itself."
)
_NOT_TO_DELETE = "An item that was to be sent came to be deleted: a defect of endpoint-import."


class _Application:
    """What is known of whether the application is there."""

    def __init__(self, destination: PinpointDestination) -> None:
        self._destination = destination
        self._is_there = False
        self._lock = threading.Lock()

    def lacks(self, done: Exchange) -> bool:
        """Say whether it is there and has no such endpoint."""
        if done.answer.kind is AnswerKind.ACCEPTED:
            self._is_there = True
        if not done.is_not_found:
            return False
        with self._lock:
            if not self._is_there:
                # Who may not ask for it is believed: what is not there is refused as not found.
                self._is_there = not _ask_application(self._destination).is_not_found
            return self._is_there


def _ask_application(destination: PinpointDestination) -> Exchange:
    client = destination.connect(BRIEF_CONNECT_S, BRIEF_ANSWER_S)
    try:
        return destination.exchange(
            lambda: client.get_app(ApplicationId=destination.application_id), OK
        )
    finally:
        client.close()


def _as_error(answer: Answer, name: str) -> DestinationError:
    if answer.kind is AnswerKind.FAILED:
        told = f"{name} does not answer ({answer.message}). Check that it is running."
        return TransientDestinationError(told)
    if answer.kind is AnswerKind.THROTTLED:
        return TransientDestinationError(f"{name} asks to slow down ({answer.message}). Try later.")
    return TerminalDestinationError(answer.message)

"""Errors of a run, grouped by what the caller can do about them.

Faults of single rows never raise: they are issues (`schemas.issues`). Every message names what
happened, where, and the next action; none holds a credential.
"""

from typing import Any


class EndpointImportError(Exception):
    """Anything this project raises on purpose; `exit_code` is the command's exit status.

    Survives a pickle round trip with all attributes, as task runners ship exceptions between
    processes.
    """

    exit_code = 1

    def __init__(self, message: str, **details: Any) -> None:
        """Keep the message and the details (run_id, partition, ...) as attributes."""
        super().__init__(message)
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from message and details."""
        return _rebuild, (type(self), self.message, self.details)


def _rebuild(
    kind: type[EndpointImportError], message: str, details: dict[str, Any]
) -> EndpointImportError:
    return kind(message, **details)


class ConfigurationError(EndpointImportError):
    """Settings cannot work: fix them. Raised before any row is read."""

    exit_code = 2


class RunStateError(EndpointImportError):
    """The run directory does not allow this: choose another run id, or restore the inputs."""

    exit_code = 2


class StateError(EndpointImportError):
    """The sync state cannot be used: another run holds it, or its files are gone or damaged."""

    exit_code = 2


class SourceError(EndpointImportError):
    """A source cannot be read at all: fix the file. Names the file and, where known, the record."""

    exit_code = 3


class GuardError(EndpointImportError):
    """A threshold stopped the run before anything was sent."""

    exit_code = 4


class DestinationError(EndpointImportError):
    """The service stopped the run part-way; what was not tried is `unprocessed`."""

    exit_code = 5


class TransientDestinationError(DestinationError):
    """The service did not answer within the retry budget; trying again later may work."""


class TerminalDestinationError(DestinationError):
    """Trying again cannot work: credentials, permission or application are wrong."""


class StoppedError(EndpointImportError):
    """A signal or a cancellation ended the run in an orderly way; `resume` goes on with it."""

    exit_code = 5

    def __init__(
        self,
        message: str = "A signal stopped the run; what was in flight was finished.",
        **details: Any,
    ) -> None:
        """Say what happened."""
        super().__init__(message, **details)


class ClusterError(StoppedError):
    """The Dask cluster went away or gave a task up; `resume` goes on, also on threads."""

    def __init__(self, message: str, **details: Any) -> None:
        """Say what happened."""
        super().__init__(message, **details)


class StorageError(EndpointImportError):
    """The run directory cannot be written: make room, or choose another place."""

    exit_code = 5


class BooksError(EndpointImportError):
    """Outcomes do not add up to rows: a defect of this program, never of the input."""

    exit_code = 1

"""Standard input: read once, to its end, into a private copy that serves as often as needed."""

import sys
from functools import cache
from typing import BinaryIO

from pipelines.errors import SourceError
from pipelines.sources.streams import PrivateCopy, open_stream


@cache
def take_standard_input() -> PrivateCopy:
    """Give what came by standard input; the first call waits for its end.

    Raises:
        SourceError: It is a terminal, closed, or cannot be read.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise SourceError(
            "Nothing comes by standard input (-). Pipe an export into the command, or name a file."
        )

    def explain(error: Exception, position: int) -> SourceError:
        return SourceError(f"Cannot read standard input behind byte {position:,}: {error}.")

    return PrivateCopy(open_stream(_Borrowed(sys.stdin.buffer), explain), "Standard input")


class _Borrowed:
    """A file that stays open: whatever is opened next would become standard input otherwise."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read

    def close(self) -> None:
        pass


def is_taken(sha256: str | None) -> bool:
    """Say whether this process has read standard input, and it was this."""
    return take_standard_input.cache_info().currsize > 0 and take_standard_input().sha256 == sha256

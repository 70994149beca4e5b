"""The stop request: a file in the run directory that asks all workers of a run to come to an end.

A signal reaches one process. The one that goes through the phases writes the file; processes on
other machines look for it about once a second while they send. They look at the run's lock too:
when its owner has died, or another process has taken the run over, they come to an end as well.
"""

import time
from dataclasses import dataclass, field

from pipelines.storage.atomic import write_text
from pipelines.storage.file_lock import Owner
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.run_lock import read_owner

LOOK_EVERY_S = 1.0
"""Between two looks, in seconds: a request to the storage each."""


def request_stop(run: RunDirectory) -> None:
    """Ask all workers of a run to come to an end.

    Raises:
        StorageError: The run directory cannot be written.
    """
    write_text("Workers of this run come to an end.\n", run.stop_request)


def is_stop_requested(run: RunDirectory) -> bool:
    """Say whether the workers of a run are to come to an end."""
    return run.stop_request.is_file()


@dataclass
class StopWatch:
    """Looks for the request while a worker sends, but not at every question."""

    run: RunDirectory
    """The run."""
    owner: Owner | None
    """Who has to hold its lock."""
    _next_look_s: float = field(default=0.0, init=False)
    _is_seen: bool = field(default=False, init=False)

    def is_requested(self) -> bool:
        """Say whether the run is to come to an end, as of the last look. May be asked often."""
        now_s = time.monotonic()
        if not self._is_seen and now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_EVERY_S
            self._is_seen = is_stop_requested(self.run) or read_owner(self.run) != self.owner
        return self._is_seen

"""Concurrency: as many requests under way at once as are worth it.

Threads that send hide the time that answers take. Where there is hardly any, as to a server on the
same machine, more of them only get into each other's way (Python runs one at a time): four then
take half as long again as one. So one thread begins, another joins while requests take longer
than all threads together need to make one each and one more, and one rests when they take no longer
than that: then they wait for each other.
"""

import threading

LOOK_S = 0.01
"""Seconds between two looks at how many threads are worth it."""
SPARE = 0.5
"""Share of a request's work that it takes longer than the work of all threads, at the least."""


class Concurrency:
    """Says how many threads are to send. Thread-safe; one for all that is sent in a run."""

    def __init__(self, most: int) -> None:
        """Begin with one.

        Args:
            most: Threads that there may be.
        """
        self.threads = 1
        """How many are worth it now."""
        self._most = most
        self._lock = threading.Lock()
        self._forget()

    def note(self, took_s: float, worked_s: float) -> None:
        """Learn of a request.

        Args:
            took_s: Seconds until its answer was there.
            worked_s: Processor seconds of its thread in that time.
        """
        with self._lock:
            self._took_s += took_s
            self._worked_s += worked_s

    def look(self) -> None:
        """Decide whether a thread is to join or to rest, by the requests since the last look."""
        with self._lock:
            # No answer at all in that time: all that there is to do is wait.
            is_idle = self._took_s > (self.threads + 1) * self._worked_s or not self._took_s
            is_crowded = self._took_s < (self.threads + SPARE) * self._worked_s
            if is_idle and self.threads < self._most:
                self.threads += 1
            elif is_crowded and self.threads > 1:
                self.threads -= 1
            self._forget()

    def _forget(self) -> None:
        self._took_s = self._worked_s = 0.0

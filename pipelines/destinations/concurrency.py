"""Concurrency: as many requests under way at once as are worth it.

Threads that send hide the time that answers take. Where there is hardly any, as to a server on the
same machine, more of them only get into each other's way (Python runs one at a time): four then
take half as long again as one. So one thread begins, and another joins as long as requests
take longer than all threads together need to make one each.
"""

import threading

LOOK_S = 0.01
"""Seconds between two looks at whether another thread is worth it."""


class Concurrency:
    """Says how many threads are to send. Thread-safe; one for all that is sent in a run."""

    def __init__(self, most: int) -> None:
        """Begin with one.

        Args:
            most: Threads that there may be.
        """
        self.threads = 1
        """How many are worth it now; never fewer than before."""
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
        """Decide whether another thread is to join, by the requests since the last look."""
        with self._lock:
            # No answer at all in that time: all that there is to do is wait.
            is_idle = self._took_s > (self.threads + 1) * self._worked_s or not self._took_s
            if is_idle and self.threads < self._most:
                self.threads += 1
            self._forget()

    def _forget(self) -> None:
        self._took_s = self._worked_s = 0.0

"""Tells rows that the service refuses from a service that refuses everything.

A wrong application or a region without the service answers 400 to every batch. Taken for faults
of the rows, a million of them would be sent one by one and all be called rejected. So refusals
that follow each other without an acceptance are withheld, and after some of them the service is
asked again for a row that it has taken already: an upsert can be repeated.
"""

import threading
from collections.abc import Callable

from pipelines.destinations.naming import strip_particulars

PATIENCE = 20
"""Rows refused one after the other, by one message, before the service is asked. Fewer would cost
files with many bad rows requests; more would cost a run that cannot work some hundred."""


class RefusalWatch:
    """The refusals since the last acceptance, over all sending threads."""

    def __init__(self) -> None:
        """Start without any."""
        self._lock = threading.Lock()
        self._withheld: list[Callable[[], None]] = []
        self._wording: str | None = None
        self._patience = PATIENCE
        self._is_asking = False
        self._has_given_up = False
        self.taken: bytes | None = None
        """An item that the service has taken; None while it has taken nothing."""

    def note_accepted(self, item: bytes) -> None:
        """The service took a request that began with this item: the refusals are the rows'."""
        self.taken = item
        if self._withheld or self._is_asking:
            self.release()

    def note_refused(self, message: str, settle: Callable[[], None]) -> bool:
        """Withhold a refused row's outcome; say whether it is time to ask the service.

        Args:
            message: The service's words; another message is another reason, and so the row's.
            settle: Writes the outcome down once it is certain.
        """
        wording = strip_particulars(message, ())
        if wording != self._wording:
            self.release()
        with self._lock:
            self._wording = wording
            if self._has_given_up:
                return False
            self._withheld.append(settle)
            if self._is_asking or len(self._withheld) < self._patience:
                return False
            self._is_asking = True
            return True

    def note_taken_again(self) -> None:
        """The service, when asked, took a row: be twice as patient from now on."""
        self._patience *= 2
        self.release()

    def release(self) -> None:
        """Write down what was withheld."""
        with self._lock:
            settled, self._withheld, self._is_asking = self._withheld, [], False
            for settle in settled:
                settle()

    def give_up(self) -> bool:
        """Forget what was withheld, unless a row was accepted in the meantime; say whether."""
        with self._lock:
            if not self._is_asking:
                return False
            self._withheld = []
            self._has_given_up = True
            return True

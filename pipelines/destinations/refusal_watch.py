"""Tells rows that the service refuses from a service that refuses everything.

A wrong application or a region without the service answers 400 to every batch. Taken for faults
of the rows, a million of them would be sent one by one and all be called rejected. So refusals
that follow each other without an acceptance are withheld, and after some of them the service is
asked again for a row that it has taken already: an upsert can be repeated.

A shipment's end does not wait for that: what it still withholds then is too little to doubt.
"""

import threading
from collections.abc import Callable

PATIENCE = 20
"""Rows refused one after the other before the service is asked. Fewer would cost files with many
bad rows requests; more would cost a run that cannot work some hundred."""
MOST_PATIENCE = 160
"""It doubles each time the rows were to blame, up to this: what is withheld is not on disk yet."""


class RefusalWatch:
    """The refusals since the last acceptance, over all sending threads and shipments."""

    def __init__(self) -> None:
        """Start without any."""
        self._lock = threading.Lock()
        self._withheld: list[tuple[object, Callable[[], None]]] = []
        self._in_a_row = 0
        self._patience = PATIENCE
        self._is_asking = False
        self.question = threading.Lock()
        """Held while the service is asked: until then nobody knows what the refusals mean."""
        self.taken: bytes | None = None
        """An item that the service has taken; None while it has taken nothing."""

    def note_accepted(self, item: bytes) -> None:
        """The service took a request that began with this item: the refusals are the rows'."""
        self.taken = item
        if self._in_a_row:
            with self._lock:
                self._write(lambda _: True)
                self._in_a_row = 0
                self._is_asking = False

    def note_refused(self, shipment: object, settle: Callable[[], None]) -> bool:
        """Withhold a refused row's outcome; say whether it is time to ask the service.

        Args:
            shipment: What the row belongs to.
            settle: Writes the outcome down once it is certain.
        """
        with self._lock:
            self._withheld.append((shipment, settle))
            self._in_a_row += 1
            if self._is_asking or self._in_a_row < self._patience:
                return False
            self._is_asking = True
            return True

    def note_taken_again(self) -> None:
        """The service, when asked, took a row: be more patient from now on."""
        with self._lock:
            self._patience = min(self._patience * 2, MOST_PATIENCE)
            self._write(lambda _: True)
            self._in_a_row = 0
            self._is_asking = False

    def is_answered(self) -> bool:
        """Say whether a row was accepted while the service was asked."""
        with self._lock:
            return not self._is_asking

    def release(self, shipment: object) -> None:
        """Write down what is withheld of a shipment that is at its end."""
        with self._lock:
            self._write(lambda of: of is shipment)

    def forget(self, shipment: object) -> None:
        """Leave what is withheld of a shipment without an outcome, as the run has stopped."""
        with self._lock:
            self._withheld = [entry for entry in self._withheld if entry[0] is not shipment]

    def _write(self, is_due: Callable[[object], bool]) -> None:
        withheld, self._withheld = self._withheld, []
        for number, (shipment, settle) in enumerate(withheld):
            if not is_due(shipment):
                self._withheld.append((shipment, settle))
                continue
            try:
                settle()
            except BaseException:
                self._withheld += withheld[number + 1 :]
                raise

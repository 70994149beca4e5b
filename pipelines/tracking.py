"""Tracking: how far a whole run is, in percent, from the progress of its phases."""

WORDS = {
    "stage": "Reading",
    "prepare": "Validating",
    "resolve": "Comparing rows",
    "compare": "Comparing with the last import",
    "deliver": "Sending",
    "retire": "Retiring",
}
"""What people are told of a phase."""
SENDING = {"stage": 10, "prepare": 20, "resolve": 25, "compare": 30, "deliver": 90, "retire": 95}
"""Where a phase ends, in percent of a run that sends: that takes longest wherever the service has
a quota."""
CHECKING = {"stage": 30, "prepare": 70, "resolve": 80, "compare": 90}
"""The same of a run that does not send. What comes after these phases is for all runs, those too
that stopped before."""
DONE = 100.0


class Tracker:
    """Listens to the progress of one run."""

    def __init__(self, *, sends: bool) -> None:
        """Begin at nothing.

        Args:
            sends: Whether the run is to send.
        """
        self._ends = SENDING if sends else CHECKING
        self._phase = "stage"
        self._from = self._to = 0.0
        self._rows = 0
        self._total: int | None = None

    def begin(self, phase: str, total_rows: int | None) -> None:
        """See `progress.ProgressListener`."""
        if phase not in self._ends:
            return
        self._from, self._to = self._to, float(self._ends[phase])
        self._phase, self._rows, self._total = phase, 0, total_rows

    def advance(self, phase: str, rows: int) -> None:
        """See `progress.ProgressListener`."""
        if phase == self._phase:
            self._rows += rows

    def skip(self, phase: str, rows: int) -> None:
        """See `progress.ProgressListener`."""
        self.advance(phase, rows)

    @property
    def percent(self) -> float:
        """How far the run is; never less than before."""
        share = min(self._rows / self._total, 1.0) if self._total else 0.0
        return round(self._from + (self._to - self._from) * share, 1)

    @property
    def words(self) -> str:
        """What it is at."""
        done = f"{self._rows:,}"
        if self._total is not None:
            done = f"{done} of {self._total:,}"
        return f"{WORDS[self._phase]}: {done} rows" if self._rows else WORDS[self._phase]

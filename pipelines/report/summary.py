"""The summary: the books of a run, flat, with names that are part of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from pipelines.errors import BooksError
from schemas.outcomes import Outcome
from schemas.sync import SyncMode

NOTHING_SENT = "Nothing was sent."
"""What the message of a breach that stops a run says, or that of all of them."""


class Breach(BaseModel):
    """A threshold that a run exceeded."""

    model_config = ConfigDict(extra="forbid")

    threshold: str
    """Name of the setting, such as max_invalid."""
    source: str | None
    """The SOURCE that it is about; None if about all of them."""
    is_stop: bool
    """Whether it stops the run before anything is sent; else it warns."""
    message: str
    """The figure, the limit, and what to do, in sentences."""


class Summary(BaseModel):
    """summary.json."""

    model_config = ConfigDict(extra="forbid")

    run_id: str
    status: str
    application_id: str | None
    destination: str | None
    rows: int
    accepted: int
    unchanged: int
    invalid: int
    duplicate: int
    held: int
    rejected: int
    unprocessed: int
    balanced: bool
    requests: int
    retries: int
    throttled: int
    splits: int
    bytes_sent: int
    seconds: float
    rows_per_second: float
    issues_by_code: dict[str, int]
    started_at: datetime
    finished_at: datetime
    records: int
    """Records of the sources, malformed ones included."""
    left_out: int
    """Records that the mapping leaves out (`where`): no rows of the run."""
    endpoints: int
    """Endpoints that the rows gave; a row that gave none counts as one."""
    endpoints_by_outcome: dict[str, int]
    """The same as the rows by outcome, unless a mapping makes several endpoints of a row."""
    sync_mode: str = SyncMode.UPSERT.value
    """Which rows were to be sent (`schemas.sync`)."""
    opt_ins: int = 0
    """Endpoints, of those to be sent, whose OptOut ALL is taken back: by a mapped column of
    consent, or because --allow-opt-in was given."""
    to_retire: int = 0
    """Endpoints that are gone from the source and were to be retired; none of the rows."""
    retired: int = 0
    """Those of them that the service has retired."""
    refused_removals: int = 0
    """Those of them that it refused to retire."""
    breaches: list[Breach] = []
    """Thresholds that were exceeded, those that stop first."""
    corrects: str | None = None
    """The run whose errors.csv was fed back in; of several the one of most rows, and
    corrections.json has them all."""
    to_correct: int = 0
    """Rows that run left to be corrected; those fed back, if it is not there any more."""
    corrected: int = 0
    """Those of them that were fed back and are right now."""
    not_fed_back: int = 0
    """Those of them that did not come back."""
    in_part: int = 0
    """Rows of which an endpoint was imported, or could be, and another was not. They have the
    outcome of the one that was not."""

    def by_outcome(self) -> dict[Outcome, int]:
        """Give the rows by outcome."""
        return {outcome: int(getattr(self, outcome.value)) for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What became of the records of a run."""

    records: int
    """All that were read."""
    left_out: int
    """Those that the mapping leaves out."""
    rows: Mapping[Outcome, int]
    """The others, by outcome."""
    endpoints: Mapping[Outcome, int]
    """Endpoints that the rows gave, by outcome; a row that gave none counts as one."""
    in_part: int = 0
    """Rows of which an endpoint was imported, or could be, and another was not."""

    @property
    def are_balanced(self) -> bool:
        """Whether every record is left out or a row, and every row has exactly one outcome."""
        rows = sum(self.rows.values())
        return self.records == self.left_out + rows and rows <= sum(self.endpoints.values())


def require_balance(summary: Summary) -> None:
    """Fail loudly when the books do not balance.

    Raises:
        BooksError: Outcomes do not add up to rows.
    """
    if not summary.balanced:
        counts = ", ".join(f"{name.value} {n}" for name, n in summary.by_outcome().items())
        raise BooksError(
            f"Run {summary.run_id}: {summary.records} records, {summary.left_out} left out, "
            f"but outcomes are {counts}. "
            "This is a defect of endpoint-import; please report it with the run's manifest.json."
        )

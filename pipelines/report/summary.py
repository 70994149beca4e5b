"""The summary: the books of a run, flat, with names that are part of the contract."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from pipelines.errors import BooksError
from schemas.outcomes import Outcome


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

    def by_outcome(self) -> dict[Outcome, int]:
        """Give the rows by outcome."""
        return {outcome: int(getattr(self, outcome.value)) for outcome in Outcome}


def balance(rows: int, counts: Mapping[Outcome, int]) -> bool:
    """Say whether every row has exactly one outcome."""
    return rows == sum(counts.values())


def require_balance(summary: Summary) -> None:
    """Fail loudly when the books do not balance.

    Raises:
        BooksError: Outcomes do not add up to rows.
    """
    if not summary.balanced:
        counts = ", ".join(f"{name.value} {n}" for name, n in summary.by_outcome().items())
        raise BooksError(
            f"Run {summary.run_id}: {summary.rows} rows, but outcomes are {counts}. "
            "This is a defect of endpoint-import; please report it with the run's manifest.json."
        )

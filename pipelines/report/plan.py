"""The plan: what an import of checked rows would take."""

from dataclasses import dataclass

import polars as pl

from pipelines.settings import ImportSettings
from pipelines.storage.run_dir import RunDirectory
from schemas import limits
from schemas.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Requests and time of an import."""

    rows: int
    """Rows that would be sent."""
    requests: int
    """Requests that they need; a request holds rows of one partition."""
    requests_per_second: float | None
    """Pace, or None where nothing limits it."""

    @property
    def minutes(self) -> float | None:
        """Minutes at that pace, or None where nothing limits it."""
        if self.requests_per_second is None:
            return None
        return self.requests / self.requests_per_second / 60

    @property
    def text(self) -> str:
        """The plan in a sentence."""
        would = f"`run` would send {self.rows:,} endpoints in {self.requests:,} requests"
        if self.minutes is None:
            return f"{would}, as fast as the service answers."
        return f"{would}: {self.minutes:,.1f} minutes at {self.requests_per_second:g} requests/s."


def make_plan(run: RunDirectory, settings: ImportSettings) -> ImportPlan:
    """Plan the import of a checked run's valid rows."""
    rows = requests = 0
    for path in sorted((run.path / "outcomes").glob("part-*.parquet")):
        outcomes = pl.read_parquet(path, columns=["outcome"])["outcome"]
        sendable = int((outcomes == Outcome.UNPROCESSED.value).sum())
        rows += sendable
        requests += -(-sendable // limits.BATCH_ITEMS.value)
    is_elsewhere = settings.local or settings.endpoint_url is not None
    quota = None if is_elsewhere else float(limits.BATCH_RATE.value)
    return ImportPlan(rows, requests, settings.rate or quota)

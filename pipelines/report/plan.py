"""The plan: what an import of checked rows would take."""

from dataclasses import dataclass

import polars as pl

from pipelines.settings import ImportSettings
from pipelines.storage.run_dir import RunDirectory
from schemas import limits
from schemas.hosts import is_aws
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

    def as_json(self) -> dict[str, float | int | None]:
        """Give what `plan --json` adds to the summary."""
        return {
            "planned_rows": self.rows,
            "planned_requests": self.requests,
            "planned_requests_per_second": self.requests_per_second,
            "planned_minutes": self.minutes,
        }

    @property
    def text(self) -> str:
        """The plan in a sentence."""
        would = f"`run` would send {self.rows:,} endpoints in {self.requests:,} requests"
        if self.minutes is None:
            return f"{would}, as fast as the service answers."
        time = (
            f"{self.minutes:,.1f} minutes" if self.minutes >= 1 else f"{self.minutes * 60:,.0f} s"
        )
        return f"{would}: {time} at {self.requests_per_second:g} requests/s."


def make_plan(run: RunDirectory, settings: ImportSettings) -> ImportPlan:
    """Plan the import of a checked run's valid rows."""
    rows = requests = 0
    for path in sorted((run.path / "outcomes").glob("part-*.parquet")):
        outcomes = pl.read_parquet(path, columns=["outcome"])["outcome"]
        sendable = int((outcomes == Outcome.UNPROCESSED.value).sum())
        rows += sendable
        requests += -(-sendable // limits.BATCH_ITEMS.value)
    # Without a URL it is AWS's own service, unless a configuration file of AWS says otherwise.
    on_aws = not settings.local and (settings.endpoint_url is None or is_aws(settings.endpoint_url))
    quota = float(limits.BATCH_RATE.value) if on_aws else None
    return ImportPlan(rows, requests, settings.rate or quota)

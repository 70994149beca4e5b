"""The overview of a state: how many endpoints it knows, and how they stand."""

from datetime import datetime

import polars as pl
from pydantic import BaseModel, ConfigDict

from pipelines import progress
from pipelines.state.base import CommitNote, StateReader

_LOOKED_AT = ("opt_out", "status", "content", "layout", "is_ours", "retired")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeedOverview(_Part):
    """A feed, as its last run that came to its end left it."""

    name: str
    rows: int | None
    """Endpoints that its source held; None if no run of it came to its end."""
    unidentified: int | None
    run_id: str | None
    at: datetime | None


class StateOverview(_Part):
    """A state."""

    application_id: str
    destination: str
    endpoints: int
    opted_out: int
    inactive: int
    retired: int
    due_again: int
    """Endpoints of which it is not known what the service has: the next run sends them."""
    from_export: int
    """Endpoints that only an export of the service told of."""
    size_bytes: int
    generation: int
    born: str | None
    """When the service made the application."""
    last_run_id: str | None
    last_at: datetime | None
    owner: str | None
    """Who holds the lock."""
    feeds: list[FeedOverview]
    commits: list[CommitNote]
    """The last ones, oldest first."""


def look_at(state: StateReader) -> StateOverview:
    """Count the records of a state, range by range."""
    counts = pl.Series("counts", [0] * 6, pl.Int64)
    for part in state.ranges():
        records = state.read(part, _LOOKED_AT)
        is_retired = pl.col("retired").is_not_null()
        # What an export told of has no content, but a layout: it is compared column by column.
        is_known = pl.col("content").is_not_null() | pl.col("layout").is_not_null()
        counts += (
            records.select(
                pl.len().alias("endpoints"),
                (pl.col("opt_out") == "ALL").sum().alias("opted_out"),
                (pl.col("status") == "INACTIVE").sum().alias("inactive"),
                is_retired.sum().alias("retired"),
                (~is_known & ~is_retired).sum().alias("due_again"),
                (~pl.col("is_ours")).sum().alias("from_export"),
            )
            .transpose()["column_0"]
            .cast(pl.Int64)
        )
        progress.advance("look", records.height)
    endpoints, opted_out, inactive, retired, due_again, from_export = counts
    by_runs = [note for note in state.notes if note.run_id is not None]
    owner = state.owner()
    return StateOverview(
        application_id=state.key.application_id,
        destination=state.key.destination,
        endpoints=endpoints,
        opted_out=opted_out,
        inactive=inactive,
        retired=retired,
        due_again=due_again,
        from_export=from_export,
        size_bytes=state.size_bytes(),
        generation=state.generation,
        born=state.born,
        last_run_id=by_runs[-1].run_id if by_runs else None,
        last_at=by_runs[-1].at if by_runs else None,
        owner=str(owner) if owner is not None else None,
        feeds=[_look_at_feed(name, state) for name in state.feeds],
        commits=list(state.notes),
    )


def _look_at_feed(name: str, state: StateReader) -> FeedOverview:
    final = [note for note in state.notes if note.feed == name and note.is_final]
    last = final[-1] if final else None
    return FeedOverview(
        name=name,
        rows=last.rows if last else None,
        unidentified=last.unidentified if last else None,
        run_id=last.run_id if last else None,
        at=last.at if last else None,
    )

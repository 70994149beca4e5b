"""Verifying: whether the service still has what it accepted, read back for a sample of records."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from pipelines import progress
from pipelines.destinations.pinpoint_calls import EndpointReader, is_addressable
from pipelines.destinations.retry import Clock, SystemClock
from pipelines.destinations.throttle import Pace, lower_rate
from pipelines.errors import TransientDestinationError
from pipelines.report.verification import ColumnDrift, Verification
from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.state.base import CommitKind, CommitNote, StateReader, StateWriter
from pipelines.steps.endpoint_columns import list_columns
from pipelines.steps.find_drift import REMEMBERED, find_drift
from pipelines.steps.fingerprint import hash_ids
from schemas.masking import mask
from schemas.sync import RetirePolicy
from schemas.sync_records import RECORD_SCHEMA, SERVICE

MOST_RANGES = 16
"""Ranges that a sample is drawn from: hashes are as good as drawn by lot already, and a range of a
large state takes a moment to read."""
EXAMPLES = 5
"""Endpoints that are shown of each kind."""
ATTEMPTS = 5
"""Requests for one endpoint, before a service that does not answer is given up."""
_SAME = ["key_hash", "endpoint_id", "content", "run_id", "accepted_at"]
"""By what a record is known to be the one that was read."""
WAIT_S = 1.0
"""Seconds before the second of them; twice as long before each one after."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found, and the records that it is about."""

    result: Verification
    suspects: pl.DataFrame
    """Records of drifted and missing endpoints, with `is_missing`, and with `said_opt_out` and
    `said_status` where the service says ALL or INACTIVE."""


def verify(
    settings: ImportSettings, state: StateReader, sample: int, seed: int | None = None
) -> Verified:
    """Read a sample of endpoints back and compare them.

    Args:
        settings: Where the service is; `rate` lowers the pace, and does not raise it above the
            quota of reads.
        state: What it accepted.
        sample: How many endpoints; all of them if they are fewer.
        seed: For the same sample each time.

    Raises:
        DestinationError: The service does not let itself be asked.
        StateError: The state cannot be read.
    """
    drawn = draw_sample(state, sample, random.Random(seed))  # noqa: S311 (no secret)
    is_known = pl.col("marks").is_not_null() & (
        pl.col("content").is_not_null() | ~pl.col("is_ours")
    )
    is_retired = pl.col("retired").is_not_null()
    known = drawn.filter(is_known | is_retired)
    known = known.filter([is_addressable(name) for name in known["endpoint_id"]])
    progress.begin("verify", known.height)
    destination = connect(settings)
    try:
        reader = EndpointReader(destination)
        rate = lower_rate(settings.rate, reader.requests_per_second)
        pace = Pace(rate, clock := SystemClock())
        found = [_read(reader, name, pace, clock) for name in known["endpoint_id"]]
    finally:
        destination.close()
    endpoints = list_columns([endpoint for endpoint in found if endpoint is not None])
    drift = find_drift(known, endpoints)
    is_gone = pl.Series([endpoint is None for endpoint in found], dtype=pl.Boolean)
    deleted = RetirePolicy.DELETE.value
    missing = known.filter(is_gone & known["retired"].ne_missing(pl.lit(deleted)))
    drifted = known.join(drift, on="key_hash", how="semi", maintain_order="left")
    result = Verification(
        destination=state.key.destination,
        application_id=state.key.application_id,
        records=state.count(),
        sampled=drawn.height,
        same=known.height - drifted.height - missing.height,
        drifted=drifted.height,
        missing=missing.height,
        not_comparable=drawn.height - known.height,
        columns=_count_columns(drift),
        missing_examples=[mask(name) for name in missing["endpoint_id"].head(EXAMPLES)],
    )
    return Verified(result, _tell_suspects(missing, drifted, endpoints))


def draw_sample(state: StateReader, size: int, lot: random.Random) -> pl.DataFrame:
    """Draw records, spread over ranges of the state; in the shape of `RECORD_SCHEMA`."""
    parts = state.ranges()
    parts = lot.sample(parts, min(len(parts), MOST_RANGES))
    drawn = [RECORD_SCHEMA.to_frame()]
    for number, part in enumerate(parts):
        left = size - sum(frame.height for frame in drawn)
        records = state.read(part)
        wanted = min(records.height, -(-left // (len(parts) - number)))
        drawn.append(records.sample(wanted, seed=lot.getrandbits(32)))
    return pl.concat(drawn).sort("key_hash")


def make_due(state: StateWriter, suspects: pl.DataFrame, at: datetime) -> int:
    """Let records count as not known any more, so that the next run sends their endpoints.

    Those that another run has written since they were read are left as they are. What the service
    said of consent is remembered: who opted out there is not to be opted in by this.

    Args:
        state: The state, held for writing.
        suspects: What `verify` gave.
        at: The time now.

    Returns:
        How many they are.
    """
    due: list[pl.DataFrame] = []
    for part in state.ranges():
        meant = suspects.filter(pl.col("key_hash").is_between(part.first, part.last))
        if meant.is_empty():
            continue
        now = state.read(part, _SAME)
        meant = meant.join(now, on=_SAME, how="semi", nulls_equal=True, maintain_order="left")
        due.append(meant.with_columns(_forget_content()).select(RECORD_SCHEMA.names()))
    count = sum(frame.height for frame in due)
    if count:
        state.commit(due, CommitNote(kind=CommitKind.FORGOTTEN, run_id=None, at=at))
    return count


def _forget_content() -> Iterator[pl.Expr]:
    for name in ("content", "layout", "marks"):
        yield pl.lit(None, RECORD_SCHEMA[name]).alias(name)
    yield pl.coalesce("said_opt_out", "opt_out").alias("opt_out")
    is_news = pl.col("said_opt_out").eq_missing("ALL") & pl.col("opt_out").ne_missing("ALL")
    yield pl.when(is_news).then(pl.lit(SERVICE)).otherwise("opt_out_by").alias("opt_out_by")
    # Who is INACTIVE only for being gone is to be active again when back.
    is_gone = pl.col("retired").eq_missing(RetirePolicy.INACTIVE.value)
    yield (
        pl.when(is_gone)
        .then("status")
        .otherwise(pl.coalesce("said_status", "status"))
        .alias("status")
    )
    # What is missing was never confirmed: to send it is to create it, which would opt it in.
    is_missing = pl.col("is_missing")
    for name in ("accepted_at", "run_id"):
        yield pl.when(~is_missing).then(pl.col(name)).alias(name)
    yield (pl.col("is_ours") | is_missing).alias("is_ours")


def _read(
    reader: EndpointReader, endpoint_id: str, pace: Pace, clock: Clock
) -> dict[str, Any] | None:
    for attempt in range(1, ATTEMPTS + 1):
        ticket = pace.acquire(lambda: False)
        try:
            found = reader.read(endpoint_id)
        except TransientDestinationError:
            if attempt == ATTEMPTS:
                raise
            pace.note_throttled(ticket)
            clock.sleep(WAIT_S * 2 ** (attempt - 1))
        else:
            pace.note_accepted()
            progress.advance("verify", 1)
            return found
    raise AssertionError("unreachable")


def _tell_suspects(
    missing: pl.DataFrame, drifted: pl.DataFrame, endpoints: pl.DataFrame
) -> pl.DataFrame:
    said = [
        pl.when(pl.col(name) == word).then(pl.col(name)).alias(f"said_{REMEMBERED[name]}")
        if name in endpoints.columns
        else pl.lit(None, pl.String).alias(f"said_{REMEMBERED[name]}")
        for name, word in (("OptOut", "ALL"), ("EndpointStatus", "INACTIVE"))
    ]
    there = endpoints.select(hash_ids(endpoints["Id"]).alias("key_hash"), *said)
    suspects = pl.concat(
        [
            missing.with_columns(is_missing=pl.lit(value=True)),
            drifted.with_columns(is_missing=pl.lit(value=False)),
        ]
    )
    return suspects.join(there, on="key_hash", how="left").sort("key_hash")


def _count_columns(drift: pl.DataFrame) -> list[ColumnDrift]:
    counted = drift.group_by("column").agg(
        pl.len().alias("n"), pl.col("endpoint_id").head(EXAMPLES)
    )
    return [
        ColumnDrift(name=name, endpoints=count, examples=[mask(text) for text in examples])
        for name, count, examples in counted.sort(["n", "column"], descending=[True, False]).rows()
    ]

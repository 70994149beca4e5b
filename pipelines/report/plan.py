"""The plan: what an import of checked rows would take, and what would make it shorter."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from pipelines.report.cost import REQUEST_S, Bound, find_pace
from pipelines.report.retirement import count_requests
from pipelines.settings import ImportSettings
from pipelines.staging import PARTITION_BYTES
from pipelines.steps.shipments import PartitionCount, plan_shipments
from pipelines.storage.manifest import Manifest, load_manifest
from pipelines.storage.run_dir import RunDirectory
from schemas import limits
from schemas.batch import DEFAULT_IN_FLIGHT
from schemas.hosts import is_aws
from schemas.outcomes import Outcome
from schemas.sync import RetirePolicy, SyncMode

ANSWERS_S = (0.005, 0.05, 0.2)
"""Answer times that a plan without a quota is made for, in seconds: same site, same continent,
another one or a busy service."""
USUAL_ANSWER_S = ANSWERS_S[1]
"""The one that a figure is given for where there is room for one."""
CHANGED_SHARE = 0.01
"""Share of the rows that a nightly export is said to change: an example, not a measurement."""
RAISED_FACTOR = 5
"""How much a raised quota is said to be: an example."""
MOST_IN_FLIGHT = 64
"""What --max-in-flight takes at most."""
_BEFORE_SENDING = ("stage", "prepare", "resolve", "compare")


@dataclass(frozen=True, slots=True)
class Knob:
    """Something that would make the import shorter."""

    name: str
    """Stable name: `changed_rows`, `quota`, `in_flight` or `import_job`."""
    value: float
    """What it would be set to: a share, requests per second, in flight or bytes."""
    minutes: float | None
    """Minutes of sending then; None where that is the service's affair."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Requests and time of an import."""

    rows: int
    """Endpoints that would be sent: one a row, unless a mapping makes several of it."""
    requests: int
    """Requests that they need; a request holds rows of one shipment."""
    requests_per_second: float | None
    """Pace, or None where nothing limits it."""
    in_flight: int = DEFAULT_IN_FLIGHT
    """Requests under way at once."""
    is_published: bool = False
    """Whether the pace is AWS's published quota, and not one that was asked for."""
    check_s: float = 0.0
    """What reading and checking took, in seconds: `run` does that first."""
    source_bytes: int = 0
    """Size of the input."""
    limit: int | None = None
    """Records after which reading stopped, if it did; the input may have more."""

    to_retire: int = 0
    """Endpoints that mirror would retire."""
    policy: RetirePolicy = RetirePolicy.OPTOUT
    """How."""
    retire_rate: float | None = None
    """Requests per second for that; None where nothing limits it."""
    is_upsert: bool = True
    """Whether everything would be sent."""
    every_s: float | None = None
    """Seconds between two runs, if that is told."""

    @property
    def seconds(self) -> float:
        """Seconds of checking, sending and retiring, at an answer time as it is usual."""
        sending = self.minutes if self.minutes is not None else self.minutes_at(USUAL_ANSWER_S)
        retiring = count_requests(self.to_retire, self.policy) / (self.retire_rate or math.inf)
        return self.check_s + 60 * sending + retiring

    @property
    def bound(self) -> Bound:
        """What would bound sending, at an answer time as it is usual."""
        return find_pace(self.requests_per_second, self.in_flight, USUAL_ANSWER_S).bound

    @property
    def minutes(self) -> float | None:
        """Minutes at that pace, or None where nothing limits it."""
        if self.requests_per_second is None:
            return None
        return self.requests / min(self.requests_per_second, 1 / REQUEST_S) / 60

    @property
    def fill(self) -> float:
        """Share of the places in the requests that are filled."""
        return self.rows / (self.requests * limits.BATCH_ITEMS.value) if self.requests else 1.0

    def minutes_at(self, answer_s: float) -> float:
        """Give the minutes of sending if requests are answered after so many seconds."""
        return self._minutes(self.requests, answer_s=answer_s)

    def knobs(self) -> list[Knob]:
        """Give what would make it shorter, with what it would come to at a usual answer time."""
        knobs = []
        if self.is_upsert:
            changed = _fewest_requests(round(self.rows * CHANGED_SHARE))
            knobs.append(Knob("changed_rows", CHANGED_SHARE, self._minutes(changed)))
        if self.requests_per_second is not None and self.bound is Bound.QUOTA:
            raised = self.requests_per_second * RAISED_FACTOR
            knobs.append(Knob("quota", raised, self._minutes(self.requests, quota=raised)))
        if self.bound is Bound.ANSWERS and self.in_flight < MOST_IN_FLIGHT:
            more = min(4 * self.in_flight, MOST_IN_FLIGHT)
            knobs.append(Knob("in_flight", more, self._minutes(self.requests, in_flight=more)))
        # AWS's own went with the rest of Pinpoint on 2026-10-30.
        if self.bound is Bound.QUOTA and not self.is_published:
            knobs.append(Knob("import_job", self.source_bytes, None))
        return knobs

    def _minutes(
        self,
        requests: int,
        *,
        quota: float | None = None,
        in_flight: int | None = None,
        answer_s: float = USUAL_ANSWER_S,
    ) -> float:
        quota = quota or self.requests_per_second
        pace = find_pace(quota, in_flight or self.in_flight, answer_s)
        return requests / pace.requests_per_second / 60

    def as_json(self) -> dict[str, Any]:
        """Give what `plan --json` adds to the summary."""
        return {
            "planned_rows": self.rows,
            "planned_requests": self.requests,
            "planned_requests_per_second": self.requests_per_second,
            "planned_minutes": self.minutes,
            "planned_in_flight": self.in_flight,
            "planned_bound": self.bound.value,
            "planned_minutes_by_answer_ms": {
                f"{answer_s * 1000:g}": self.minutes_at(answer_s) for answer_s in ANSWERS_S
            },
            "planned_check_seconds": round(self.check_s, 3),
            "planned_request_fill": round(self.fill, 4),
            "planned_limit": self.limit,
            "planned_to_retire": self.to_retire,
            "planned_seconds": round(self.seconds, 1),
            "planned_every_seconds": self.every_s,
            "planned_knobs": [asdict(knob) for knob in self.knobs()],
        }


def _fewest_requests(rows: int) -> int:
    return -(-rows // limits.BATCH_ITEMS.value)


def _count_due(run: RunDirectory, manifest: Manifest, partition: int) -> int:
    path = run.part("endpoints" if manifest.endpoint_names else "outcomes", partition)
    outcomes = pl.read_parquet(path, columns=["outcome"])["outcome"]
    return int((outcomes == Outcome.UNPROCESSED.value).sum())


def make_plan(run: RunDirectory, settings: ImportSettings, to_retire: int = 0) -> ImportPlan:
    """Plan the import of a checked run's due rows, or of the endpoints that they gave.

    Args:
        run: The run.
        settings: Of the import.
        to_retire: Endpoints that mirror would retire.
    """
    manifest = load_manifest(run)
    counts = [
        PartitionCount(part.number, part.rows, _count_due(run, manifest, part.number))
        for part in manifest.partitions
    ]
    shipments = plan_shipments(counts, settings.partition_rows, PARTITION_BYTES)
    # Without a URL it is AWS's own service, unless a configuration file of AWS says otherwise.
    on_aws = not settings.local and (settings.endpoint_url is None or is_aws(settings.endpoint_url))
    quota = float(limits.BATCH_RATE.value) if on_aws else None
    is_cut = settings.limit is not None and manifest.rows >= settings.limit
    default_in_flight = limits.BATCHES_IN_FLIGHT.value if on_aws else DEFAULT_IN_FLIGHT
    delete_quota = float(limits.DELETE_RATE.value) if on_aws else math.inf
    is_delete = settings.retire is RetirePolicy.DELETE
    delete_rate = min(settings.rate or math.inf, delete_quota)
    return ImportPlan(
        sum(part.due for part in counts),
        sum(_fewest_requests(len(shipment)) for shipment in shipments),
        settings.rate or quota,
        in_flight=settings.max_in_flight or default_in_flight,
        is_published=on_aws and settings.rate is None,
        check_s=sum(manifest.phase_seconds.get(phase, 0.0) for phase in _BEFORE_SENDING),
        source_bytes=sum(source.size_bytes for source in manifest.inputs),
        limit=settings.limit if is_cut else None,
        to_retire=to_retire,
        policy=settings.retire,
        retire_rate=_finite(delete_rate) if is_delete else settings.rate or quota,
        is_upsert=settings.sync_mode is SyncMode.UPSERT,
        every_s=settings.every_s,
    )


def _finite(rate: float) -> float | None:
    return None if math.isinf(rate) else rate

"""What an import of any size takes, in closed form, from measured constants.

The phases of a run come one after the other, as `resolve` needs the keys of all rows before the
first is sent. So its time is

    start-up
    + rows * (stage + prepare + resolve + report) / cores that a run keeps busy
    + longest of (requests / quota, requests / pace of answers and own work, bytes / wire)

docs/scale.md uses it for 100 million and a billion endpoints; `benchmarks.queueing` checks it.
"""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.report.cost import find_pace
from schemas.limits import BATCH_ITEMS

CONSTANTS_FILE = Path(__file__).with_name("constants.json")
USABLE_MEMORY = 0.8
"""Share of a machine's memory that runs may take: the system and its file cache need the rest."""


@dataclass(frozen=True)
class Constants:
    """What `benchmarks.constants` measures; one run, the generated export of 24 columns."""

    startup_s: float
    stage_us: float
    """Processor time per row, in microseconds; so are the next three."""
    prepare_us: float
    resolve_us: float
    report_us: float
    request_ms: float
    """Processor time per request of 100 rows, in milliseconds."""
    busy_cores: float
    """Cores that a run keeps busy before it sends, with two of them."""
    request_bytes: float
    working_bytes: float
    """Disk per row while the run goes on: staged, prepared and all the rest."""
    kept_bytes: float
    """Disk per row afterwards: outcomes and results."""
    resolve_bytes: float
    """Memory per row that `resolve` takes."""
    partition_mb: float
    """Most memory of a run whose `resolve` takes less."""

    @property
    def before_sending_s(self) -> float:
        """Give the seconds per row of all phases but deliver."""
        worked_us = self.stage_us + self.prepare_us + self.resolve_us + self.report_us
        return worked_us / 1e6 / self.busy_cores


def load_constants() -> Constants:
    """Read what was measured last."""
    return Constants(**json.loads(CONSTANTS_FILE.read_text()))


@dataclass(frozen=True)
class Site:
    """Where imports run: the input is divided among runs side by side, each on two cores."""

    name: str
    runs: int
    memory_gb: float
    """Of each run."""
    wire_bytes_s: float
    """Bytes per second of all networks together."""


LAPTOP = Site("1 run on 2 cores", 1, 8, 125e6)
MACHINE = Site("8 runs on 16 cores", 8, 8, 1250e6)
CLUSTER = Site("16 runs on 8 workers of 4 cores", 16, 8, 8 * 125e6)
SITES = (LAPTOP, MACHINE, CLUSTER)


SMALLEST_SHARE = 2.0
"""Requests per second of a run below which a quota is not divided further: a service that counts by
the second has no reserve then to even out that runs send at the same moment."""


def at_quota(site: Site, quota: float | None) -> Site:
    """Give the site with no more runs side by side than the quota can be divided among."""
    most = site.runs if quota is None else int(quota / SMALLEST_SHARE)
    return replace(site, runs=max(1, min(site.runs, most)))


@dataclass(frozen=True)
class Service:
    """What rows are sent to."""

    quota: float | None
    """Requests per second for all runs together; None for no limit."""
    answer_s: float
    in_flight: int
    """Requests that each run has under way at once."""


@dataclass(frozen=True)
class Estimate:
    """What an import takes."""

    requests: int
    work_s: float
    """Everything before and after sending."""
    send_s: float
    bound: str
    """What most of the time is due to."""
    memory_gb: float
    """Of each run."""
    fits: bool
    """Whether that is within the site's memory."""

    @property
    def total_s(self) -> float:
        """Give the whole time."""
        return self.work_s + self.send_s


def run_memory_gb(constants: Constants, rows: float) -> float:
    """Give the memory of a run of so many rows: partitions in flight, or the keys of all rows."""
    resolving_gb = rows * constants.resolve_bytes / 1e9
    return max(constants.partition_mb / 1e3, resolving_gb)


def runs_needed(constants: Constants, rows: float, memory_gb: float) -> int:
    """Give the runs that rows have to be divided among, each with so much memory."""
    return math.ceil(rows * constants.resolve_bytes / 1e9 / (memory_gb * USABLE_MEMORY))


def estimate(constants: Constants, rows: int, site: Site, service: Service) -> Estimate:
    """Say what an import takes."""
    requests = math.ceil(rows / BATCH_ITEMS.value)
    wire_s = constants.request_bytes / site.wire_bytes_s
    pace = find_pace(
        service.quota,
        service.in_flight,
        service.answer_s + wire_s,
        request_s=constants.request_ms / 1e3,
        processes=site.runs,
    )
    paced_s = requests / pace.requests_per_second
    wired_s = requests * wire_s
    work_s = constants.startup_s + rows / site.runs * constants.before_sending_s
    send_s = max(paced_s, wired_s)
    bound = "wire" if wired_s > paced_s else pace.bound.value
    memory_gb = run_memory_gb(constants, rows / site.runs)
    return Estimate(
        requests=requests,
        work_s=work_s,
        send_s=send_s,
        bound="processor" if work_s > send_s else bound,
        memory_gb=memory_gb,
        fits=memory_gb <= site.memory_gb * USABLE_MEMORY,
    )

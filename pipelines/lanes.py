"""Lanes: the shares of a run's rate limit that the workers of a cluster send with.

Workers do not know of each other, so each could only keep to a limit of its own. A run is
therefore sent in lanes: a lane has a fixed share of the requests per second and of those in flight,
and sends one shipment at a time, whichever worker has it. So all lanes together keep to the limit
however shipments move between workers.
"""

from dataclasses import dataclass

from pipelines.storage.file_lock import Owner
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.run_lock import read_owner


@dataclass(frozen=True, slots=True)
class Lane:
    """One share of a run's limits."""

    run: RunDirectory
    """The run."""
    owner: Owner | None
    """Who works on it: what stops one attempt at a run does not stop the next."""
    number: int
    """Which of the lanes, from 0."""
    max_in_flight: int
    """Requests of this lane under way at once."""
    requests_per_second: float | None
    """Most requests per second of this lane; None where no quota is known."""


def cut_lanes(
    run: RunDirectory,
    shipments: int,
    threads: int,
    max_in_flight: int,
    requests_per_second: float | None,
) -> list[Lane]:
    """Share the limits of a run among as many lanes as can be of use.

    Args:
        run: The run.
        shipments: What there is to send: a lane without one would keep its share to itself.
        threads: Shipments that the workers can send at once.
        max_in_flight: Requests under way at once, of the whole run.
        requests_per_second: Most requests per second, of the whole run; None for no limit.

    Returns:
        At least one. Every lane has a request in flight and, where there is a limit, one a second:
        so that lanes whose requests coincide still are no more than a second's worth.
    """
    count = min(shipments, threads, max_in_flight)
    if requests_per_second is not None:
        count = min(count, int(requests_per_second))
    count = max(1, count)
    share, rest = divmod(max_in_flight, count)
    rate = None if requests_per_second is None else requests_per_second / count
    owner = read_owner(run)
    return [Lane(run, owner, n, share + (n < rest), rate) for n in range(count)]

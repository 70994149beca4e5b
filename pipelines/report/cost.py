"""What sending costs, in closed form: how fast requests can go, and what bounds them.

`plan` uses it, and `benchmarks.queueing` compares it with a simulation (docs/scale.md).
"""

from dataclasses import dataclass
from enum import StrEnum

REQUEST_S = 0.0007
"""What one process works on one full request, in seconds: build, sign, send, read the answer, note
it. Measured by `python -m benchmarks.constants`; a coarse figure is enough here."""


class Bound(StrEnum):
    """What keeps sending from being faster."""

    QUOTA = "quota"
    """The requests per second that the service allows, or that were asked for."""
    ANSWERS = "answers"
    """The time that the service takes to answer, with so many requests in flight."""
    PROCESSOR = "processor"
    """Our own work on each request."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast requests go, and why no faster."""

    requests_per_second: float
    bound: Bound


def unpaced(in_flight: int, answer_s: float, request_s: float = REQUEST_S) -> float:
    """Give the requests per second of one process that no quota holds back.

    Requests take turns at the processor and then wait for their answers: a closed network of one
    queue and one delay, solved by mean value analysis. Not simply the smaller of `1 / request_s`
    and `in_flight / answer_s`, which is up to a third too fast where the two are close.

    >>> round(unpaced(1, answer_s=0.098, request_s=0.002))
    10
    >>> round(unpaced(64, answer_s=0.001, request_s=0.002))
    500

    Args:
        in_flight: Requests under way at once, at least 1.
        answer_s: Mean time from a request to its answer, in seconds.
        request_s: Our own work on a request, in seconds.
    """
    pace = queued = 0.0
    for requests in range(1, in_flight + 1):
        at_work_s = request_s * (1 + queued)
        pace = requests / (at_work_s + answer_s)
        queued = pace * at_work_s
    return pace


def find_pace(
    quota: float | None,
    in_flight: int,
    answer_s: float,
    *,
    request_s: float = REQUEST_S,
    processes: int = 1,
) -> Pace:
    """Say how fast requests go.

    Args:
        quota: Requests per second for all processes together; None for no limit.
        in_flight: Requests under way at once, of each process.
        answer_s: Mean time from a request to its answer, in seconds.
        request_s: Our own work on a request, in seconds.
        processes: How many send.
    """
    own = processes * unpaced(in_flight, answer_s, request_s)
    if quota is not None and quota <= own:
        return Pace(quota, Bound.QUOTA)
    is_busy = in_flight * request_s > answer_s + request_s
    return Pace(own, Bound.PROCESSOR if is_busy else Bound.ANSWERS)

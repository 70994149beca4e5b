"""Retirement in words: how long it takes to retire what is gone, and whether that is too long."""

from pipelines.report.durations import say_duration
from schemas import limits
from schemas.sync import RetirePolicy


def count_requests(count: int, policy: RetirePolicy) -> int:
    """Give the requests that retiring so many endpoints takes."""
    per_request = 1 if policy is RetirePolicy.DELETE else limits.BATCH_ITEMS.value
    return -(-count // per_request)


def say_retirement(
    count: int,
    policy: RetirePolicy,
    requests_per_second: float | None,
    every_s: float | None,
) -> str:
    """Say how many endpoints would be retired, how, and how long that takes.

    Args:
        count: Endpoints.
        policy: What becomes of them.
        requests_per_second: Pace of the requests; None where no quota is known.
        every_s: Seconds between two runs, if that is told.
    """
    if count == 0:
        return "Nothing is gone from the source."
    requests = count_requests(count, policy)
    gone = "1 endpoint is" if count == 1 else f"{count:,} endpoints are"
    told = (
        f"{gone} gone from the source. To retire {'it' if count == 1 else 'them'} ({policy.value}) "
        f"takes {requests:,} request{'' if requests == 1 else 's'}"
    )
    if requests_per_second is None:
        return f"{told}, as fast as the service answers."
    took_s = requests / requests_per_second
    told = f"{told}: {say_duration(took_s)} at {requests_per_second:g} requests/s."
    if every_s is None or took_s <= every_s:
        return told
    # A hundred times as fast, as one request takes so many.
    remedy = " --retire optout or inactive is faster." if policy is RetirePolicy.DELETE else ""
    return (
        f"{told} That is longer than the time between two runs (--every, {say_duration(every_s)})."
        f"{remedy}"
    )

"""Retirement in words: how long it takes to retire what is gone."""

from pipelines.report.durations import say_duration
from schemas import limits
from schemas.sync import RetirePolicy


def count_requests(count: int, policy: RetirePolicy) -> int:
    """Give the requests that retiring so many endpoints takes."""
    per_request = 1 if policy is RetirePolicy.DELETE else limits.BATCH_ITEMS.value
    return -(-count // per_request)


def say_retirement(count: int, policy: RetirePolicy, requests_per_second: float | None) -> str:
    """Say how many endpoints would be retired, how, and how long that takes.

    Args:
        count: Endpoints.
        policy: What becomes of them.
        requests_per_second: Pace of the requests; None where no quota is known.
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
    return f"{told}: {say_duration(took_s)} at {requests_per_second:g} requests/s."

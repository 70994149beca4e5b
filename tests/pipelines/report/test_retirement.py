import pytest

from pipelines.report.retirement import say_retirement
from schemas.sync import RetirePolicy


@pytest.mark.parametrize(
    ("count", "policy", "rate", "told"),
    [
        pytest.param(0, RetirePolicy.DELETE, 5.0, "Nothing is gone from the source.", id="none"),
        pytest.param(
            1,
            RetirePolicy.DELETE,
            5.0,
            "1 endpoint is gone from the source. To retire it (delete) takes 1 request: under a "
            "second at 5 requests/s.",
            id="one",
        ),
        pytest.param(
            10_000,
            RetirePolicy.DELETE,
            5.0,
            "10,000 endpoints are gone from the source. To retire them (delete) takes 10,000 "
            "requests: 33 minutes at 5 requests/s.",
            id="in time",
        ),
        pytest.param(
            1_000_000,
            RetirePolicy.DELETE,
            5.0,
            "1,000,000 endpoints are gone from the source. To retire them (delete) takes 1,000,000 "
            "requests: 2 days 8 h at 5 requests/s.",
            id="days",
        ),
        pytest.param(
            250,
            RetirePolicy.OPTOUT,
            2.0,
            "250 endpoints are gone from the source. To retire them (optout) takes 3 requests: 2 s "
            "at 2 requests/s.",
            id="update",
        ),
        pytest.param(
            100,
            RetirePolicy.INACTIVE,
            None,
            "100 endpoints are gone from the source. To retire them (inactive) takes 1 request, as "
            "fast as the service answers.",
            id="no quota",
        ),
    ],
)
def test_say_retirement(count, policy, rate, told):
    assert say_retirement(count, policy, rate) == told

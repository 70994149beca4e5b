"""The pace of sending in closed form, at its limits and in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.cost import Bound, find_pace, unpaced

TIMES = st.floats(0.0001, 1)


@given(in_flight=st.integers(1, 64), answer_s=TIMES, request_s=TIMES)
def test_it_is_within_what_queueing_allows(in_flight, answer_s, request_s):
    pace = unpaced(in_flight, answer_s, request_s)
    assert pace <= min(1 / request_s, in_flight / (request_s + answer_s)) * (1 + 1e-9)
    # Even if every request waited for the work on all others.
    assert pace >= in_flight / (in_flight * request_s + answer_s) * (1 - 1e-9)


@given(in_flight=st.integers(1, 63), answer_s=TIMES, request_s=TIMES)
def test_more_in_flight_never_slow_it_down(in_flight, answer_s, request_s):
    more = unpaced(in_flight + 1, answer_s, request_s)
    assert more >= unpaced(in_flight, answer_s, request_s) * (1 - 1e-9)


def test_one_request_at_a_time_waits_for_nobody():
    assert unpaced(1, answer_s=0.3, request_s=0.2) == pytest.approx(2)


def test_two_requests_that_work_as_long_as_they_wait():
    # Both wait, one does, none does: 1 : 2 : 2 of the time, so there is work 4/5 of it.
    assert unpaced(2, answer_s=0.1, request_s=0.1) == pytest.approx(0.8 / 0.1)


@pytest.mark.parametrize(
    ("quota", "in_flight", "answer_s", "expected", "bound"),
    [
        pytest.param(2, 2, 0.05, 2, Bound.QUOTA, id="quota"),
        pytest.param(50, 2, 0.2, 10, Bound.ANSWERS, id="answers, below the quota"),
        pytest.param(None, 4, 0.2, 20, Bound.ANSWERS, id="answers, no quota"),
        pytest.param(5000, 64, 0.005, 1000, Bound.PROCESSOR, id="processor, below the quota"),
        pytest.param(None, 64, 0.005, 1000, Bound.PROCESSOR, id="processor, no quota"),
    ],
)
def test_the_narrowest_place_is_named(quota, in_flight, answer_s, expected, bound):
    pace = find_pace(quota, in_flight, answer_s, request_s=0.001)
    assert pace.bound is bound
    assert pace.requests_per_second == pytest.approx(expected, rel=0.02)


def test_processes_add_up_but_share_the_quota():
    def find(quota):
        return find_pace(quota, 4, 0.2, request_s=0.001, processes=8).requests_per_second

    assert find(None) == pytest.approx(8 * unpaced(4, 0.2, 0.001))
    assert find(50) == 50

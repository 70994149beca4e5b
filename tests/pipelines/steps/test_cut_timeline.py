import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.cut_timeline import (
    COUNTS,
    LENGTHS,
    MOMENT_SCHEMA,
    MOST_SLICES,
    count_ticks,
    cut_timeline,
)

NOON_S = 1_800_000_000.0


def ticks(*answers):
    """Make ticks of answers: (seconds after noon or None, endpoints, retries, throttled)."""
    rows = [
        (None if at is None else NOON_S + at, endpoints, 1 + retries, retries, throttled)
        for at, endpoints, retries, throttled in answers
    ]
    schema = {"at": pl.Float64, **dict.fromkeys(COUNTS, pl.Int64)}
    return count_ticks(pl.DataFrame(rows, schema, orient="row"))


def cut(made, *pauses):
    return cut_timeline(made, [NOON_S + pause for pause in pauses])


def test_answers_of_one_tick_are_added_up():
    counted = ticks((0.01, 100, 0, 0), (0.09, 50, 2, 1), (0.11, 1, 0, 0)).sort("tick")
    assert counted.drop("tick").rows() == [(150, 4, 2, 1), (1, 1, 0, 0)]
    assert counted["tick"].diff().to_list() == [None, 1]


def test_slices_follow_each_other_and_quiet_ones_count_nothing():
    made = cut(ticks((0.0, 100, 0, 0), (0.1, 50, 1, 1), (0.5, 7, 0, 0)))
    assert made.schema == MOMENT_SCHEMA
    assert made["at_s"].to_list() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert set(made["seconds"]) == {0.1}
    assert made["endpoints"].to_list() == [100, 50, 0, 0, 0, 7]
    assert made["throttled"].to_list() == [0, 1, 0, 0, 0, 0]


def test_a_pause_between_attempts_is_left_out():
    day = 86_400
    made = cut(ticks((0.0, 1, 0, 0), (0.1, 2, 0, 0), (day, 4, 0, 0), (day + 0.1, 8, 0, 0)), day / 2)
    assert made["endpoints"].to_list() == [1, 2, 4, 8]
    assert made["at_s"].to_list() == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_an_attempt_without_answers_does_no_harm():
    made = cut(ticks((0.0, 1, 0, 0), (100.0, 2, 0, 0)), 10, 20, 30)
    assert made["endpoints"].to_list() == [1, 2]


def test_a_standstill_within_an_attempt_is_shown():
    made = cut(ticks((0.0, 1, 0, 0), (100.0, 2, 0, 0)))
    assert made["seconds"][0] == 15
    assert made["endpoints"].to_list() == [1, *[0] * 5, 2]


def test_few_requests_give_few_slices():
    slow = ticks(*((float(second), 100, 0, 0) for second in range(100)))
    assert cut(slow)["requests"].to_list() == [5] * 20


def test_answers_without_a_time_are_in_no_slice():
    assert cut(ticks((None, 5, 0, 0))).is_empty()
    assert cut(ticks((None, 5, 0, 0), (0.0, 1, 0, 0)))["endpoints"].to_list() == [1]


@given(
    answers=st.lists(
        st.tuples(
            st.floats(0, 4e6) | st.floats(0, 50),
            st.integers(0, 100),
            st.integers(0, 3),
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=60,
    ),
    pauses=st.lists(st.floats(0, 4e6), max_size=4).map(sorted),
)
def test_nothing_is_lost_and_slices_are_few_and_equal(answers, pauses):
    made = ticks(*answers)
    slices = cut(made, *pauses)
    assert slices.select(COUNTS).sum().rows() == made.select(COUNTS).sum().rows()
    assert slices.height <= MOST_SLICES
    assert slices["seconds"].n_unique() == 1
    length = slices["seconds"][0]
    assert round(length * 10) in LENGTHS or length % 3600 == 0
    assert slices["at_s"].to_list() == pytest.approx([n * length for n in range(slices.height)])
    assert slices.row(0)[2:] != (0, 0, 0, 0)

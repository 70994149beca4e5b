"""By distinct values or by rows: the answer is the same."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.distinct import SAMPLE_ROWS, is_repetitive, judge, rewrite

VALUES = st.lists(st.none() | st.sampled_from(["", "a", "A", " b", "ab", "\x00"]), min_size=1)


def repeated(values):
    """The values often enough to count as repetitive."""
    return pl.Series("c", values * (SAMPLE_ROWS // len(values) + 1), dtype=pl.String)


def upper_or_gone(values):
    upper = values.str.to_uppercase()
    return upper.set((upper == "").fill_null(value=False), None)


def is_short(values):
    return values.str.len_bytes() < 2


@given(VALUES)
def test_rewritten_alike(values):
    many = repeated(values)
    assert is_repetitive(many)
    expected = [v.upper() or None if v is not None else None for v in many]
    assert rewrite(many, upper_or_gone).to_list() == expected
    few = pl.Series("c", values, dtype=pl.String)
    assert not is_repetitive(few)
    assert rewrite(few, upper_or_gone).to_list() == expected[: len(values)]


@given(VALUES)
def test_judged_alike(values):
    for column in (repeated(values), pl.Series("c", values, dtype=pl.String)):
        expected = [v is None or len(v) < 2 for v in column]
        passed = judge(column, is_short)
        assert (passed is None) == all(expected)
        assert passed is None or passed.to_list() == expected


def test_each_distinct_value_is_worked_on_once():
    seen = []

    def work(values):
        seen.append(len(values))
        return values

    column = repeated(["a", "b", None])
    assert rewrite(column, work) is column
    assert seen == [2]


@pytest.mark.parametrize("work", [upper_or_gone, is_short])
def test_a_column_of_nulls(work):
    column = pl.Series("c", [None] * 2000, dtype=pl.String)
    assert rewrite(column, upper_or_gone).null_count() == 2000
    assert judge(column, is_short) is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batch import Batch


@pytest.mark.parametrize(
    ("batch", "halves"),
    [
        pytest.param(Batch(3, 0, 100), (Batch(3, 0, 50), Batch(3, 50, 100)), id="even"),
        pytest.param(Batch(3, 10, 13), (Batch(3, 10, 11), Batch(3, 11, 13)), id="odd"),
        pytest.param(Batch(0, 7, 9), (Batch(0, 7, 8), Batch(0, 8, 9)), id="two"),
        pytest.param(Batch(0, 7, 8), (Batch(0, 7, 7), Batch(0, 7, 8)), id="one"),
    ],
)
def test_halves(batch, halves):
    assert batch.halves() == halves


@given(st.integers(0, 1000), st.integers(2, 100))
def test_halves_are_smaller_and_lose_nothing(start, size):
    first, second = Batch(1, start, start + size).halves()
    assert (first.start, first.stop, second.stop) == (start, second.start, start + size)
    assert 1 <= len(first) <= len(second) <= len(first) + 1

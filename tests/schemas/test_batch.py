import pytest

from schemas.batch import Batch


@pytest.mark.parametrize(("batch", "items"), [(Batch(3, 0, 100), 100), (Batch(0, 7, 7), 0)])
def test_a_batch_is_as_long_as_its_items(batch, items):
    assert len(batch) == items

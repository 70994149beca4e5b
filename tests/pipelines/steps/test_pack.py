import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.pack import ItemBuffer, pack_batches
from schemas.batch import Batch, BatchLimits, Payloads

ITEMS = st.lists(
    st.text(max_size=12) | st.sampled_from(["{}", '{"Id":"é😀"}', ",", ""]), max_size=30
)


@st.composite
def item_series(draw):
    """Make a series of items as polars may hold it: whole, sliced, or in chunks."""
    items = draw(ITEMS)
    way = draw(st.sampled_from(["whole", "sliced", "chunked", "filtered"]))
    if way == "sliced":
        series = pl.Series(["before", *items, "behind"]).slice(1, len(items))
    elif way == "filtered":
        frame = pl.DataFrame({"item": [*items, "gone"]}, schema={"item": pl.String})
        series = frame.filter(pl.int_range(pl.len()) < len(items))["item"]
    elif way == "chunked":
        cut = draw(st.integers(0, len(items)))
        head = pl.Series(items[:cut], dtype=pl.String)
        series = head.append(pl.Series(items[cut:], dtype=pl.String))
    else:
        series = pl.Series(items, dtype=pl.String)
    assert series.to_list() == items
    return series


@settings(deadline=None, max_examples=150)
@given(st.lists(item_series(), min_size=1, max_size=4), st.data())
def test_payload_is_the_items_joined_by_commas(parts, data):
    buffer = ItemBuffer(parts)
    items = [item for part in parts for item in part]
    assert len(buffer) == len(items)
    start = data.draw(st.integers(0, len(items)))
    stop = data.draw(st.integers(start, len(items)))
    expected = ",".join(items[start:stop]).encode()
    assert buffer.payload(start, stop) == expected
    assert buffer.payload_bytes(start, stop) == len(expected)


def test_every_slice_of_a_few_items():
    items = ["a", "", "é", "😀,"]
    buffer: Payloads = ItemBuffer([pl.Series(items)])
    for start in range(5):
        for stop in range(start, 5):
            assert buffer.payload(start, stop) == ",".join(items[start:stop]).encode()


def test_empty_buffer():
    buffer = ItemBuffer([pl.Series([], dtype=pl.String)])
    assert (len(buffer), buffer.payload(0, 0), buffer.payload_bytes(0, 0)) == (0, b"", 0)


@settings(deadline=None, max_examples=150)
@given(item_series(), st.integers(1, 12), st.integers(1, 60))
def test_batches_cover_every_item_once_in_order_within_the_limits(items, max_items, max_bytes):
    buffer = ItemBuffer([items])
    batches = pack_batches(buffer, BatchLimits(max_items, max_bytes))
    positions = [p for batch in batches for p in range(batch.start, batch.stop)]
    assert positions == list(range(len(items)))
    assert [batch.ordinal for batch in batches] == list(range(len(batches)))
    for batch in batches:
        assert 1 <= len(batch) <= max_items
        payload = buffer.payload(batch.start, batch.stop)
        assert len(payload) <= max_bytes or len(batch) == 1


@pytest.mark.parametrize(
    ("items", "limits", "sizes"),
    [
        pytest.param([], BatchLimits(100, 1000), [], id="none"),
        pytest.param(["xx"] * 100, BatchLimits(100, 1000), [100], id="at-the-count"),
        pytest.param(["xx"] * 101, BatchLimits(100, 1000), [100, 1], id="one-over-the-count"),
        pytest.param(["xx"] * 4, BatchLimits(100, 11), [4], id="at-the-bytes"),
        pytest.param(["xx"] * 4, BatchLimits(100, 10), [2, 2], id="one-byte-over"),
        pytest.param(["éé"] * 4, BatchLimits(100, 11), [2, 2], id="bytes-not-characters"),
        pytest.param(["x", "y" * 20, "z"], BatchLimits(100, 10), [1, 1, 1], id="item-too-large"),
    ],
)
def test_pack_batches(items, limits, sizes):
    batches = pack_batches(ItemBuffer([pl.Series(items, dtype=pl.String)]), limits)
    assert [len(batch) for batch in batches] == sizes


def test_equal_items_give_equal_batches():
    items = pl.Series([str(number) * (number % 7) for number in range(500)])
    limits = BatchLimits(100, 300)
    assert pack_batches(ItemBuffer([items]), limits) == pack_batches(ItemBuffer([items]), limits)
    assert isinstance(pack_batches(ItemBuffer([items]), limits)[0], Batch)

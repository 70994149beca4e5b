"""From streams of frames to partitions."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.cutting import ITEM_BYTES, cut_partitions, take_rows

MANY = 1 << 30
HEIGHTS = st.lists(st.integers(0, 12), max_size=12)


def frames_of(heights):
    first = 0
    for height in heights:
        yield pl.DataFrame({"n": range(first, first + height)}, schema={"n": pl.Int64})
        first += height


def values(frames):
    return [frame["n"].to_list() for frame in frames]


@given(heights=HEIGHTS, rows=st.integers(1, 20))
def test_partitions_hold_all_rows_in_order_and_all_but_the_last_are_full(heights, rows):
    parts = values(cut_partitions(frames_of(heights), rows, MANY, MANY))
    total = sum(heights)
    assert [n for part in parts for n in part] == list(range(total))
    assert [len(part) for part in parts] == [rows] * (total // rows) + [total % rows] * (
        total % rows > 0
    )


@given(heights=HEIGHTS, rows=st.integers(1, 20), size=st.integers(1, 200))
def test_partitions_take_no_more_memory_than_they_may(heights, rows, size):
    texts = (f.with_columns(t=pl.lit("é" * 4), l=pl.lit(["ab", "c"])) for f in frames_of(heights))
    parts = values(cut_partitions(texts, rows, MANY, size))
    row_bytes = 8 + 3 + 2 * ITEM_BYTES
    assert [n for part in parts for n in part] == list(range(sum(heights)))
    assert all(0 < len(part) <= rows for part in parts)
    assert all(len(part) == 1 or len(part) * row_bytes <= size for part in parts)


def test_empty_items_of_lists_take_memory_too():
    frame = pl.DataFrame({"n": [1, 2], "l": [["", None] * 50, [""] * 100]})
    assert values(cut_partitions(iter([frame]), 10, MANY, 150 * ITEM_BYTES)) == [[1], [2]]


@given(heights=HEIGHTS, cells=st.integers(1, 30))
def test_partitions_have_no_more_cells_than_they_may(heights, cells):
    wide = (frame.with_columns(a=1, b=2, c=3) for frame in frames_of(heights))
    parts = values(cut_partitions(wide, MANY, cells, MANY))
    assert [n for part in parts for n in part] == list(range(sum(heights)))
    assert all(len(part) == 1 or 4 * len(part) <= cells for part in parts)


@given(heights=HEIGHTS, limit=st.one_of(st.none(), st.integers(0, 40)))
def test_the_first_rows_are_taken_and_no_more(heights, limit):
    taken = [n for part in values(take_rows(frames_of(heights), limit)) for n in part]
    assert taken == list(range(sum(heights)))[:limit]


def test_behind_the_last_row_that_is_taken_nothing_is_read():
    def frames():
        yield from frames_of([3, 2])
        raise AssertionError("read on")

    assert values(take_rows(frames(), 5)) == [[0, 1, 2], [3, 4]]

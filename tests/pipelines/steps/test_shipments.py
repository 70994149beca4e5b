"""Shipments: partitions are put together in order, and each gets the answers for its own rows."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.steps.outcomes import DELIVERY_SCHEMA
from pipelines.steps.shipments import (
    PartitionCount,
    bound_bytes,
    cut_deliveries,
    plan_shipments,
)

MOST_ROWS = 1000
MOST_BYTES = 20 << 20


def plan(*counts, most_rows=MOST_ROWS, most_bytes=MOST_BYTES):
    """Plan partitions of so many rows and due rows; give what is sent together."""
    parts = [PartitionCount(number, rows, due) for number, (rows, due) in enumerate(counts)]
    return plan_shipments(parts, most_rows, most_bytes)


def together(*counts, **limits):
    return [shipment.partitions for shipment in plan(*counts, **limits)]


def test_full_partitions_are_shipments_of_their_own():
    assert together(*[(1000, 1000)] * 3) == [(0,), (1,), (2,)]
    assert together(*[(1000, 990)] * 3) == [(0,), (1,), (2,)]


def test_a_night_of_few_changes_is_a_shipment_for_each_hundred_partitions():
    shipments = plan(*[(50_000, 500)] * 250, most_rows=50_000)
    assert [len(shipment.partitions) for shipment in shipments] == [100, 100, 50]
    assert [len(shipment) for shipment in shipments] == [50_000, 50_000, 25_000]


def test_many_small_files_are_sent_together():
    (shipment,) = plan(*[(5, 5)] * 40, most_rows=50_000)
    assert len(shipment) == 200


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param([(9, 0), (9, 9), (0, 0), (9, 9)], [(1, 3)], id="nothing due"),
        pytest.param([(9, 0), (0, 0)], [], id="nothing due at all"),
        pytest.param([], [], id="no partitions"),
        pytest.param([(900, 500), (900, 500), (9, 1)], [(0, 1), (2,)], id="just as many"),
        pytest.param([(9, 1), (1000, 2000), (9, 1)], [(0,), (1,), (2,)], id="more than one may"),
    ],
)
def test_due_rows_decide(counts, expected):
    assert together(*counts) == expected


def test_wide_rows_are_not_put_together_beyond_the_bytes_of_a_partition():
    # A fifth of each partition is due, which may be a fifth of its bytes.
    assert together(*[(5000, 1000)] * 10, most_rows=50_000) == [
        tuple(range(5)),
        tuple(range(5, 10)),
    ]


def test_a_partition_counts_no_more_than_its_rows_can_be():
    assert bound_bytes(PartitionCount(0, 5, 5), MOST_BYTES) == 75_000
    assert bound_bytes(PartitionCount(0, 50_000, 50_000), MOST_BYTES) == MOST_BYTES
    assert bound_bytes(PartitionCount(0, 50_000, 500), MOST_BYTES) == MOST_BYTES // 100


COUNTS = st.lists(
    st.integers(0, 2000).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(0, 2 * rows))),
    max_size=30,
)


@given(COUNTS, st.integers(1, 3000), st.integers(1, 100_000_000))
def test_every_due_row_is_in_one_shipment_in_order_and_within_bounds(counts, rows, size_bytes):
    shipments = plan(*counts, most_rows=rows, most_bytes=size_bytes)
    parts = {n: PartitionCount(n, *count) for n, count in enumerate(counts)}
    assert [shipment.number for shipment in shipments] == list(range(len(shipments)))
    sent = [each for s in shipments for each in zip(s.partitions, s.due, strict=True)]
    assert sent == [(part.number, part.due) for part in parts.values() if part.due]

    def fits(numbers):
        due = sum(parts[number].due for number in numbers)
        known_bytes = sum(bound_bytes(parts[number], size_bytes) for number in numbers)
        return due <= rows and known_bytes <= size_bytes

    assert all(len(s.partitions) == 1 or fits(s.partitions) for s in shipments)
    # None is smaller than it has to be.
    for one, following in pairwise(shipments):
        assert not fits([*one.partitions, following.partitions[0]])


def deliveries(*spans):
    rows = [(start, stop, "accepted", None, None, f"r-{start}") for start, stop in spans]
    return pl.DataFrame(rows, schema=DELIVERY_SCHEMA, orient="row")


def cut(shipment, told):
    return {number: cut_deliveries(told, place) for number, place in shipment.slices()}


def test_an_answer_is_cut_where_one_partition_s_rows_end():
    (shipment,) = plan((9, 3), (9, 4), (9, 2))
    found = cut(shipment, deliveries((8, 9), (0, 5), (5, 8)))
    spans = {
        number: frame.select("start", "stop", "request_id").rows()
        for number, frame in found.items()
    }
    assert spans == {
        0: [(0, 3, "r-0")],
        1: [(0, 2, "r-0"), (2, 4, "r-5")],
        2: [(1, 2, "r-8"), (0, 1, "r-5")],
    }
    assert all(frame.schema == DELIVERY_SCHEMA for frame in found.values())


def test_what_was_not_answered_is_nobody_s():
    (shipment,) = plan((9, 3), (9, 4))
    found = cut(shipment, deliveries((4, 5)))
    assert_frame_equal(found[0], DELIVERY_SCHEMA.to_frame())
    assert found[1].select("start", "stop").rows() == [(1, 2)]


def test_an_answer_for_an_item_that_there_is_not_is_not_lost():
    """The books find it at the last partition."""
    (shipment,) = plan((9, 3), (9, 4))
    assert cut(shipment, deliveries((6, 9)))[1].select("start", "stop").rows() == [(3, 6)]
    assert cut(shipment, deliveries((7, 8)))[1].select("start", "stop").rows() == [(4, 5)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_every_position_is_told_of_once(due, data):
    (shipment,) = plan(*[(100, count) for count in due], most_bytes=1 << 40)
    ends = sorted(data.draw(st.sets(st.integers(1, sum(due)))) | {sum(due)})
    told = deliveries(*zip([0, *ends], ends, strict=False))
    found = cut(shipment, told)
    positions = {
        number: [
            p for start, stop in frame.select("start", "stop").rows() for p in range(start, stop)
        ]
        for number, frame in found.items()
    }
    assert positions == {number: list(range(count)) for number, count in enumerate(due)}

"""Shipments: which partitions are sent together, and whose an answer is.

A night that changes one row in a hundred leaves few due rows in each partition, and many small
files are partitions of few rows. Sent one by one they would make requests that are mostly empty;
so the due rows of consecutive partitions are put together until they fill a delivery task.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from schemas.limits import ENDPOINT_BYTES
from schemas.shipments import Shipment, ShipmentSlice


@dataclass(frozen=True, slots=True)
class PartitionCount:
    """How much of a partition is to be sent."""

    number: int
    """The partition."""
    rows: int
    """Records in it."""
    due: int
    """Endpoints of it that are to be sent; more than `rows` where a record gives several."""


def plan_shipments(
    partitions: Iterable[PartitionCount], most_rows: int, most_bytes: int
) -> list[Shipment]:
    """Put partitions together, as many in a row as a delivery task can take.

    Greedy and order-preserving: equal input gives equal shipments. A full partition is a shipment
    of its own, and one without due rows is in none.

    Args:
        partitions: All of the run, in order.
        most_rows: Due rows in a shipment, unless a single partition has more.
        most_bytes: Bytes of a partition at the most, and likewise of a shipment.
    """
    groups: list[list[PartitionCount]] = []
    rows = size_bytes = 0
    for part in partitions:
        if part.due == 0:
            continue
        part_bytes = bound_bytes(part, most_bytes)
        if not groups or rows + part.due > most_rows or size_bytes + part_bytes > most_bytes:
            groups.append([])
            rows = size_bytes = 0
        groups[-1].append(part)
        rows += part.due
        size_bytes += part_bytes
    return [
        Shipment(number, tuple(part.number for part in group), tuple(part.due for part in group))
        for number, group in enumerate(groups)
    ]


def bound_bytes(part: PartitionCount, most_bytes: int) -> int:
    """Say how many bytes the due rows of a partition take, if it is as large as can be.

    What they really take is known only to who reads them all.
    """
    return min(most_bytes * part.due // part.rows, part.due * ENDPOINT_BYTES.value)


def cut_deliveries(deliveries: pl.DataFrame, place: ShipmentSlice) -> pl.DataFrame:
    """Give the answers for one partition's rows out of those for its shipment.

    Args:
        deliveries: Answers in the shape of `DELIVERY_SCHEMA`, by position in the shipment.
        place: Where the partition's rows are.

    Returns:
        The like, by position among the partition's due rows.
    """
    last = pl.col("stop") if place.stop is None else pl.col("stop").clip(upper_bound=place.stop)
    return deliveries.with_columns(
        pl.col("start").clip(lower_bound=place.start) - place.start, last - place.start
    ).filter(pl.col("stop") > pl.col("start"))

"""Cutting: from a stream of frames to partitions."""

from collections.abc import Callable, Iterator

import polars as pl

ITEM_BYTES = 16
"""What an item of a list takes besides its text: in a line of JSON there may be millions."""


def cut_partitions(
    frames: Iterator[pl.DataFrame],
    rows: int,
    cells: int,
    size_bytes: int,
    check: Callable[[int, int], None] = lambda _, __: None,
) -> Iterator[pl.DataFrame]:
    """Cut a stream of frames into partitions; an equal stream is cut equally.

    Args:
        frames: Records in order.
        rows: Rows of a partition; fewer only where it would be too large, and at the end.
        cells: Cells that it may hold, as an empty one takes memory, too.
        size_bytes: Bytes of text that it may hold; a single row may hold more.
        check: Called with the rows and the bytes of text so far; refuses what goes too far.
    """
    total_rows = total_bytes = 0
    waiting: list[pl.DataFrame] = []
    height = size = 0
    for frame in frames:
        rows = max(1, min(rows, cells // frame.width))
        ends = count_text_bytes(frame).cum_sum()
        total_rows += frame.height
        total_bytes += int(ends[-1]) if frame.height else 0
        check(total_rows, total_bytes)
        start = 0
        while start < frame.height:
            before = int(ends[start - 1]) if start else 0
            fitting = int(ends.search_sorted(before + size_bytes - size, side="right")) - start
            count = min(rows - height, fitting, frame.height - start)
            if count <= 0 and height:
                yield pl.concat(waiting)
                waiting, height, size = [], 0, 0
                continue
            count = max(1, count)
            waiting.append(frame.slice(start, count))
            height += count
            start += count
            size += int(ends[start - 1]) - before
    if height:
        yield pl.concat(waiting)


def count_text_bytes(frame: pl.DataFrame) -> pl.Series:
    """Count the bytes of all texts of each row, in lists too, whose items take memory if empty."""
    sizes = [
        pl.col(name).list.eval(pl.element().str.len_bytes().fill_null(0) + ITEM_BYTES).list.sum()
        if isinstance(kind, pl.List)
        else pl.col(name).str.len_bytes()
        for name, kind in frame.schema.items()
        if kind in (pl.String, pl.List(pl.String))
    ]
    if not sizes:
        return pl.Series([0], dtype=pl.Int64).new_from_index(0, frame.height)
    return frame.select(pl.sum_horizontal(sizes).cast(pl.Int64)).to_series()


def take_rows(frames: Iterator[pl.DataFrame], limit: int | None) -> Iterator[pl.DataFrame]:
    """Yield the first `limit` rows of a stream, and ask for no more; all of them for None."""
    if limit is None:
        yield from frames
        return
    while limit > 0 and (frame := next(frames, None)) is not None:
        yield frame.head(limit)
        limit -= frame.height

"""Cut timeline: from when the service answered to how sending went, in slices of equal length.

Answers are counted in ticks of a tenth of a second as their logs are read, so that what is held of
them does not grow with the requests, but with the time that sending took.
"""

from collections.abc import Sequence

import polars as pl

COUNTS = ("endpoints", "requests", "retries", "throttled")
"""What is counted."""
TICKS_PER_S = 10
MOST_SLICES = 200
"""What a chart can show."""
FEWEST_SLICES = 10
REQUESTS_PER_SLICE = 5
"""Requests in a slice, on the average: of fewer a chart would show nothing but when they ended."""
LENGTHS = (1, 2, 5, 10, 20, 50, 100, 150, 300, 600, 1200, 3000, 6000, 9000, 18_000, 36_000)
"""Ticks in a slice, from a tenth of a second to an hour; beyond that, whole hours."""
MOMENT_SCHEMA = pl.Schema(
    {"at_s": pl.Float64, "seconds": pl.Float64, **dict.fromkeys(COUNTS, pl.Int64)}
)


def count_ticks(answers: pl.DataFrame) -> pl.DataFrame:
    """Add up answers by tick; those of which the time is not known have a null one.

    Args:
        answers: `at`, seconds since the epoch, and columns of counts.
    """
    tick = (pl.col("at") * TICKS_PER_S).floor().cast(pl.Int64).alias("tick")
    return answers.group_by(tick).agg(pl.exclude("at").sum())


def cut_timeline(ticks: pl.DataFrame, pauses: Sequence[float]) -> pl.DataFrame:
    """Cut the time of sending into slices of equal length, and count what happened in each.

    Args:
        ticks: What `count_ticks` gave, of all logs; a tick may repeat.
        pauses: A moment in each pause between attempts, in seconds since the epoch, ascending. A
            pause is left out, from the last answer before its moment to the first one behind it.

    Returns:
        A frame in the shape of `MOMENT_SCHEMA`, in order of time and without gaps; empty if no
        answer's time is known.
    """
    timed = ticks.filter(pl.col("tick").is_not_null())
    if timed.is_empty():
        return MOMENT_SCHEMA.to_frame()
    moments = pl.Series([pause * TICKS_PER_S for pause in pauses], dtype=pl.Float64)
    timed = timed.with_columns(attempt=moments.search_sorted(timed["tick"].cast(pl.Float64)))
    attempts = (
        timed.group_by("attempt")
        .agg(first=pl.col("tick").min(), length=pl.col("tick").max() - pl.col("tick").min() + 1)
        .sort("attempt")
        .with_columns(begins=pl.col("length").cum_sum() - pl.col("length"))
    )
    length = _choose_length(int(attempts["length"].sum()), int(timed["requests"].sum()))
    number = (pl.col("tick") - pl.col("first") + pl.col("begins")) // length
    counted = (
        timed.join(attempts, on="attempt")
        .group_by(number.alias("number"))
        .agg(pl.col(name).sum() for name in COUNTS)
    )
    slices = -(-int(attempts["length"].sum()) // length)
    return (
        pl.DataFrame({"number": pl.int_range(slices, eager=True)})
        .join(counted, on="number", how="left", maintain_order="left")
        .select(
            (pl.col("number") * length / TICKS_PER_S).alias("at_s"),
            pl.lit(length / TICKS_PER_S).alias("seconds"),
            *(pl.col(name).fill_null(0) for name in COUNTS),
        )
        .cast(MOMENT_SCHEMA)
    )


def _choose_length(ticks: int, requests: int) -> int:
    most = min(MOST_SLICES, max(FEWEST_SLICES, requests // REQUESTS_PER_SLICE))
    whole_hours = LENGTHS[-1] * -(-ticks // (LENGTHS[-1] * most))
    return next((length for length in LENGTHS if length * most >= ticks), whole_hours)

"""The timeline of sending: read from the answers of the service, for the profile of a run."""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from pipelines.report.profile import DeliveryMoment
from pipelines.steps.cut_timeline import cut_timeline
from pipelines.storage.manifest import Attempt


def list_moments(ticks: pl.DataFrame, attempts: Sequence[Attempt]) -> list[DeliveryMoment]:
    """Say how sending went, in order of time; pauses between attempts are left out.

    Clocks of workers differ, so an answer belongs to the attempt that is nearest: pauses are cut
    in the middle.

    Args:
        ticks: What `sending.read_ticks` gave.
        attempts: Those of the run.
    """
    pauses = []
    for before, after in pairwise(attempts):
        stopped_at = before.finished_at or after.started_at
        middle = stopped_at + (after.started_at - stopped_at) / 2
        pauses.append(middle.timestamp())
    return [
        DeliveryMoment.model_validate(row)
        for row in cut_timeline(ticks, pauses).iter_rows(named=True)
    ]

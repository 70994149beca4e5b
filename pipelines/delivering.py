"""Delivering by a cluster: partitions in lanes, each sent by whichever worker is free."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prefect.futures import PrefectFuture, wait

from pipelines import progress, stopping
from pipelines.errors import EndpointImportError, StoppedError, StorageError
from pipelines.lanes import Lane, cut_lanes
from pipelines.sending import count_answered, open_sender
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import PartitionRecord
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.stop_request import request_stop
from pipelines.tasks import deliver_partition

if TYPE_CHECKING:
    from pipelines.cluster import Cluster


def deliver_in_lanes(
    run: RunDirectory,
    parts: Sequence[PartitionRecord],
    settings: ImportSettings,
    cluster: "Cluster",
) -> EndpointImportError | None:
    """Send partitions on the workers; give the error that stopped sending, if one did.

    A partition is given out when a lane is free, and so only as long as nothing has stopped the
    run. What one worker finds wrong stops the others too.
    """
    cluster.require_destination(settings)
    limits = open_sender(settings)
    free = deque(
        cut_lanes(
            run,
            cluster.count_threads(),
            limits.max_in_flight,
            limits.requests_per_second,
        )
    )
    waiting = deque(parts)
    under_way: dict[PrefectFuture[Any], tuple[PartitionRecord, Lane]] = {}
    errors: list[EndpointImportError] = []
    try:
        while True:
            while free and waiting and not errors and not stopping.is_requested():
                part, lane = waiting.popleft(), free.popleft()
                future = deliver_partition.submit(run, part, settings, lane)
                under_way[future] = part, lane
            if not under_way:
                break
            for future in cluster.wait_any(under_way):
                part, lane = under_way.pop(future)
                free.append(lane)
                if error := cluster.result(future):
                    errors.append(error)
                    request_stop(run)
                progress.advance("deliver", count_answered(run, part.number))
    except BaseException:
        # Nothing is sent or written any more once this process has let go of the run.
        with suppress(StorageError):
            request_stop(run)
        wait(list(under_way))
        raise
    if waiting and not errors:
        return StoppedError()
    # What stopped the others says more than that they were stopped.
    causes = [error for error in errors if type(error) is not StoppedError]
    return next(iter([*causes, *errors]), None)

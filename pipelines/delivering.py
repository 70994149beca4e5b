"""Delivering: shipments one after the other, or in the lanes of a cluster."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prefect.futures import PrefectFuture, wait

from pipelines import progress, runners, stopping
from pipelines.errors import EndpointImportError, StoppedError, StorageError
from pipelines.lanes import Lane, cut_lanes
from pipelines.sending import count_answered, open_sender, tell_counts
from pipelines.settings import ImportSettings
from pipelines.storage.answer_log import read_answers
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.stop_request import request_stop
from pipelines.tasks import deliver_shipment, pack_shipments
from schemas.shipments import Shipment

if TYPE_CHECKING:
    from pipelines.cluster import Cluster


def deliver(
    run: RunDirectory, manifest: Manifest, settings: ImportSettings
) -> EndpointImportError | None:
    """Send shipment after shipment; give the error that stopped sending, if one did."""
    shipments = pack_shipments(run, manifest, settings)
    if (cluster := runners.current()) is not None:
        return deliver_in_lanes(run, shipments, settings, cluster)
    futures = [deliver_shipment.submit(run, shipment, settings) for shipment in shipments]
    try:
        wait(list(futures))
    except BaseException:
        # Nothing is sent or written any more once this process has let go of the run.
        open_sender(settings).stop(StoppedError())
        wait(list(futures))
        raise
    errors = [future.result() for future in futures]
    return next((error for error in errors if error is not None), None)


def deliver_in_lanes(
    run: RunDirectory,
    shipments: Sequence[Shipment],
    settings: ImportSettings,
    cluster: "Cluster",
) -> EndpointImportError | None:
    """Send shipments on the workers; give the error that stopped sending, if one did.

    A shipment is given out when a lane is free, and so only as long as nothing has stopped the
    run. What one worker finds wrong stops the others too.
    """
    cluster.require_destination(settings)
    limits = open_sender(settings)
    free = deque(
        cut_lanes(
            run,
            len(shipments),
            cluster.count_threads(),
            limits.max_in_flight,
            limits.requests_per_second,
        )
    )
    waiting = deque(shipments)
    under_way: dict[PrefectFuture[Any], tuple[Shipment, Lane]] = {}
    errors: list[EndpointImportError] = []
    try:
        while True:
            while free and waiting and not errors and not stopping.is_requested():
                shipment, lane = waiting.popleft(), free.popleft()
                future = deliver_shipment.submit(run, shipment, settings, lane)
                under_way[future] = shipment, lane
            if not under_way:
                break
            for future in cluster.wait_any(under_way):
                shipment, lane = under_way.pop(future)
                free.append(lane)
                if error := cluster.result(future):
                    errors.append(error)
                    request_stop(run)
                records = read_answers(run.answers(shipment.number)).records
                progress.advance("deliver", count_answered(records))
                tell_counts(records)
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

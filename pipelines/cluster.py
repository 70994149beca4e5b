"""The Dask cluster that works on a run, and what becomes of the run when it goes away.

Sources are read by this process alone. Imported only for a run that asks for a cluster.
"""

import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import distributed
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.settings import temporary_settings
from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture

from pipelines import progress, stopping
from pipelines.cluster_checks import (
    read_threads,
    require_destination,
    require_near,
    require_run,
    require_workers,
    share_api,
)
from pipelines.errors import (
    ClusterError,
    ConfigurationError,
    EndpointImportError,
    StorageError,
)
from pipelines.settings import ImportSettings
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.stop_request import request_stop

CONNECT_S = 10
"""Most seconds until a scheduler answers; a moment is usual."""
WORKERLESS_S = 60.0
"""Seconds without any worker after which a cluster counts as lost: starting one takes a few."""
LOOK_EVERY_S = 0.2
"""Between two looks for a signal or a task that is done, in seconds."""
LOST = (KilledWorker, CommClosedError, CancelledError)
"""What a future raises when the cluster, and not the task, has failed."""
_wait: Any = distributed.wait  # untyped


@dataclass(frozen=True)
class Cluster:
    """A cluster that works on a run."""

    runner: "_TaskRunner"
    """What tasks are submitted to."""

    @property
    def client(self) -> distributed.Client:
        """The connection to its scheduler."""
        return self.runner.client

    def require_destination(self, settings: ImportSettings) -> None:
        """See `cluster_checks.require_destination`."""
        require_destination(self.client, settings)

    def count_threads(self) -> int:
        """Count the partitions or shipments that its workers can work on at once."""
        return sum(read_threads(self.client).values())

    def wait_any(self, futures: Collection[PrefectFuture[Any]]) -> list[PrefectFuture[Any]]:
        """Give the futures that are done; wait a moment if none is."""
        inner: dict[PrefectFuture[Any], Any]
        inner = {f: f.wrapped_future for f in futures if isinstance(f, PrefectDaskFuture)}
        with self.client.as_current(), suppress(distributed.TimeoutError, *LOST):
            _wait(list(inner.values()), LOOK_EVERY_S, return_when="FIRST_COMPLETED")
        return [future for future, wrapped in inner.items() if wrapped.done()]

    def result(self, future: PrefectFuture[Any]) -> EndpointImportError | None:
        """Give the error that a task gave, or that the cluster is lost."""
        try:
            error: EndpointImportError | None = future.result()
        except LOST as loss:
            return lost(loss)
        return error

    @contextmanager
    def shared(self, run: RunDirectory) -> Iterator[RunDirectory]:
        """See `runners.shared`."""
        run.remove(run.stop_request)
        require_run(self.client, run)
        ended = threading.Event()
        watches = [
            threading.Thread(target=_pass_on, args=(run, ended), daemon=True),
            threading.Thread(target=self.runner.watch_workers, args=(ended,), daemon=True),
        ]
        for watch in watches:
            watch.start()
        try:
            yield run
        except LOST as error:
            raise lost(error) from error
        finally:
            ended.set()
            for watch in watches:
                watch.join()
            # No worker writes any more; the temporary files of one that was killed are left.
            with suppress(StorageError, OSError):
                run.remove(run.stop_request)
                run.remove_leftovers()


def _pass_on(run: RunDirectory, ended: threading.Event) -> None:
    """Let a signal that this process gets reach the workers."""
    while not ended.wait(LOOK_EVERY_S):
        if stopping.is_requested():
            # Where it cannot be written, they stop behind the tasks that they have.
            with suppress(StorageError):
                request_stop(run)
            return


def lost(error: BaseException | None) -> ClusterError:
    """Say that a cluster failed, and how."""
    if isinstance(error, KilledWorker):
        return ClusterError(
            "Dask gave a task up, as several workers died over it. See why in the workers' "
            "logs (memory, most often: lower --partition-rows in a new run)."
        )
    return ClusterError(
        "The Dask cluster has no worker any more, or its scheduler went away. Start them again, or "
        "go on with --runner threads."
    )


class _TaskRunner(DaskTaskRunner):
    """Prefect's runner; tells of progress here, as workers cannot, and waits for none for ever."""

    def __init__(self, address: str) -> None:
        super().__init__(address=address, client_kwargs={"timeout": CONNECT_S})
        self._is_lost = False
        self._pending: list[Any] = []

    def submit(self, task: Any, parameters: dict[str, Any], *rest: Any, **more: Any) -> Any:
        if self._is_lost:
            raise lost(None)
        future = super().submit(task, parameters, *rest, **more)
        self._pending = [f for f in self._pending if not f.done()] + [future.wrapped_future]
        if task.fn.__name__ == "prepare_partition":
            rows = parameters["part"].rows
            wrapped: Any = future.wrapped_future
            wrapped.add_done_callback(lambda _: progress.advance("prepare", rows))
        return future

    def watch_workers(self, ended: threading.Event) -> None:
        """Give all tasks up when there has been no worker for long, which Dask would wait for."""
        last_s = time.monotonic()
        while not ended.wait(WORKERLESS_S / 20):
            if self._has_workers():
                last_s = time.monotonic()
            elif time.monotonic() - last_s > WORKERLESS_S:
                self._is_lost = True
                with suppress(*LOST, OSError):
                    cast("Any", self.client).cancel(self._pending, force=True)
                return

    def _has_workers(self) -> bool:
        with suppress(*LOST, OSError):
            return self.client.status == "running" and bool(read_threads(self.client))
        return False


@contextmanager
def connected(address: str, *, is_embedded: bool) -> Iterator[Cluster]:
    """Let the flow that is under way submit to a cluster for a `with` block.

    Args:
        address: Its scheduler.
        is_embedded: Whether the destination is a server that this process has started.

    Raises:
        ConfigurationError: It cannot be reached, has no workers, or they lack what they need.
    """
    flow = FlowRunContext.get()
    if flow is None:
        raise RuntimeError("no flow is under way")
    with _TaskRunner(address) as runner:
        try:
            client = runner.client
        except (OSError, ValueError, distributed.TimeoutError) as error:
            raise ConfigurationError(
                f"The Dask scheduler at {address} cannot be reached. Start it (dask scheduler), "
                "correct --dask-address, or leave --runner dask out."
            ) from error
        require_workers(client, address)
        shared_settings = share_api(client)
        if is_embedded:
            require_near(client, "the embedded server (--local)", "Use --endpoint-url instead")
        with (
            temporary_settings(shared_settings),
            flow.model_copy(update={"task_runner": runner}),
        ):
            yield Cluster(runner)

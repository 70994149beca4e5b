"""Runners: what works on the partitions of a run, threads of this process or a Dask cluster.

A flow of Prefect has its task runner before it knows its settings. So all flows begin with
threads, and `chosen` puts the cluster in their place for as long as the run goes on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from pipelines.errors import ConfigurationError
from pipelines.settings import ImportSettings
from pipelines.storage.run_dir import RunDirectory

if TYPE_CHECKING:
    from pipelines.cluster import Cluster

_current: "ContextVar[Cluster | None]" = ContextVar("cluster", default=None)


@contextmanager
def chosen(settings: ImportSettings) -> Iterator[None]:
    """Let what is submitted within a `with` block in a flow go to the runner that is set.

    Raises:
        ConfigurationError: The cluster cannot be used as it is.
    """
    if settings.runner == "threads":
        yield
        return
    try:
        # An optional extra, which takes a second to import.
        import dask

        # Before `distributed` is imported: it tells of workers that come and go on stderr.
        dask.config.set({"logging": {"distributed": "critical", "tornado": "critical"}})
        from pipelines.cluster import connected
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"--runner dask needs packages that are not installed (no {error.name}). Install them: "
            "pip install 'endpoint-import[dask]'"
        ) from error
    with connected(str(settings.dask_address), is_embedded=settings.embedded) as cluster:
        token = _current.set(cluster)
        try:
            yield
        finally:
            _current.reset(token)


def current() -> "Cluster | None":
    """Give the cluster that works on the run; None for threads of this process."""
    return _current.get()


@contextmanager
def shared(run: RunDirectory) -> Iterator[RunDirectory]:
    """Share a run with its workers for a `with` block; nothing to do for threads.

    Yields:
        The run, as it is known to who works on it.

    Raises:
        ConfigurationError: A worker does not see the run directory.
        ClusterError: The cluster went away, or gave a partition up.
    """
    cluster = current()
    if cluster is None:
        yield run
        return
    with cluster.shared(run.from_everywhere()) as known:
        yield known

"""A Dask cluster of the tests: a scheduler and workers, each a process of its own on loopback."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from processes import free_port, running, wait_until

START_S = 120
"""Most seconds until a scheduler listens or a worker has registered; a few are usual."""


@dataclass
class DaskCluster:
    """A scheduler and its workers."""

    address: str
    environment: Mapping[str, str]
    folder: Path
    _stack: ExitStack
    workers: list[Popen[bytes]] = field(default_factory=list)
    """Those that live."""
    _started: int = 0

    def start_workers(self, count: int) -> None:
        """Start workers, and wait until the scheduler knows them all."""
        for worker, log in [self._start_worker() for _ in range(count)]:
            wait_until(
                lambda: worker.poll() is not None or b"Registered to" in log.read_bytes(),  # noqa: B023
                START_S,
                log,
            )
            assert worker.poll() is None, log.read_text()
            self.workers.append(worker)

    def _start_worker(self) -> tuple[Popen[bytes], Path]:
        """Start a worker with one thread, and without the nanny that would start it again."""
        self._started += 1
        log = self.folder / f"worker-{self._started}.log"
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address]
        command += ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        command += ["--local-directory", str(self.folder / "scratch"), "--death-timeout", "60"]
        return self._stack.enter_context(running(command, self.environment, self.folder, log)), log

    def kill_worker(self, log: Path) -> None:
        """Let the worker that has a log open die as by kill -9."""
        worker = next(worker for worker in self.workers if log in open_files(worker.pid))
        self.workers.remove(worker)
        worker.kill()
        worker.wait()


def open_files(pid: int) -> set[Path]:
    """Give the files that a process has open."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it has just been closed
            found.add(link.readlink())
    return found


@contextmanager
def dask_cluster(environment: Mapping[str, str], folder: Path) -> Iterator[DaskCluster]:
    """Start a scheduler without workers for a `with` block."""
    port = free_port()
    log = folder / "scheduler.log"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    # Who is killed leaves its mirrors of run directories.
    environment = {**environment, "TMPDIR": str(folder)}
    with ExitStack() as stack:
        scheduler = stack.enter_context(running(command, environment, folder, log))
        wait_until(
            lambda: scheduler.poll() is not None or b"Scheduler at" in log.read_bytes(),
            START_S,
            log,
        )
        cluster = DaskCluster(f"tcp://127.0.0.1:{port}", environment, folder, stack)
        try:
            yield cluster
        finally:
            # At SIGTERM each would take its time to tell the others.
            for process in (*cluster.workers, scheduler):
                process.kill()

"""Runs one import in this process, and says what each phase of it took.

`benchmarks.constants` starts it, as memory and processor time are those of a whole process.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pipelines import flows, intake
from pipelines.prefect_api import start_prefect_api
from pipelines.settings import ImportSettings

CLEAR_PEAK = "5"
"""What resets the peak of resident memory (Linux, proc(5), clear_refs)."""


def peak_mb() -> float:
    """Give the peak of resident memory since it was reset, in MB."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def folder_bytes(run: Path) -> dict[str, int]:
    """Give the bytes in each of a run's folders, and in its own files."""
    sizes = {"results": sum(file.stat().st_size for file in run.iterdir() if file.is_file())}
    for folder in (path for path in run.iterdir() if path.is_dir()):
        sizes[folder.name] = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    return sizes


def main(source: str, url: str, runs_dir: str, run_id: str) -> None:
    """Import, and print the costs as JSON."""
    phases: dict[str, dict[str, float]] = {}
    plain_phase = flows.phase

    @contextmanager
    def measured(manifest: Any, name: str, total_rows: int | None = None) -> Iterator[None]:
        Path("/proc/self/clear_refs").write_text(CLEAR_PEAK)
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        with plain_phase(manifest, name, total_rows):
            yield
        phases[name] = {
            "cpu_s": time.process_time() - cpu_s,
            "wall_s": time.perf_counter() - wall_s,
            "peak_mb": peak_mb(),
        }

    flows.phase = intake.phase = measured
    began_s = time.perf_counter()
    settings = ImportSettings(
        sources=[source],
        endpoint_url=url,
        local=True,
        runs_dir=Path(runs_dir),
        run_id=run_id,
        keep_staged=True,
    )
    api = start_prefect_api()
    with api.used() if api else nullcontext():
        summary = flows.import_endpoints(settings)
    whole_s = time.perf_counter() - began_s
    document = {
        "rows": summary["accepted"],
        "requests": summary["requests"],
        "bytes_sent": summary["bytes_sent"],
        "around_s": whole_s - sum(phase["wall_s"] for phase in phases.values()),
        "phases": phases,
        "bytes": folder_bytes(Path(runs_dir, run_id)),
    }
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

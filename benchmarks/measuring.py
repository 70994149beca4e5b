"""Measures one contender once."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

from benchmarks.contenders import Contender, Workplace
from benchmarks.environments import HERE
from benchmarks.sink import SinkProcess

LAST_LINES = 5
"""Of what a contender said before it failed."""


@dataclass(frozen=True)
class Measurement:
    """What one command took."""

    seconds: float
    """Wall time of the work, start-up left out."""
    whole_seconds: float
    """Wall time of the process."""
    cpu_seconds: float
    """User and system time, start-up and the processes that it started included."""
    peak_mb: float
    """Most memory that the process itself held."""
    requests: int
    sent_bytes: int
    sink_cpu_seconds: float
    phases: dict[str, float] = field(default_factory=dict)
    """Wall time of our own phases."""


class FailedError(Exception):
    """A contender did not do the work."""


def measure(contender: Contender, place: Workplace, sink: SinkProcess, name: str) -> Measurement:
    """Measure a contender once.

    Args:
        contender: Who.
        place: On what.
        sink: Where it sends to.
        name: A name that no other measurement has.

    Raises:
        FailedError: It gave up, or sent less than all rows.
    """
    usage = place.folder / "usage.json"
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    before = sink.count()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.usage", str(usage), *contender.command(place, name)],
        cwd=HERE.parent,
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        check=False,
    )
    got = sink.count().since(before)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        raise FailedError(f"it gave {done.returncode}: {said}")
    if contender.sends and got.requests < -(-place.rows_of(contender) // 100):
        raise FailedError(f"it made only {got.requests:,} requests")
    took = json.loads(usage.read_text())
    phases: dict[str, float] = {}
    if contender.is_ours:
        phases = json.loads((place.runs / name / "manifest.json").read_bytes())["phase_seconds"]
        shutil.rmtree(place.runs / name)  # gigabytes, of millions of rows
        told = {"seconds": sum(phases.values())}
    else:
        said = json.loads(done.stdout.splitlines()[-1])
        told = said if isinstance(said, dict) else {"seconds": said}
    return Measurement(
        seconds=told["seconds"],
        whole_seconds=took["seconds"],
        cpu_seconds=told.get("cpu_seconds", took["cpu_seconds"]),
        peak_mb=took["peak_mb"],
        requests=got.requests,
        sent_bytes=got.received_bytes,
        sink_cpu_seconds=got.cpu_seconds,
        phases=phases,
    )

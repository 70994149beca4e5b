"""Phases: what a run is going through, told to whoever listens and timed for the manifest."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from pipelines import progress
from pipelines.storage.manifest import Manifest


@contextmanager
def phase(manifest: Manifest, name: str, total_rows: int | None = None) -> Iterator[None]:
    """Tell the listener that a phase begins, and note in the manifest how long it took."""
    progress.begin(name, total_rows)
    began_s = monotonic()
    try:
        yield
    finally:
        took_s = manifest.phase_seconds.get(name, 0.0) + monotonic() - began_s
        manifest.phase_seconds[name] = round(took_s, 3)

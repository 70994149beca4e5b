"""Profiling: what the rows of a run look like, from the files that its phases leave."""

from pipelines.report.profile import SourceProfile
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory


def profile_sources(run: RunDirectory, manifest: Manifest) -> list[SourceProfile]:
    """Say what each SOURCE, as the user named it, came to; across rows has been looked."""
    raise NotImplementedError

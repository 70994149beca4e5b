"""Gathering what the page of a run shows, from what stays when its working files are removed."""

from pydantic import ValidationError

from pipelines.report.corrections import read_corrections
from pipelines.report.issue_lines import list_issues
from pipelines.report.next_steps import list_next_steps
from pipelines.report.page_data import PageData
from pipelines.report.profile import Profile
from pipelines.report.summary import Summary
from pipelines.report.verdict import say_verdict
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory


def gather_page(run: RunDirectory, manifest: Manifest, summary: Summary) -> PageData:
    """Gather what the page shows; all of it can be read again from the run directory."""
    profile = read_profile(run)
    return PageData(
        manifest=manifest,
        summary=summary,
        verdict=say_verdict(summary, manifest),
        profile=profile,
        issues=list_issues(run, manifest, rejected=summary.rejected),
        past=tuple(profile.past),
        corrections=tuple(read_corrections(run)),
        steps=tuple(list_next_steps(run, manifest, summary)),
    )


def read_profile(run: RunDirectory) -> Profile:
    """Read profile.json; a run of a version that wrote none, or another one, has an empty one."""
    if not run.profile.is_file():
        return Profile()
    try:
        return Profile.model_validate_json(run.profile.read_bytes())
    except ValidationError:
        return Profile()

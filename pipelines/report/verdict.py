"""The verdict: one sentence about a run, and what to do next."""

from pipelines.report.summary import Summary
from pipelines.storage.manifest import Manifest, RunStatus


def say_verdict(summary: Summary, manifest: Manifest) -> str:
    """Say in one sentence how the run ended."""
    rows = f"{summary.rows:,} row{'' if summary.rows == 1 else 's'}"
    if manifest.status is RunStatus.GUARDED:
        return "Stopped before anything was sent."
    if manifest.status is RunStatus.STOPPED and manifest.command != "run":
        return f"Stopped part-way: not all of {rows} were looked at."
    if manifest.status in (RunStatus.STOPPED, RunStatus.FAILED):
        return (
            f"Stopped part-way: {summary.accepted:,} of {rows} {_was(summary.accepted)} imported."
        )
    if summary.rows == 0 and summary.left_out:
        return "The mapping leaves out every record: there was nothing to do."
    if summary.rows == 0:
        return "The input has a header and no rows: there was nothing to do."
    if manifest.command != "run":
        return _say_checked(summary, rows)
    imported = summary.accepted + summary.unchanged
    if imported == summary.rows:
        return f"All {rows} were imported." if summary.rows > 1 else "The row was imported."
    left = summary.rows - imported
    return f"{imported:,} of {rows} {_was(imported)} imported, {left:,} {_was(left)} not."


def _say_checked(summary: Summary, rows: str) -> str:
    ready = summary.unprocessed
    if ready == summary.rows:
        return f"All {rows} can be imported." if ready > 1 else "The row can be imported."
    return f"{ready:,} of {rows} can be imported, {summary.rows - ready:,} cannot."


def _was(count: int) -> str:
    return "was" if count == 1 else "were"

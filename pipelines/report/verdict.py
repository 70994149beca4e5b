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
        known = f", {summary.unchanged:,} had not changed" if summary.unchanged else ""
        sent = f"{summary.accepted:,} of {rows} {_was(summary.accepted)} imported"
        return f"Stopped part-way: {sent}{known}."
    if summary.rows == 0 and summary.left_out:
        return "The mapping leaves out every record: there was nothing to do."
    if summary.rows == 0:
        return "The input has a header and no rows: there was nothing to do."
    if manifest.command != "run":
        return _say_checked(summary, rows) + _say_in_part(summary, "can be")
    told = _say_imported(summary, rows) + _say_in_part(summary, _was(summary.in_part))
    return told + _say_retired(summary)


def _say_in_part(summary: Summary, verb: str) -> str:
    """Tell of rows that gave several endpoints and are not lost whole."""
    return f" {summary.in_part:,} of the others {verb} imported in part." if summary.in_part else ""


def _say_imported(summary: Summary, rows: str) -> str:
    done = summary.accepted + summary.unchanged
    left = summary.rows - done
    if not summary.unchanged:
        if not left:
            return f"All {rows} were imported." if done > 1 else "The row was imported."
        return f"{done:,} of {rows} {_was(done)} imported, {left:,} {_was(left)} not."
    if summary.rows == 1:
        return "The row is up to date: it had not changed, nothing was sent."
    told = "none of them had changed, nothing was sent"
    if summary.accepted:
        sent = f"{summary.accepted:,} {_was(summary.accepted)} sent"
        told = f"{sent}, {summary.unchanged:,} had not changed"
    if not left:
        return f"All {rows} are up to date: {told}."
    if not summary.accepted:
        told = "none of these was sent" if done > 1 else "it was not sent"
    return f"{done:,} of {rows} {_is(done)} up to date ({told}), {left:,} {_is(left)} not."


def _say_retired(summary: Summary) -> str:
    if not summary.to_retire:
        return ""
    gone = f"{summary.to_retire:,} endpoint{'' if summary.to_retire == 1 else 's'}"
    if summary.retired == summary.to_retire:
        verb = _was(summary.retired)
        return f" {gone} gone from the source {verb} retired."
    return f" {summary.retired:,} of {gone} gone from the source {_was(summary.retired)} retired."


def _say_checked(summary: Summary, rows: str) -> str:
    ready = summary.unprocessed
    known = ready + summary.unchanged
    if summary.unchanged:
        told = (
            f"{ready:,} would be sent, {summary.unchanged:,} {_has(summary.unchanged)} not changed"
        )
        if known == summary.rows:
            return f"All {rows} can be imported: {told}."
        left = summary.rows - known
        return f"{known:,} of {rows} can be imported ({told}), {left:,} cannot."
    if ready == summary.rows:
        return f"All {rows} can be imported." if ready > 1 else "The row can be imported."
    return f"{ready:,} of {rows} can be imported, {summary.rows - ready:,} cannot."


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"

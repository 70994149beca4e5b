"""What a run calls its outcomes: in one that sends nothing, `unprocessed` can be imported."""

from pipelines.report.summary import Summary
from pipelines.storage.manifest import Manifest, RunStatus
from schemas.outcomes import MEANINGS, Outcome
from schemas.sync import SyncMode


def name_outcome(outcome: Outcome, summary: Summary, manifest: Manifest) -> tuple[str, str]:
    """Give what an outcome is called in this run, and what it means."""
    if manifest.command == "run" or outcome is not Outcome.UNPROCESSED:
        return outcome.value, MEANINGS[outcome]
    if manifest.status is RunStatus.STOPPED:
        return outcome.value, "not looked at, or nothing wrong so far"
    verb = "could" if summary.sync_mode == SyncMode.UPSERT else "would"
    return "importable", f"{verb} be sent (unprocessed in summary.json)"

"""Next steps: what is to be done after a run, and the commands for it.

The terminal and the page tell it in their own words; what they tell, and when, is decided here.
"""

from dataclasses import dataclass
from pathlib import Path

from pipelines.report.shell_words import join_command
from pipelines.report.summary import Breach, Summary
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.run_dir import RunDirectory

MOST_NAMED = 3
"""Sources that are named."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do."""

    text: str
    """In a sentence or two."""
    commands: tuple[str, ...] = ()
    """What to type for it, one after the other."""


def list_next_steps(run: RunDirectory, manifest: Manifest, summary: Summary) -> list[NextStep]:
    """List what is to be done, in the order in which to do it; nothing, if nothing is.

    Args:
        run: The run, with the files of its rows.
        manifest: Its manifest.
        summary: Its summary.
    """
    steps = []
    if manifest.status is RunStatus.GUARDED:
        steps.append(NextStep(f"Look at {name_suspects(summary)} first: {ask_first(summary)}"))
        if not is_to_correct(manifest, summary):
            steps.append(NextStep("If something is wrong there, import it again once it is right."))
    if manifest.status is RunStatus.STOPPED:
        text = "Go on with the run; what is done is not done again:"
        steps.append(NextStep(text, (resume_command(run),)))
    if is_to_correct(manifest, summary):
        steps.append(_correct(run, manifest, summary))
    if summary.held and manifest.status is not RunStatus.GUARDED:
        steps.append(_allow(run, manifest, summary))
    if manifest.status is RunStatus.GUARDED:
        if is_to_send(run, manifest, summary):
            text = "Then import the others, which were not sent: unprocessed.csv has them."
            steps.append(NextStep(text))
        text = "Only if the source is right as it is, let it pass: what stopped the run says how."
        steps.append(NextStep(text))
    return steps


def is_to_correct(manifest: Manifest, summary: Summary) -> bool:
    """Say whether errors.csv is to be corrected; not where the source itself is in doubt."""
    return bool(summary.invalid or summary.rejected) and not _is_source_in_doubt(manifest, summary)


def is_to_send(run: RunDirectory, manifest: Manifest, summary: Summary) -> bool:
    """Say whether unprocessed.csv holds rows that are to be sent."""
    is_cut_short = manifest.status in (RunStatus.STOPPED, RunStatus.GUARDED)
    is_in_doubt = _is_source_in_doubt(manifest, summary)
    return is_cut_short and not is_in_doubt and run.unprocessed.is_file()


def name_suspects(summary: Summary) -> str:
    """Name the sources because of which a guard stopped the run."""
    names = list(dict.fromkeys(breach.source for breach in _stops(summary) if breach.source))
    if not names:
        return "the source"
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def ask_first(summary: Summary) -> str:
    """Ask of the source what is to be asked before a guard is let pass."""
    if {breach.threshold for breach in _stops(summary)} == {"max_invalid"}:
        return "so many invalid rows often have one cause, such as a broken or shifted column."
    return "is it complete, and does it hold what it held before?"


def resume_command(run: RunDirectory) -> str:
    """Give the command that goes on with a run."""
    runs_dir = run.runs_dir
    is_default = runs_dir == ImportSettings.model_fields["runs_dir"].default
    place = [] if is_default else ["--runs-dir", str(runs_dir)]
    return join_command(["endpoint-import", "resume", run.run_id, *place])


def serve_command(manifest: Manifest) -> str:
    """Give the command that serves what the embedded server stored."""
    return join_command(["endpoint-import", "serve", *_database(manifest)])


def import_command(run: RunDirectory, manifest: Manifest, file: Path, *options: str) -> str:
    """Give the command that imports rows of a run as it would have.

    Args:
        run: The run.
        manifest: Its manifest.
        file: Which of its files has the rows.
        options: Options besides.
    """
    given = manifest.settings
    command = ["endpoint-import", manifest.command, str(file) if is_here(run) else file.name]
    names = ["mapping", "default_country", "default_channel", "phone_check", "runs_dir"]
    if given.get("local"):
        command += ["--local", *_database(manifest)]
    elif manifest.command != "check":
        names = ["application_id", "endpoint_url", "region", "profile", *names]
    if manifest.command == "run":
        # Not the mode: in mirror, whatever is not in the file would be gone.
        names += ["state_dir", "feed"]
    for name in names:
        default = ImportSettings.model_fields[name].default
        if given.get(name) and str(given[name]) != str(default):
            command += ["--" + name.replace("_", "-"), str(given[name])]
    return join_command([*command, *options])


def is_here(run: RunDirectory) -> bool:
    """Say whether the files of a run can be opened as they are; else they are on S3."""
    return run.show(run.errors) == str(run.errors)


def _correct(run: RunDirectory, manifest: Manifest, summary: Summary) -> NextStep:
    count = summary.invalid + summary.rejected
    rows, it = _say_rows(count), "it is" if count == 1 else "they are"
    text = f"Correct the {rows} in errors.csv, beside this page; it says what is wrong with each."
    verb = "feed it back in" if manifest.command == "run" else f"look whether {it} right"
    return NextStep(f"{text} Then {verb}:", _take(run, manifest, run.errors))


def _allow(run: RunDirectory, manifest: Manifest, summary: Summary) -> NextStep:
    text = (
        f"Check the {_say_rows(summary.held)} in held.csv, beside this page, that would opt "
        "someone in again, or activate an endpoint. Delete there what is not meant, then:"
    )
    return NextStep(text, _take(run, manifest, run.held, "--allow-opt-in"))


def _take(run: RunDirectory, manifest: Manifest, file: Path, *options: str) -> tuple[str, ...]:
    fetch = () if is_here(run) else (join_command(["aws", "s3", "cp", run.show(file), "."]),)
    return (*fetch, import_command(run, manifest, file, *options))


def _say_rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _is_source_in_doubt(manifest: Manifest, summary: Summary) -> bool:
    """Say whether a guard stopped the run for more than single rows that are invalid."""
    thresholds = {breach.threshold for breach in _stops(summary)}
    return manifest.status is RunStatus.GUARDED and thresholds != {"max_invalid"}


def _stops(summary: Summary) -> list[Breach]:
    return [breach for breach in summary.breaches if breach.is_stop]


def _database(manifest: Manifest) -> list[str]:
    db = str(manifest.settings.get("db"))
    default = ImportSettings.model_fields["db"].default.absolute()
    return [] if Path(db).absolute() == default else ["--db", db]

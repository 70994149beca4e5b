"""What Prefect's UI shows of a run: its name and tags, and texts and tables; values are masked."""

import re
from collections.abc import Sequence
from typing import Any

from pipelines.report.page_data import IssueLine, PageData
from pipelines.report.showing import cut, show_name, show_plainly, show_value
from pipelines.settings import ImportSettings
from pipelines.sources.base import STANDARD_INPUT
from pipelines.storage.manifest import RunStatus
from schemas.outcomes import MEANINGS, Outcome

COMMANDS = {"run": "import", "check": "check", "plan": "plan"}
"""What keys and tags call a command."""
LONGEST_NAME = 60
"""Characters of a source in a name or tag."""
LONGEST_EXAMPLE = 60
"""Characters of an example value that are shown."""
LONGEST_COLUMN = 40
"""Characters of the name of a column in the table of issues."""
MOST_COLUMNS = 5
"""Columns that are named in a line of it."""
FIRST_ISSUES = 5
"""Issue codes in the summary."""
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~$&@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""What Markdown may take for more than text: marks, and where addresses of pages begin."""
_DATE = re.compile(r"\d{4}[-_.]?\d{2}[-_.]?\d{2}([T_-]?\d{4,6}Z?)?")
"""The date in the name of an export, which is another one every day."""
_GLOB = re.compile(r"[*?\[]")


def say_source(settings: ImportSettings) -> str:
    """Name what is read: the file, and how many others; never a whole path."""
    first, *others = settings.sources
    more = f" and {len(others)} more" if others else ""
    return _say_place(first)[:LONGEST_NAME] + more


def _say_place(source: str) -> str:
    if source == STANDARD_INPUT:
        return "standard input"
    parts = [part for part in re.split(r"[/\\]", source) if part not in ("", ".", "..")]
    shown = 2 if len(parts) > 1 and _GLOB.search(parts[-1]) else 1
    return show_plainly("/".join(parts[-shown:]) or source)


def name_run(settings: ImportSettings, run_id: str) -> str:
    """Give the name of a flow run."""
    return f"{say_source(settings)} · {run_id}"


def tag_run(settings: ImportSettings, command: str) -> list[str]:
    """Give the tags of a flow run: always these few, and each of a bounded length.

    Args:
        settings: Of the run.
        command: What is done, such as import or resume.
    """
    tags = ["endpoint-import", f"command:{command}", f"source:{say_source(settings)}"]
    if command != "check":
        tags.append(f"feed:{settings.feed}")
        if settings.application is not None:
            tags.append(f"application:{settings.application[:LONGEST_NAME]}")
    return tags


def make_key(settings: ImportSettings, command: str, kind: str) -> str:
    """Give the key of an artifact: the same each time that the same is run.

    Prefect keeps the history of an artifact by its key. The feed says what the sources are, if it
    has a name; else the first source does, without the date that exports have in their names.
    """
    is_named = settings.feed != ImportSettings.model_fields["feed"].default
    what = settings.feed if is_named else _DATE.sub("", _say_place(settings.sources[0]))
    slug = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")[:LONGEST_NAME]
    return f"{COMMANDS[command]}-{kind}-{slug or 'source'}"


def write_summary(page: PageData, places: dict[str, str]) -> str:
    """Write the summary of a run in Markdown.

    Args:
        page: What is known of the run.
        places: Files of the run to look at: what they are, and where.
    """
    summary, manifest = page.summary, page.manifest
    parts = [f"**{_plain(page.verdict)}**"]
    if manifest.message is not None:
        parts.append(_plain(manifest.message))
    rows = [
        (
            outcome.value,
            f"{n:,}",
            f"{n / max(summary.rows, 1):.1%}",
            _mean(outcome, manifest.command),
        )
        for outcome, n in summary.by_outcome().items()
        if n
    ]
    if rows:
        parts.append(_table(("outcome", "rows", "share", ""), rows, ":-- --: --: :--"))
    if warnings := [_plain(breach.message) for breach in summary.breaches if not breach.is_stop]:
        parts += ["### Unusual", "\n".join(f"- {warning}" for warning in warnings)]
    parts += _write_issues(page.issues)
    if summary.requests:
        parts.append(
            f"{summary.requests:,} requests, {summary.retries:,} retries, {summary.throttled:,} "
            f"throttled, {summary.seconds:,.1f} s, {summary.rows_per_second:,.0f} rows/s."
        )
    parts += ["### Next", "\n".join(f"- {line}" for line in say_next(page, places))]
    return "\n\n".join(parts)


def _mean(outcome: Outcome, command: str) -> str:
    if outcome is Outcome.UNPROCESSED and command != "run":
        return "can be imported"
    return MEANINGS[outcome]


def _write_issues(issues: Sequence[IssueLine]) -> list[str]:
    errors = [issue for issue in issues if issue.severity == "error"][:FIRST_ISSUES]
    if not errors:
        return []
    return ["### What to fix first", "\n".join(f"1. {_write_issue(issue)}" for issue in errors)]


def _write_issue(issue: IssueLine) -> str:
    rows = f"{issue.rows:,} row{'' if issue.rows == 1 else 's'}" if issue.rows else "whole column"
    saved = f", of which {issue.saved:,} would be imported" if issue.saved else ""
    example = _code(show_example(issue))
    told = f" For example {example}." if example else ""
    return f"`{issue.code}`: {rows}{saved}. {_plain(issue.remedy)}{told}"


def show_example(issue: IssueLine) -> str:
    """Give the example of an issue, masked as far as its column or look asks for it."""
    shown = show_value(issue.example_column, issue.example or "", show_addresses=False)
    return cut(shown.text, LONGEST_EXAMPLE)


def list_issues(issues: Sequence[IssueLine]) -> list[dict[str, Any]]:
    """Give the table of issues."""
    return [
        {
            "code": issue.code,
            "severity": issue.severity,
            "rows": issue.rows,
            "rows saved": issue.saved,
            "what to do": issue.remedy,
            "columns": ", ".join(
                cut(show_name(name), LONGEST_COLUMN) for name in issue.columns[:MOST_COLUMNS]
            ),
        }
        for issue in issues
    ]


def say_next(page: PageData, places: dict[str, str]) -> list[str]:
    """Say what to do next, in Markdown."""
    summary, status = page.summary, page.manifest.status
    lines = []
    if status is RunStatus.STOPPED:
        lines.append(f"Remedy the cause, then go on: `endpoint-import resume {summary.run_id}`.")
    if status is RunStatus.GUARDED:
        lines.append("Have the source corrected, or allow more, and run all of it again.")
    elif summary.invalid or summary.rejected:
        lines.append(f"Correct {_code(places['errors'])} and import that file.")
    if summary.held:
        lines.append(
            f"Look through {_code(places['held'])}: those rows would opt someone in again, or "
            "activate an endpoint."
        )
    return lines or ["Nothing to do."]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> str:
    lines = [header, sides.split(), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Write a text so that Markdown takes it for nothing else."""
    return _MARKDOWN.sub(r"\\\1", show_plainly(" ".join(text.split())))


def _code(text: str) -> str:
    """Write a value as code, whatever it holds."""
    shown = show_plainly(" ".join(text.split()))
    quoted = shown.replace("`", "'").replace("|", "¦")
    return f"`{quoted}`" if shown else ""

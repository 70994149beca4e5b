"""The summary as people read it: what happened, what to fix, what to do next."""

import polars as pl
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from pipelines.report.corrections import read_corrections
from pipelines.report.next_steps import (
    ask_first,
    import_command,
    is_here,
    is_to_correct,
    is_to_send,
    name_suspects,
    resume_command,
    serve_command,
)
from pipelines.report.outcome_names import name_outcome
from pipelines.report.summary import Summary
from pipelines.report.verdict import say_verdict
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.run_dir import RunDirectory
from pipelines.terminal.plain_text import write_plainly
from schemas.issues import COLUMN_UNMAPPED, ISSUE_KINDS, Severity
from schemas.outcomes import Outcome
from schemas.sync import RetirePolicy

COLOURS = {
    Outcome.ACCEPTED: "green",
    Outcome.UNCHANGED: "green",
    Outcome.INVALID: "red",
    Outcome.REJECTED: "red",
    Outcome.DUPLICATE: "magenta",
    Outcome.HELD: "yellow",
    Outcome.UNPROCESSED: "yellow",
}
RETIRING = {
    RetirePolicy.OPTOUT: "opted out",
    RetirePolicy.INACTIVE: "set inactive",
    RetirePolicy.DELETE: "deleted",
}
MOST_ISSUES = 12
"""Lines of issues; the report has them all."""
MOST_CORRECTED = 3
"""Errors of rows that were fed back."""
MOST_UNMAPPED = 10
"""Columns named that are not imported."""


def print_summary(
    console: Console,
    run: RunDirectory,
    manifest: Manifest,
    summary: Summary,
    plan: str | None = None,
    *,
    told_apart: str | None = None,
) -> None:
    """Print the summary of a run, with the plan of an import where there is one.

    Args:
        console: Where to.
        run: The run.
        manifest: Its manifest.
        summary: Its summary.
        plan: What an import would take, in words.
        told_apart: What is told of an error besides, and so not told twice.
    """
    console.print()
    print_verdict(console, manifest, summary)
    if plan is not None:
        console.print(Text(plan), soft_wrap=True)
    console.print(_outcome_table(summary, manifest))
    for line in _say_beyond_rows(summary, manifest):
        console.print(Text(line), soft_wrap=True)
    if summary.issues_by_code:
        console.print(Text("Issues, errors first", style="bold"))
        console.print(_issue_table(summary))
    if summary.requests:
        console.print(Text(_say_delivery(summary), style="dim"), soft_wrap=True)
    for line in [*_say_findings(run, summary), *_next_steps(run, manifest, summary, told_apart)]:
        console.print(Text(line), soft_wrap=True)
    console.print(Text(f"Run:     {run.run_id}"), soft_wrap=True)
    place = run.show(run.report)
    link = Style(link=run.report.absolute().as_uri()) if is_here(run) else Style.null()
    console.print(Text.assemble("Report:  ", (place, link)), soft_wrap=True)


def print_verdict(console: Console, manifest: Manifest, summary: Summary) -> None:
    """Print in one sentence how a run ended."""
    console.print(Text(say_verdict(summary, manifest), style="bold"), soft_wrap=True)


def print_warnings(console: Console, summary: Summary) -> None:
    """Print which thresholds were exceeded and stop nothing."""
    for warning in say_warnings(summary):
        console.print(Text(f"Warning: {warning}"), soft_wrap=True)


def say_warnings(summary: Summary) -> list[str]:
    """Say which thresholds were exceeded and stop nothing."""
    return [write_plainly(breach.message) for breach in summary.breaches if not breach.is_stop]


def _say_findings(run: RunDirectory, summary: Summary) -> list[str]:
    """Say which rows are right now that were not, and which thresholds stop nothing."""
    lines = [f"Warning: {warning}" for warning in say_warnings(summary)]
    if summary.corrects is not None:
        lines += [_say_corrected(summary), *_say_corrections(run, summary)]
    return lines


def _outcome_table(summary: Summary, manifest: Manifest) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for outcome, rows in summary.by_outcome().items():
        if rows:
            name, meaning = name_outcome(outcome, summary, manifest)
            share = f"{rows / summary.rows:.1%}"
            table.add_row(f"  {rows:,}", Text(name, style=COLOURS[outcome]), share, meaning)
    return table


def _say_beyond_rows(summary: Summary, manifest: Manifest) -> list[str]:
    """Say what the records are besides rows: several endpoints, left out, the first of more."""
    lines = []
    limit = manifest.settings.get("limit")
    if limit is not None and summary.records >= limit:
        lines.append(f"Only the first {limit:,} records were read (--limit).")
    if summary.endpoints != summary.rows:
        fates = summary.endpoints_by_outcome.items()
        names = {o: name_outcome(Outcome(o), summary, manifest)[0] for o, _ in fates}
        told = ", ".join(f"{count:,} {names[outcome]}" for outcome, count in fates if count)
        lines.append(
            f"By endpoint, a row that gave none as one: {summary.endpoints:,}, of which {told}."
        )
    if summary.left_out:
        share = summary.left_out / summary.records
        lines.append(
            f"Besides, {summary.left_out:,} of {summary.records:,} records ({share:.1%}) were left "
            "out, as the mapping says (where)."
        )
    if summary.to_retire:
        lines.append(_say_removals(summary, manifest))
    return lines


def _say_removals(summary: Summary, manifest: Manifest) -> str:
    """Say what became of the endpoints that are gone from the source, or would."""
    gone = f"{summary.to_retire:,} endpoint{'' if summary.to_retire == 1 else 's'}"
    policy = RETIRING[RetirePolicy(manifest.settings.get("retire", RetirePolicy.OPTOUT))]
    if manifest.status is RunStatus.GUARDED:
        seem = "seems" if summary.to_retire == 1 else "seem"
        return (
            f"Besides, {gone} {seem} to be gone from the source (removals.csv); nothing was done "
            "about that."
        )
    if manifest.command != "run":
        return f"Besides, {gone} gone from the source would be {policy}."
    refused = summary.refused_removals
    told = f", {refused:,} refused by the service" if refused else ""
    left = summary.to_retire - summary.retired - refused
    told += f", {left:,} still to do" if left else ""
    return (
        f"Besides, of {gone} gone from the source {summary.retired:,} were {policy}{told} "
        "(removals.csv)."
    )


def _issue_table(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    # Sorting is stable: within a severity the most frequent stay first.
    listed = sorted(summary.issues_by_code.items(), key=lambda i: ISSUE_KINDS[i[0]].severity)
    for code, count in listed[:MOST_ISSUES]:
        kind = ISSUE_KINDS[code]
        style = "red" if kind.severity is Severity.ERROR else "yellow"
        table.add_row(f"  {count:,}", Text(f"{kind.severity.value} {code}", style=style), kind.text)
    if len(listed) > MOST_ISSUES:
        table.add_row("", f"and {len(listed) - MOST_ISSUES} more kinds, in the report", "")
    return table


def _say_delivery(summary: Summary) -> str:
    extras = [
        f"{count:,} {what}"
        for count, what in (
            (summary.retries, "retries"),
            (summary.throttled, "throttled"),
            (summary.splits, "splits"),
        )
        if count
    ]
    noun = "request" if summary.requests == 1 else "requests"
    told = f" ({', '.join(extras)})" if extras else ""
    return (
        f"{summary.requests:,} {noun}{told} to "
        f"{summary.destination}, application {summary.application_id}; "
        f"{summary.seconds:,.1f} s, {summary.rows_per_second:,.0f} rows/s."
    )


def _next_steps(
    run: RunDirectory, manifest: Manifest, summary: Summary, told_apart: str | None
) -> list[str]:
    lines = []
    is_guarded = manifest.status is RunStatus.GUARDED
    is_apart = manifest.message == told_apart
    why = [] if manifest.message is None or is_apart else [f"Why:     {manifest.message}"]
    if is_guarded:
        first = write_plainly(f"{name_suspects(summary)}: {ask_first(summary)}")
        lines += [*why, f"First:   look at {first}"]
    if manifest.superseded is not None:
        lines.append(f"Before:  run {manifest.superseded} was not finished; this took its place")
    if summary.opt_ins:
        endpoints = f"{summary.opt_ins:,} endpoint{'' if summary.opt_ins == 1 else 's'}"
        lines.append(f"Opt-ins: {endpoints} that had opted out, of which the source says NONE now")
    if "column.unmapped" in summary.issues_by_code:
        lines.append(f"Not imported: {_name_unmapped(run)} (no column of an endpoint)")
    if is_to_correct(manifest, summary):
        lines.append(f"To fix:  {_correct(run)}, then: {import_command(run, manifest, run.errors)}")
    if summary.held:
        held = f"{summary.held:,} row{'' if summary.held == 1 else 's'}"
        lines.append(
            f"Held:    {run.show(run.held)} holds {held} that would opt someone in again, or "
            "activate an endpoint; check them, then --allow-opt-in"
        )
    if not is_guarded:
        lines += why
    return [*lines, *_say_going_on(run, manifest, summary)]


def _say_going_on(run: RunDirectory, manifest: Manifest, summary: Summary) -> list[str]:
    lines = []
    if manifest.status is RunStatus.STOPPED:
        lines.append(f"Go on:   {resume_command(run)}")
    if is_to_send(run, manifest, summary):
        lines.append(
            f"To send: {run.show(run.unprocessed)} holds the rows that are still to be sent"
        )
    if manifest.settings.get("local") and summary.accepted:
        lines.append(f"Look:    `{serve_command(manifest)}` serves what the embedded server stored")
    return lines


def _say_corrected(summary: Summary) -> str:
    fixed = f"{summary.corrected:,} of {summary.to_correct:,} rows of run {summary.corrects}"
    missing = f"; {summary.not_fed_back:,} did not come back" if summary.not_fed_back else ""
    return f"Fixed:   {fixed}{missing}"


def _say_corrections(run: RunDirectory, summary: Summary) -> list[str]:
    """Say of which errors rows were corrected, and what became of those that are not right."""
    found = [each for each in read_corrections(run) if each.run_id == summary.corrects]
    lines = []
    for correction in found:
        codes = correction.codes
        told = [f"{c.code} {c.corrected:,} of {c.to_correct:,}" for c in codes[:MOST_CORRECTED]]
        if len(codes) > MOST_CORRECTED:
            told.append(f"and {len(codes) - MOST_CORRECTED} more, in the report")
        others = [
            f"{rows:,} {name.replace('_', ' ')}" for name, rows in correction.others.items() if rows
        ]
        lines += [f"         {', '.join(told)}"] if told else []
        lines += (
            [f"         Not right of those that came back: {', '.join(others)}"] if others else []
        )
    return lines


def _correct(run: RunDirectory) -> str:
    place = run.show(run.errors)
    if is_here(run):
        return f"correct {place}"
    return f"fetch it (aws s3 cp {place} .), correct it"


def _name_unmapped(run: RunDirectory) -> str:
    issues = pl.scan_parquet(run.issues).filter(pl.col("code") == COLUMN_UNMAPPED.code)
    names = issues.select(pl.col("column").unique(maintain_order=True)).collect()["column"]
    more = f" and {len(names) - MOST_UNMAPPED:,} more" if len(names) > MOST_UNMAPPED else ""
    return write_plainly(", ".join(names.head(MOST_UNMAPPED))) + more

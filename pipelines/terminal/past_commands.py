"""Commands that look at past runs."""

import sys
from typing import TYPE_CHECKING, Any

import click
import orjson

from pipelines.errors import RunStateError
from pipelines.terminal.completion import complete_run_ids
from pipelines.terminal.given_settings import given_on_command_line
from pipelines.terminal.help_pages import Command
from pipelines.terminal.options import JSON, OUTPUT_OPTIONS, RUNS_DIR, with_options
from pipelines.terminal.output import take_output

if TYPE_CHECKING:
    from pipelines.storage.places import Place

STATUSES = (
    *("running", "completed", "completed_with_errors", "guarded", "stopped", "failed"),
    *("interrupted", "superseded"),
)


@click.command(cls=Command)
@RUNS_DIR
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option("--status", type=click.Choice(STATUSES), help="Only runs that ended, or are, so.")
@JSON
def runs(runs_dir: "Place", limit: int | None, status: str | None, *, as_json: bool) -> None:
    """List past runs, newest first.

    A terminal shows the columns that fit; piped, all of them are there. Runs that were killed
    (`interrupted`) are shown with what is known of them; `resume` goes on with them.

    \b
    Examples:
      endpoint-import runs --limit 10
      endpoint-import runs --status completed_with_errors
      endpoint-import runs --json
    """  # noqa: D301
    from pipelines.terminal.run_list import print_runs, read_all_runs
    from pipelines.terminal.summary_text import say_warnings

    if "limit" not in given_on_command_line():
        limit = None  # in the settings file it is that of an import
    every = read_all_runs(runs_dir)
    found = [past for past in every if status in (None, past.status)][:limit]
    if as_json:
        listed = [
            {
                **past.manifest.model_dump(mode="json"),
                "status": past.status,
                "warnings": say_warnings(past.summary) if past.summary is not None else [],
            }
            for past in found
        ]
        sys.stdout.buffer.write(orjson.dumps(listed, option=orjson.OPT_INDENT_2) + b"\n")
    elif found:
        print_runs(found)
    elif every:
        click.echo(f"No runs in {runs_dir} are {status}.")
    else:
        click.echo(f"No runs in {runs_dir}.")


@click.command(cls=Command)
@click.argument("run_id", shell_complete=complete_run_ids)
@RUNS_DIR
@click.option("--open", "opens", is_flag=True, help="Open report.html in the browser.")
@click.option(
    "--show-addresses",
    is_flag=True,
    help="Write report-unmasked.html, too, which shows addresses and Ids as they are; it is yours "
    "alone to read, and not for passing on. report.html stays as it is.",
)
@with_options(OUTPUT_OPTIONS)
def report(
    run_id: str, runs_dir: "Place", *, opens: bool, show_addresses: bool, **given: Any
) -> None:
    """Show the summary of a run again, and where its files are; `latest` is the newest run.

    \b
    Examples:
      endpoint-import report latest --open
      endpoint-import report 20261122T020000Z-4f1c --show-addresses --open
      endpoint-import report latest --json
    """  # noqa: D301
    from pipelines.report.next_steps import resume_command
    from pipelines.terminal.run_list import find_run
    from pipelines.terminal.running import read_run, say_status, show

    output = take_output(given)
    run = find_run(runs_dir, run_id)
    manifest, summary = read_run(run)
    if summary is None:
        status = say_status(run, manifest)
        reason = f" {manifest.message}" if manifest.message else ""
        hint = f" Go on with: {resume_command(run)}"
        if status == "superseded":
            hint = f" Run {manifest.superseded_by} took its place."
        hint = "" if status == "running" else hint
        raise RunStateError(f"Run {run.run_id} has no summary: it is {status}.{reason}{hint}")
    show(run, manifest, summary, output)
    # In the settings file or a variable it is about the page that an import writes.
    is_unmasked = show_addresses and "show_addresses" in given_on_command_line()
    if opens or is_unmasked:
        from pipelines.terminal.showing import open_page, write_unmasked

        page = write_unmasked(run, manifest, summary, output) if is_unmasked else run.report
        if opens:
            open_page(run, page, output)

"""Showing the page of a run: in the browser, and with addresses where they are asked for."""

import os
import shutil
import sys
import tempfile
import webbrowser
from pathlib import Path

import click
import polars as pl
import pyarrow as pa

from pipelines.errors import RunStateError
from pipelines.report.gathering import gather_page
from pipelines.report.page import render_page
from pipelines.report.summary import Summary
from pipelines.storage.atomic import write_text
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from pipelines.terminal.output import Output

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Variables of which one is set where a browser can be shown."""


def write_unmasked(run: RunDirectory, manifest: Manifest, summary: Summary, output: Output) -> Path:
    """Write the page again with addresses, beside the masked one, which may have been shared.

    Raises:
        RunStateError: What the page is made of is not there any more.
        StorageError: It cannot be written.
    """
    path = run.unmasked_report
    try:
        page = gather_page(run, manifest, summary)
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:  # away, or damaged
        raise RunStateError(
            f"Run {run.run_id} lacks what its page is made of: {error}. Import or check the "
            "source again."
        ) from error
    write_text(render_page(page, show_addresses=True), path)
    _say(f"Written: {run.show(path)} (shows addresses: not for passing on)", output)
    return path


def open_page(run: RunDirectory, page: Path, output: Output) -> None:
    """Open a page of a run in the browser; where there is none, say where it is.

    Raises:
        RunStateError: It is not there.
    """
    if not page.is_file():
        raise RunStateError(f"Run {run.run_id} has no {page.name} any more.")
    if run.show(page) != str(page):  # the mirror of a run on S3 ends with this process
        copy = Path(tempfile.mkdtemp(prefix="endpoint-import-")) / page.name
        shutil.copyfile(page, copy)
        _say(f"Copied:  {run.show(page)} to {copy}", output)
        page = copy
    if has_display() and webbrowser.open(page.absolute().as_uri()):
        _say(f"Opened:  {page}", output)
    else:
        _say(f"There is no browser here. Open this file where there is one: {page}", output)


def has_display() -> bool:
    """Say whether a browser can be shown; one in the terminal would take it over."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in DISPLAYS)


def _say(text: str, output: Output) -> None:
    if not output.is_quiet:
        click.echo(text, err=output.as_json)

"""What is to be done next, as the page tells it; what the terminal tells is in tests/flow."""

from pathlib import Path
from typing import Any

import pytest
from page_support import make_manifest, make_page, make_summary

from pipelines.report.next_steps import NextStep, is_to_correct, is_to_send, list_next_steps
from pipelines.report.page import render_page
from pipelines.report.summary import Breach
from pipelines.storage.manifest import RunStatus
from pipelines.storage.run_dir import RunDirectory

RUN = RunDirectory(Path("runs/night"))
CORRECT = "endpoint-import run runs/night/errors.csv --default-country US"


def stop(threshold: str, source: str | None = "night.csv") -> Breach:
    return Breach(threshold=threshold, source=source, is_stop=True, message="Beyond.")


def list_steps(
    status: RunStatus, breaches: tuple[Breach, ...] = (), command: str = "run", **counts: Any
) -> list[NextStep]:
    summary = make_summary(command, breaches=list(breaches), **counts)
    return list_next_steps(RUN, make_manifest(command, status=status), summary)


def test_rows_are_corrected_and_fed_back_in() -> None:
    (step,) = list_steps(RunStatus.COMPLETED_WITH_ERRORS, accepted=5, invalid=50, rejected=3)
    assert "Correct the 53 rows in errors.csv" in step.text
    assert step.commands == (CORRECT,)
    (step,) = list_steps(RunStatus.COMPLETED_WITH_ERRORS, command="check", invalid=1)
    assert "Correct the 1 row in errors.csv" in step.text
    assert step.commands == (CORRECT.replace("import run", "import check"),)


def test_held_rows_are_checked() -> None:
    (step,) = list_steps(RunStatus.COMPLETED_WITH_ERRORS, accepted=5, held=2)
    assert "Check the 2 rows in held.csv" in step.text
    assert step.commands == (CORRECT.replace("errors", "held") + " --allow-opt-in",)


def test_a_stopped_run_is_gone_on_with_first() -> None:
    first, second = list_steps(RunStatus.STOPPED, accepted=5, invalid=1, unprocessed=4)
    assert first.commands == ("endpoint-import resume night",)
    assert second.commands == (CORRECT,)


def test_where_nothing_is_left_nothing_is_told() -> None:
    assert list_steps(RunStatus.COMPLETED, accepted=5, duplicate=1) == []
    html = render_page(make_page(steps=()), show_addresses=False)
    assert "Nothing: no row is left" in html


@pytest.mark.parametrize(
    "breaches",
    [
        pytest.param((stop("max_row_change"),), id="rows"),
        pytest.param((stop("max_invalid", None), stop("on_lost_channel")), id="besides_invalid"),
        pytest.param((), id="comparison"),
    ],
)
def test_a_file_that_a_guard_stopped_is_not_to_be_imported(
    breaches: tuple[Breach, ...], tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path)
    run.unprocessed.touch()
    manifest = make_manifest(status=RunStatus.GUARDED)
    summary = make_summary(breaches=list(breaches), invalid=3, unprocessed=7, held=1)
    assert not is_to_correct(manifest, summary)
    assert not is_to_send(run, manifest, summary)
    steps = list_next_steps(run, manifest, summary)
    assert steps[0].text.startswith(f"Look at {'night.csv' if breaches else 'the source'} first")
    assert "let it pass" in steps[-1].text
    assert [step.commands for step in steps] == [()] * 3


def test_of_too_many_invalid_rows_the_source_is_looked_at_before_they_are_corrected(
    tmp_path: Path,
) -> None:
    run = RunDirectory(tmp_path)
    run.unprocessed.touch()
    manifest = make_manifest(status=RunStatus.GUARDED)
    summary = make_summary(breaches=[stop("max_invalid", None)], invalid=3, unprocessed=7)
    texts = [step.text for step in list_next_steps(run, manifest, summary)]
    begins = ["Look at the source first", "Correct the 3 rows", "Then import", "Only if"]
    for text, begin in zip(texts, begins, strict=True):
        assert text.startswith(begin)


def test_the_page_tells_it_with_the_outcome() -> None:
    steps = (NextStep("Do <this>:", ("endpoint-import run 'a b.csv'",)), NextStep("Then that."))
    html = render_page(make_page(steps=steps), show_addresses=False)
    told = html.split('id="next"')[1].split("</ol>")[0]
    assert "Do &lt;this&gt;:" in told
    assert "endpoint-import run &#39;a b.csv&#39;" in told
    assert told.count("<li>") == 2
    assert html.index('id="next"') < html.index('id="fix"')

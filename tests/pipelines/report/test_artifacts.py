"""Names, tags, keys and texts for Prefect's UI."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.report.artifacts import (
    list_issues,
    make_key,
    name_run,
    show_example,
    tag_run,
    write_summary,
)
from pipelines.report.page_data import IssueLine, PageData
from pipelines.report.profile import Profile
from pipelines.report.summary import Breach, Summary
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Manifest, RunStatus
from schemas.outcomes import Outcome

AT = datetime(2026, 1, 2, tzinfo=UTC)
PLACES = {"errors": "runs/one/errors.csv", "held": "runs/one/held.csv"}


def settings(*sources: str, **given: Any) -> ImportSettings:
    return ImportSettings(sources=list(sources), **given)


def issue(**changes: Any) -> IssueLine:
    given: dict[str, Any] = {
        "code": "address.email_invalid",
        "severity": "error",
        "text": "It is no address.",
        "remedy": "Correct it, such as ana@example.com.",
        "columns": ("Address",),
        "issues": 4,
        "rows": 4,
        "saved": 3,
        "saved_so_far": 3,
        "example": "ana.banana(at)example.com",
        "example_column": "Address",
        "example_file": "a.csv",
        "example_row": 7,
        "suggestion": None,
    }
    return IssueLine(**{**given, **changes})


def page(
    *issues: IssueLine,
    status: RunStatus = RunStatus.COMPLETED_WITH_ERRORS,
    breaches: tuple[Breach, ...] = (),
    message: str | None = None,
    **counts: int,
) -> PageData:
    outcomes = dict.fromkeys((outcome.value for outcome in Outcome), 0) | counts
    rows = sum(outcomes.values())
    summary = Summary(
        run_id="one",
        status=status.value,
        application_id=None,
        destination=None,
        rows=rows,
        balanced=True,
        **dict.fromkeys(["requests", "retries", "throttled", "splits", "bytes_sent"], 0),
        seconds=1.0,
        rows_per_second=1.0,
        issues_by_code={},
        started_at=AT,
        finished_at=AT,
        records=rows,
        left_out=0,
        endpoints=rows,
        endpoints_by_outcome={},
        breaches=list(breaches),
        **outcomes,
    )
    manifest = Manifest(
        run_id="one",
        command="run",
        status=status,
        message=message,
        settings={},
        versions={},
        folder="",
        sources=[],
        started_at=AT,
        attempts=[],
    )
    return PageData(manifest, summary, "It went so.", Profile(), issues, ())


@pytest.mark.parametrize(
    ("sources", "name"),
    [
        (["/data/in/crm-2026-11-22.csv"], "crm-2026-11-22.csv"),
        (["exports/*.csv"], "exports/*.csv"),
        (["C:\\exports\\crm.csv"], "crm.csv"),
        (["s3://bucket/exports/"], "exports"),
        (["a.csv", "b.csv", "c.csv"], "a.csv and 2 more"),
        (["-"], "standard input"),
        (["."], "."),
        (["x" * 500], "x" * 60),
        (["a\x1b[31m\u202eb.csv"], "a␛[31m⟨U+202E⟩b.csv"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_name_says_source_and_run(sources: list[str], name: str) -> None:
    assert name_run(settings(*sources), "one") == f"{name} · one"
    assert f"source:{name}" in tag_run(settings(*sources), "check")


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (settings("in/crm-2026-11-22.csv"), "import-issues-crm-csv"),
        (settings("in/crm_20261123T020000Z.csv"), "import-issues-crm-csv"),
        (settings("in/crm.csv", feed="EU.crm"), "import-issues-eu-crm"),
        (settings("exports/*.csv"), "import-issues-exports-csv"),
        (settings("名簿"), "import-issues-source"),
        (settings("2026-11-22"), "import-issues-source"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_key_is_the_same_for_every_day(given: ImportSettings, key: str) -> None:
    assert make_key(given, "run", "issues") == key
    assert re.fullmatch("[a-z0-9-]+", key)


def test_summary_says_what_to_fix_first_and_masks_it() -> None:
    text = write_summary(page(issue(), accepted=6, invalid=4), PLACES)
    assert "1. `address.email_invalid`: 4 rows, of which 3 would be imported." in text
    assert "banana" not in text
    assert "Correct `runs/one/errors.csv`" in text


def test_value_in_the_summary_is_text_and_nothing_else() -> None:
    odd = issue(example="`|<b>\u202e\n# no", example_column="Attributes.plan")
    text = write_summary(page(odd, invalid=4), PLACES)
    assert "For example `'¦<b>⟨U+202E⟩␊# no`." in text
    assert show_example(odd).startswith("`|<b>")


def test_value_is_masked_before_it_is_cut() -> None:
    long = issue(example="x" * 51 + " ana.banana@example.com", example_column="Attributes.note")
    assert "ana" not in show_example(long)
    assert len(show_example(long)) == 60


def test_text_in_the_summary_is_no_markup() -> None:
    told = "Column *plan_name* of <x> is empty"
    breach = Breach(threshold="max_empty", source=None, is_stop=False, message=told)
    text = write_summary(page(breaches=(breach,), accepted=1), PLACES)
    assert "### Unusual\n\n- Column \\*plan\\_name\\* of \\<x\\> is empty" in text


def test_run_that_a_guard_stopped_is_not_to_be_finished_from_errors() -> None:
    stopped = page(status=RunStatus.GUARDED, message="Too many.", invalid=4, unprocessed=6)
    text = write_summary(stopped, PLACES)
    assert "Too many." in text
    assert "errors.csv" not in text


def test_text_in_the_summary_is_no_link_and_no_command() -> None:
    told = "www.example.com and http://example.com\x1b[31m"
    text = write_summary(page(message=told, accepted=1), PLACES)
    assert "www\\.example.com and http\\://example.com␛\\[31m" in text


def test_table_masks_data_in_the_place_of_a_column() -> None:
    (line,) = list_issues([issue(columns=("ana.banana@example.com", "a\x1b[31m"))])
    assert line["columns"] == "a•••••••••@example.com, a␛[31m"


def test_table_leaves_values_out() -> None:
    (line,) = list_issues([issue(columns=tuple(f"Attributes.{n}" + "x" * 99 for n in range(9)))])
    assert line["rows saved"] == 3
    assert len(line["columns"]) < 220
    assert "banana" not in str(line)

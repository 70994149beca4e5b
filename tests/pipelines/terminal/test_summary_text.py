"""What is printed of a run besides its outcomes."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from pipelines.report.corrections import CORRECTIONS, CodeCorrection, Correction
from pipelines.report.summary import Summary
from pipelines.storage.atomic import write_json
from pipelines.storage.manifest import Manifest, RunStatus
from pipelines.storage.run_dir import RunDirectory
from pipelines.terminal.summary_text import print_summary
from schemas.issues import COLUMN_UNMAPPED
from schemas.outcomes import Outcome

AT = datetime(2026, 11, 22, 2, tzinfo=UTC)
NUMBERS = ("requests", "retries", "throttled", "splits", "bytes_sent", "left_out", "seconds")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "runs/one").mkdir(parents=True)
    return RunDirectory(tmp_path / "runs/one")


def printed(run: RunDirectory, **members: Any) -> str:
    """Print the summary of a check of ten rows, with whatever else is given."""
    manifest = Manifest(
        run_id="one",
        command="check",
        status=RunStatus.COMPLETED,
        settings={},
        versions={},
        folder="/srv",
        sources=[],
        started_at=AT,
        attempts=[],
    )
    summary = Summary(
        **{
            **dict.fromkeys([*NUMBERS, *Outcome, "rows_per_second"], 0),
            **dict.fromkeys(["records", "rows", "endpoints", "unprocessed"], 10),
            **{"run_id": "one", "status": "completed", "application_id": None},
            **{"destination": None, "balanced": True, "issues_by_code": {}},
            **{"endpoints_by_outcome": {}, "started_at": AT, "finished_at": AT},
            **members,
        }
    )
    console = Console(file=StringIO(), width=200)
    print_summary(console, run, manifest, summary)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_an_outcome_has_one_name_by_row_and_by_endpoint(run: RunDirectory) -> None:
    text = printed(run, endpoints=12, endpoints_by_outcome={"unprocessed": 11, "invalid": 1})
    assert "By endpoint, a row that gave none as one: 12, of which 11 importable, 1 inv" in text


@pytest.mark.parametrize(
    ("columns", "told"),
    [(1, "c0 (no"), (10, "c8, c9 (no"), (12, "c8, c9 and 2 more (no")],
)
def test_not_all_of_many_unmapped_columns_are_named(
    run: RunDirectory, columns: int, told: str
) -> None:
    names = [f"c{number}" for number in range(columns)]
    frame = pl.DataFrame({"code": [COLUMN_UNMAPPED.code] * columns, "column": names})
    frame.write_parquet(run.issues)
    assert f"{told} column of an endpoint)" in printed(run, issues_by_code={"column.unmapped": 1})


def test_rows_that_were_fed_back_are_told_by_their_errors(run: RunDirectory) -> None:
    codes = ["address.phone_invalid", "address.email_invalid", "id.missing", "id.too_long"]
    told = [CodeCorrection(code=c, to_correct=986, corrected=77, still=9) for c in codes]
    counted = Correction(
        run_id="before",
        is_known=True,
        to_correct=1924,
        fed_back=300,
        corrected=235,
        not_fed_back=1624,
        others={"duplicate": 60, "left_out": 5},
        codes=told,
        codes_now={},
    )
    other = counted.model_copy(update={"run_id": "other", "others": {"held": 9}})
    write_json(CORRECTIONS.dump_python([counted, other]), run.corrections)
    text = printed(run, corrects="before", to_correct=1924, corrected=235, not_fed_back=1624)
    start = text.index("Fixed:")
    assert text[start:].splitlines()[:3] == [
        "Fixed:   235 of 1,924 rows of run before; 1,624 did not come back",
        "         address.phone_invalid 77 of 986, address.email_invalid 77 of 986, "
        "id.missing 77 of 986, and 1 more, in the report",
        "         Not right of those that came back: 60 duplicate, 5 left out",
    ]
    assert "held" not in text

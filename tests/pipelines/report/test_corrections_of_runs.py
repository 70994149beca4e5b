"""What was corrected of several runs, and of one that is damaged."""

from pathlib import Path

import orjson
import polars as pl
import pytest
from page_support import make_summary
from phases_support import check_files

from pipelines.report.corrections import MOST_RUNS, count_corrections

FED_BACK = """\
Id,ChannelType,Address,_source_file,_source_row,_outcome,_error_codes,_run_id
1,EMAIL,ana@example.com,list.csv,1,invalid,address.email_invalid,before
2,EMAIL,nobody,list.csv,2,invalid,address.email_invalid,before
"""
ISSUES = pl.DataFrame(
    {"source_row": [1, 2, 3], "code": "address.email_invalid", "severity": "error"}
)


def damage_a_page(path: Path) -> None:
    ISSUES.write_parquet(path)
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("leave", "to_correct"),
    [
        pytest.param(ISSUES.write_parquet, 3, id="whole"),
        pytest.param(lambda path: path.write_bytes(b""), 2, id="empty"),
        pytest.param(lambda path: path.write_bytes(b"PAR1"), 2, id="cut off"),
        pytest.param(damage_a_page, 2, id="damaged within"),
        pytest.param(ISSUES.select("code").write_parquet, 2, id="other columns"),
        pytest.param(Path.mkdir, 2, id="a folder"),
    ],
)
def test_a_run_that_cannot_be_read_is_as_one_that_is_not_there(tmp_path, leave, to_correct):
    source = tmp_path / "fixed.csv"
    source.write_text(FED_BACK)
    before = tmp_path / "runs/before"
    before.mkdir(parents=True)
    summary = make_summary(invalid=3).model_dump(mode="json")
    (before / "summary.json").write_bytes(orjson.dumps(summary))
    leave(before / "issues.parquet")
    checked = check_files(tmp_path / "runs", source)
    (counted,) = count_corrections(checked.run, checked.manifest)
    assert (counted.to_correct, counted.corrected) == (to_correct, 1)
    assert counted.is_known == (to_correct == 3)


def test_of_very_many_runs_those_of_most_rows_are_told(tmp_path):
    source = tmp_path / "fixed.csv"
    header = FED_BACK.splitlines()[0]
    runs = [*(f"run{number}" for number in range(2 * MOST_RUNS)), "most", "most", "../no run"]
    rows = [
        f"{number},EMAIL,u{number}@example.com,list.csv,{number},invalid,,{run_id}"
        for number, run_id in enumerate(runs)
    ]
    source.write_text("\n".join([header, *rows]))
    checked = check_files(tmp_path / "runs", source)
    counted = count_corrections(checked.run, checked.manifest)
    assert len(counted) == MOST_RUNS
    assert (counted[0].run_id, counted[0].corrected) == ("most", 2)

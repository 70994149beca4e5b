"""The corpus: small troublesome files, each with what becomes of every record of it."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from phases_support import CheckedRun, check_files

from pipelines.errors import EndpointImportError
from pipelines.report.results import count_run, write_issues

CORPUS = Path(__file__).parent / "corpus"
CASES: list[dict[str, Any]] = yaml.safe_load((CORPUS / "expected.yaml").read_text("utf-8"))
FEWEST_FILES = 60


def name_case(case: dict[str, Any]) -> str:
    options = "-".join(case.get("options", {}))
    return f"{case['file']}-{options}" if options else str(case["file"])


def check(case: dict[str, Any], tmp_path: Path) -> CheckedRun:
    options = {"default_country": "US"} | case.get("options", {})
    if "mapping" in options and "/" in options["mapping"]:
        options["mapping"] = str(CORPUS / options["mapping"])
    return check_files(tmp_path, CORPUS / case["file"], **options)


def tell_records(checked: CheckedRun) -> list[str]:
    """Give each record's outcome and the codes of its issues, in file order."""
    write_issues(checked.run, checked.manifest)
    issues = pl.read_parquet(checked.run.issues).filter(pl.col("source_row").is_not_null())
    codes = issues.group_by("source_file", "source_row").agg(pl.col("code").unique().sort())
    place = ["source_file", "source_row"]
    told = checked.read("outcomes").join(codes, on=place, how="left", maintain_order="left")
    lines = []
    for outcome, found in told.select("outcome", "code_right").rows():
        name = "ok" if outcome == "unprocessed" else outcome
        lines.append(f"{name}: {', '.join(found)}" if found else name)
    return lines


def is_within(expected: Any, found: Any) -> bool:
    """Say whether all that is expected of a document is there."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(name in found and is_within(v, found[name]) for name, v in expected.items())
    return bool(expected == found)


@pytest.mark.parametrize("case", [case for case in CASES if "records" in case], ids=name_case)
def test_every_record_has_the_outcome_that_is_expected(case, tmp_path):
    checked = check(case, tmp_path)
    if case["records"]:
        assert tell_records(checked) == case["records"]
        rows = checked.read("outcomes").group_by("source_file", maintain_order=True)
        for _, part in rows:
            assert part["source_row"].to_list() == list(range(1, part.height + 1))
    assert count_run(checked.run, checked.manifest).are_balanced
    if expected := case.get("items"):
        items = checked.read_items()
        for row, item in expected.items():
            assert is_within(item, items[row][0]), items[row]


@pytest.mark.parametrize("case", [case for case in CASES if "error" in case], ids=name_case)
def test_a_file_that_cannot_be_read_is_refused_in_words(case, tmp_path):
    with pytest.raises(EndpointImportError) as caught:
        check(case, tmp_path)
    assert caught.value.exit_code in (2, 3)
    assert case["error"] in caught.value.message
    assert Path(case["file"]).name in caught.value.message


def test_there_are_many_of_them_and_none_is_forgotten():
    named = {case["file"] for case in CASES}
    assert len(named) >= FEWEST_FILES
    files = {path for path in CORPUS.rglob("*") if path.is_file() and path.suffix != ".yaml"}
    known = {path for path in files if any(path.is_relative_to(CORPUS / name) for name in named)}
    assert known == files

"""The correction loop: errors.csv is corrected, fed back in, and counted against its run."""

import csv
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from fakes import HttpSink
from import_support import HEADER, read_json, read_rows, run_check, run_import, write_rows

from pipelines.report.corrections import CodeCorrection, read_corrections
from pipelines.storage.run_dir import RunDirectory
from schemas.columns import RESULT_COLUMNS

pytestmark = pytest.mark.usefixtures("prefect_api")

ROWS = (
    ("good", "EMAIL", "good@example.com"),
    ("mail-1", "EMAIL", "nobody"),
    ("mail-2", "EMAIL", "nobody at all"),
    ("mail-3", "EMAIL", "no one"),
    ("phone-1", "SMS", "12"),
    ("phone-2", "SMS", "34"),
    ("refused", "EMAIL", "refused@example.com"),
    ("channel", "PIGEON", "coop@example.com"),
)
TO_FIX = len(ROWS) - 1


@pytest.fixture(scope="module")
def sink() -> Any:
    def refuse(item: dict[str, Any]) -> str | None:
        return "Not wanted." if item["Address"] == "refused@example.com" else None

    with HttpSink(refuses=refuse) as running:
        yield running


@pytest.fixture
def first(tmp_path: Path, sink: HttpSink) -> list[list[str]]:
    """The errors.csv of a run: its header and rows."""
    sources = [
        write_rows(tmp_path / "list-1.csv", HEADER, ROWS[:4]),
        write_rows(tmp_path / "list-2.csv", HEADER, ROWS[4:]),
    ]
    summary = run_import(tmp_path, sink.url, *sources, run_id="first")
    assert (summary["invalid"], summary["rejected"], summary["accepted"]) == (TO_FIX - 1, 1, 1)
    assert [summary[name] for name in ("corrects", "to_correct")] == [None, 0]
    assert not (tmp_path / "runs/first/corrections.json").exists()
    errors = read_rows(tmp_path / "runs/first/errors.csv")
    assert errors[0] == [*HEADER, *RESULT_COLUMNS]
    assert {row[-1] for row in errors[1:]} == {"first"}
    return errors


def correct(errors: list[list[str]], **addresses: str) -> list[list[str]]:
    """Give new addresses to rows by their Ids, and leave the rows out that get none."""
    names = {name.replace("_", "-"): address for name, address in addresses.items()}
    rows = [[*row[:2], names[row[0]], *row[3:]] for row in errors[1:] if row[0] in names]
    return [errors[0], *rows]


def write(path: Path, rows: list[list[str]], **dialect: Any) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, **dialect).writerows(rows)
    return path


def write_workbook(path: Path, rows: list[list[str]]) -> Path:
    """Write a workbook as a spreadsheet does: what looks like a number becomes one."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for position, cell in enumerate(row):
                if cell.isdigit():
                    sheet.write_number(number, position, float(cell))
                else:
                    sheet.write_string(number, position, cell)
    return path


CORRECTED = {
    "mail_1": "one@example.com",
    "mail_2": "two@example.com",
    "phone_1": "+12065550100",
    "phone_2": "still wrong",
    "refused": "refused@example.com",
}
"""One mail and the channel are missing: two rows do not come back."""


def require_counted(run: Path, summary: dict[str, Any]) -> None:
    told = {name: summary[name] for name in ("corrects", "to_correct", "corrected", "not_fed_back")}
    assert told == {"corrects": "first", "to_correct": TO_FIX, "corrected": 3, "not_fed_back": 2}
    (counted,) = read_corrections(RunDirectory(run))
    assert counted.is_known
    assert counted.fed_back == 5
    assert counted.others == {"invalid": 1, "rejected": 1}
    assert counted.codes_now == {"address.phone_invalid": 1, "service.refused": 1}
    assert {code.code: code for code in counted.codes} == {
        code: CodeCorrection(code=code, to_correct=rows, corrected=corrected, still=still)
        for code, rows, corrected, still in (
            ("address.email_invalid", 3, 2, 0),
            ("address.phone_invalid", 2, 1, 1),
            ("channel_type.unknown", 1, 0, 0),
            ("service.refused", 1, 0, 1),
        )
    }


@pytest.mark.parametrize(
    "form", ["comma", "semicolon", "workbook", "parquet", "json"], ids=lambda form: form
)
def test_corrected_rows_are_counted_against_their_run(
    first: list[list[str]], tmp_path: Path, sink: HttpSink, form: str
) -> None:
    rows = correct(first, **CORRECTED)
    rows.append(rows[1])  # pasted twice: it counts once
    frame = pl.DataFrame(rows[1:], rows[0], orient="row").with_columns(
        pl.col("_source_row").cast(pl.Int64)
    )
    if form == "workbook":
        source = write_workbook(tmp_path / "fixed.xlsx", rows)
    elif form == "parquet":
        source = tmp_path / "fixed.parquet"
        frame.write_parquet(source)
    elif form == "json":
        source = tmp_path / "fixed.ndjson"
        frame.write_ndjson(source)
    else:
        delimiter = {"comma": ",", "semicolon": ";"}[form]
        source = write(tmp_path / "fixed.csv", rows, delimiter=delimiter)
    extra = write(tmp_path / "extra.csv", [rows[0], rows[2]])  # and one in another file
    summary = run_import(tmp_path, sink.url, source, extra, run_id="second")
    require_counted(tmp_path / "runs/second", summary)
    assert summary == read_json(tmp_path / "runs/second/summary.json")


def test_a_check_counts_what_could_be_imported(first: list[list[str]], tmp_path: Path) -> None:
    source = write(tmp_path / "fixed.csv", correct(first, **CORRECTED))
    summary = run_check(tmp_path, source, run_id="second")
    # Whether the service takes a row is not known before it is sent.
    assert (summary["corrects"], summary["to_correct"], summary["corrected"]) == (
        "first",
        TO_FIX,
        4,
    )


def test_without_the_run_rows_are_counted_against_each_other(
    first: list[list[str]], tmp_path: Path, sink: HttpSink
) -> None:
    shutil.rmtree(tmp_path / "runs/first")
    source = write(tmp_path / "fixed.csv", correct(first, **CORRECTED))
    summary = run_import(tmp_path, sink.url, source, run_id="second")
    told = [summary[name] for name in ("corrects", "to_correct", "corrected", "not_fed_back")]
    assert told == ["first", 5, 3, 0]
    (counted,) = read_corrections(RunDirectory(tmp_path / "runs/second"))
    assert not counted.is_known


def test_each_round_counts_against_the_one_before(
    first: list[list[str]], tmp_path: Path, sink: HttpSink
) -> None:
    source = write(tmp_path / "fixed.csv", correct(first, **CORRECTED))
    run_import(tmp_path, sink.url, source, run_id="second")
    second = read_rows(tmp_path / "runs/second/errors.csv")
    assert second[0] == [*HEADER, *RESULT_COLUMNS]  # those of the first are gone
    assert [row[0] for row in second[1:]] == ["phone-2", "refused"]
    assert {row[-1] for row in second[1:]} == {"second"}
    again = correct(second, phone_2="+12065550101", refused="taken@example.com")
    third = run_import(tmp_path, sink.url, write(source, again), run_id="third")
    told = [third[name] for name in ("corrects", "to_correct", "corrected", "not_fed_back")]
    assert told == ["second", 2, 2, 0]
    assert read_rows(tmp_path / "runs/third/errors.csv") == [[*HEADER, *RESULT_COLUMNS]]


def test_several_runs_in_one_file_are_counted_each(
    first: list[list[str]], tmp_path: Path, sink: HttpSink
) -> None:
    run_import(tmp_path, sink.url, tmp_path / "list-*.csv", run_id="other")
    other = read_rows(tmp_path / "runs/other/errors.csv")
    rows = [*correct(other, mail_1="other@example.com"), *correct(first, **CORRECTED)[1:]]
    summary = run_import(tmp_path, sink.url, write(tmp_path / "fixed.csv", rows), run_id="both")
    assert (summary["corrects"], summary["corrected"]) == ("first", 3)
    counted = read_corrections(RunDirectory(tmp_path / "runs/both"))
    assert [(each.run_id, each.corrected, each.others) for each in counted] == [
        ("first", 3, {"invalid": 1, "rejected": 1}),
        ("other", 0, {"duplicate": 1}),
    ]


MAPPING = """\
columns: {Id: Nr, ChannelType: {constant: EMAIL}, Address: Mail}
where: [{column: Nr, not_equals: "3"}]
ignore: ["_*"]
"""


def test_a_mapping_counts_them_too(tmp_path: Path, sink: HttpSink) -> None:
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    given = {"mapping": str(tmp_path / "mapping.yaml")}
    rows = [("1", "a@example.com"), ("2", "nobody"), ("3", "nobody"), ("4", "no one"), ("5", "x")]
    source = write_rows(tmp_path / "contacts.csv", ("Nr", "Mail"), rows)
    assert run_import(tmp_path, sink.url, source, run_id="first", **given)["invalid"] == 3
    errors = read_rows(tmp_path / "runs/first/errors.csv")
    assert errors[1][errors[0].index("_error_messages")].startswith('Mail "nobody": ')
    errors[1][:2] = ["3", "left.out@example.com"]
    errors[2][1] = "four@example.com"
    fixed = write(tmp_path / "fixed.csv", errors[:3])
    second = run_import(tmp_path, sink.url, fixed, run_id="second", **given)
    assert (second["corrects"], second["to_correct"], second["corrected"]) == ("first", 3, 1)
    (counted,) = read_corrections(RunDirectory(tmp_path / "runs/second"))
    assert (counted.others, counted.not_fed_back) == ({"left_out": 1}, 1)


def test_a_line_that_nobody_put_into_its_cells_is_told_again(
    tmp_path: Path, sink: HttpSink
) -> None:
    source = tmp_path / "list.csv"
    source.write_text("Id,ChannelType,Address\na,EMAIL,a@example.com\nb,EMAIL,b@example.com,x\n")
    for run_id in ("first", "second", "third"):
        summary = run_import(tmp_path, sink.url, source, run_id=run_id)
        source = tmp_path / "runs" / run_id / "errors.csv"
        header, row = read_rows(source)
        assert row[header.index("_error_codes")] == "record.malformed"
        assert row[header.index("_error_messages")].endswith("The line: b,EMAIL,b@example.com,x")
    assert (summary["corrects"], summary["corrected"]) == ("second", 0)
    (counted,) = read_corrections(RunDirectory(tmp_path / "runs/third"))
    assert counted.codes_now == {"record.malformed": 1}


def test_an_errors_file_of_an_earlier_version_is_not_counted(
    first: list[list[str]], tmp_path: Path, sink: HttpSink
) -> None:
    rows = [row[:-1] for row in correct(first, **CORRECTED)]
    summary = run_import(tmp_path, sink.url, write(tmp_path / "old.csv", rows), run_id="second")
    assert (summary["accepted"], summary["corrects"]) == (3, None)


def test_rows_that_were_only_not_sent_are_no_corrections(
    first: list[list[str]], tmp_path: Path, sink: HttpSink
) -> None:
    rows = correct(first, **CORRECTED)
    at = rows[0].index("_outcome")
    for row in rows[1:]:
        row[at] = "unprocessed"
    summary = run_import(tmp_path, sink.url, write(tmp_path / "rest.csv", rows), run_id="second")
    assert summary["corrects"] is None


@pytest.mark.parametrize("name", ["../first", "", "no run", "a/b"])
def test_a_name_that_is_no_run_is_passed_over(
    first: list[list[str]], tmp_path: Path, sink: HttpSink, name: str
) -> None:
    rows = [[*row[:-1], name] for row in correct(first, **CORRECTED)[1:]]
    source = write(tmp_path / "odd.csv", [first[0], *rows])
    assert run_check(tmp_path, source, run_id="second")["corrects"] is None

"""Excel: cells become the texts that they show, and a hostile workbook harms only its worker."""

import re
import time
import zipfile
from datetime import date, datetime
from datetime import time as clock

import pytest
import xlsxwriter

from pipelines.errors import SourceError
from pipelines.sources import base, excel_reader, excel_worker
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.excel_reader import ExcelReader

FORMATS = {date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm:ss", clock: "hh:mm:ss"}


class Formula(str):
    """The saved value of a formula."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.xlsx"


def write(path, sheets, *, first=(0, 0), **options):
    """Write sheets by name, each a list of rows."""
    workbook = xlsxwriter.Workbook(path, options)
    formats = {kind: workbook.add_format({"num_format": form}) for kind, form in FORMATS.items()}
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                place = (first[0] + row, first[1] + column)
                if isinstance(cell, Formula):
                    sheet.write_formula(*place, "=A1", None, str(cell))
                elif isinstance(cell, str):
                    sheet.write_string(*place, cell)
                elif type(cell) in formats:
                    sheet.write_datetime(*place, cell, formats[type(cell)])
                elif cell is not None:
                    sheet.write(*place, cell)
    workbook.close()


def read(path, sheet=None):
    """Give header and rows of (source_row, malformed, *cells)."""
    source = ExcelReader(LocalContent(path), ReadingOptions(sheet=sheet))
    return source.header, [row for frame in source.read() for row in frame.rows()]


CELLS = [
    pytest.param("x", "x", id="text"),
    pytest.param("007", "007", id="leading zeros in text"),
    pytest.param(" é😀 ", " é😀 ", id="text as it is"),
    pytest.param("2026-01-02 00:00:00", "2026-01-02 00:00:00", id="text that looks like a date"),
    pytest.param("1899-12-31 12:00:00", "1899-12-31 12:00:00", id="text that looks like a time"),
    pytest.param("#N/A", "#N/A", id="text that looks like an error"),
    pytest.param(12065550100, "12065550100", id="telephone number"),
    pytest.param(5, "5", id="whole number"),
    pytest.param(-5.0, "-5", id="negative number"),
    pytest.param(12.50, "12.5", id="fraction"),
    pytest.param(0.1, "0.1", id="tenth"),
    pytest.param(1e15, "1000000000000000", id="large number"),
    pytest.param(True, "true", id="true"),
    pytest.param(False, "false", id="false"),
    pytest.param(date(2026, 1, 2), "2026-01-02", id="date"),
    pytest.param(date(1950, 12, 31), "1950-12-31", id="old date"),
    pytest.param(datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05", id="moment"),  # noqa: DTZ001
    pytest.param(clock(13, 30), "13:30:00", id="time of day"),
    pytest.param(Formula("12.5"), "12.5", id="formula with a number"),
    pytest.param(Formula("abc"), "abc", id="formula with a text"),
    *(
        pytest.param(Formula(error), error, id=error)
        for error in ("#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!")
    ),
]


@pytest.mark.parametrize("others", [[], ["a", 1.5, date(2026, 5, 6), True]], ids=["alone", "mixed"])
def test_a_cell_becomes_the_text_that_it_shows(path, others):
    values = [case.values for case in CELLS]
    write(
        path, {"S": [["Id", "x"], *([value, "1"] for value, _ in values), *([o] for o in others)]}
    )
    header, rows = read(path)
    assert header == ["Id", "x"]
    assert [row[2] for row in rows[: len(values)]] == [text for _, text in values]
    assert [row[:2] for row in rows] == [(n + 1, None) for n in range(len(rows))]


@pytest.mark.parametrize(("value", "text"), CELLS)
def test_a_column_of_one_kind(path, value, text):
    write(path, {"S": [["Id", "x"], [value, "1"], [None, "1"], [value, "1"]]})
    assert [row[2] for row in read(path)[1]] == [text, None, text]


def test_dates_of_a_workbook_that_counts_from_1904(path):
    rows = [["d", "t"], [date(2026, 1, 2), clock(13, 30)]]
    write(path, {"S": rows}, date_1904=True)
    assert read(path)[1] == [(1, None, "2026-01-02", "13:30:00")]


SHEETS = [
    pytest.param([["a", "b"], ["1", "2"]], (0, 0), ["a", "b"], [["1", "2"]], id="plain"),
    pytest.param([["a", "b"], ["1", "2"]], (7, 3), ["a", "b"], [["1", "2"]], id="not at A1"),
    pytest.param([[], ["a"], [], ["1"], [" "], ["2"]], (0, 0), ["a"], [["1"], ["2"]], id="blank"),
    pytest.param([["a", " ", ""], ["1", "", " "]], (0, 0), ["a"], [["1"]], id="empty columns"),
    pytest.param([["a", None], ["1", "2"]], (0, 0), ["a", ""], [["1", "2"]], id="no name"),
    pytest.param([["a", "a"], ["1", "2"]], (0, 0), ["a", "a"], [["1", "2"]], id="name twice"),
    pytest.param([["a", 5, True]], (0, 0), ["a", "5", "true"], [], id="header only"),
    pytest.param([["a", "b"], ["1"]], (0, 0), ["a", "b"], [["1", None]], id="column without value"),
    pytest.param([["a"], ["1", "2"]], (0, 0), ["a", ""], [["1", "2"]], id="longer than the header"),
    pytest.param(
        [["a", "b"], [], ["1", Formula("#N/A")], ["2", date(2026, 1, 2)]],
        (7, 3),
        ["a", "b"],
        [["1", "#N/A"], ["2", "2026-01-02"]],
        id="errors and dates not at A1",
    ),
    pytest.param([["*"], ["1"]], (0, 0), ["*"], [["1"]], id="name like a pattern"),
]


@pytest.mark.parametrize(("rows", "first", "header", "records"), SHEETS)
def test_a_sheet_becomes_records(path, rows, first, header, records):
    write(path, {"S": rows}, first=first)
    assert read(path) == (header, [(n, None, *row) for n, row in enumerate(records, 1)])


def test_merged_cells_have_their_value_once(path):
    workbook = xlsxwriter.Workbook(path)
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    sheet.merge_range("A2:A3", "m")
    sheet.write_column(1, 1, ["1", "2"])
    workbook.close()
    assert read(path) == (["a", "b"], [(1, None, "m", "1"), (2, None, None, "2")])


def test_the_sheet_can_be_named(path):
    write(path, {"First": [["a"], ["1"]], "Second": [["b"], ["2"]]})
    assert read(path) == (["a"], [(1, None, "1")])
    assert read(path, "Second") == (["b"], [(1, None, "2")])
    source = ExcelReader(LocalContent(path), ReadingOptions())
    assert source.reading == {"sheet": "First"}
    with pytest.raises(SourceError, match=r"it has no sheet Third\. Its sheets are: First, Second"):
        read(path, "Third")


def test_records_can_be_read_again(path):
    write(path, {"S": [["a"], ["1"]]})
    source = ExcelReader(LocalContent(path), ReadingOptions())
    once = [frame.rows() for frame in source.read()]
    assert once == [frame.rows() for frame in source.read()] == [[(1, None, "1")]]


def test_many_rows_come_in_several_frames(path):
    write(path, {"S": [["n"], *([n] for n in range(40_000))]}, constant_memory=True)
    source = ExcelReader(LocalContent(path), ReadingOptions())
    frames = list(source.read())
    assert len(frames) == 3
    cells = [cell for frame in frames for cell in frame["c0"]]
    assert cells == [str(n) for n in range(40_000)]


class Remote(LocalContent):
    """A file that is not on this machine."""

    path = None

    def __init__(self, path):
        object.__setattr__(self, "place", path)

    def open_seekable(self):
        return self.place.open("rb")


def test_a_workbook_from_elsewhere_is_copied_first(path):
    write(path, {"S": [["a"], ["1"]]})
    assert ExcelReader(Remote(path), ReadingOptions()).header == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is no Excel workbook", id="empty"),
        pytest.param(b"Id,Address\n1,2\n", "is no Excel workbook", id="CSV"),
        pytest.param(b"PK\x03\x04" + bytes(100), "it is damaged, or no workbook", id="no archive"),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "protected by a password, or a workbook of Excel 97",
            id="legacy",
        ),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            r"is protected by a password\. Save it as",
            id="protected",
        ),
    ],
)
def test_what_is_no_workbook_is_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["none.xlsx", "."], ids=["missing", "directory"])
def test_what_cannot_be_opened_is_refused(tmp_path, name):
    with pytest.raises(SourceError, match="Cannot read"):
        read(tmp_path / name)


def test_an_empty_sheet_is_refused(path):
    write(path, {"S": []})
    with pytest.raises(SourceError, match="the sheet is empty"):
        read(path)


def test_a_workbook_that_is_cut_off_is_refused(path):
    write(path, {"S": [["a"], ["1"]]})
    content = path.read_bytes()
    for end in range(100, len(content), len(content) // 6):
        path.write_bytes(content[:end])
        with pytest.raises(SourceError, match="damaged"):
            read(path)


def rewrite(path, **members):
    """Replace members of a workbook by what a function makes of them; `sheet1` for its sheet."""
    with zipfile.ZipFile(path) as archive:
        contents = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            change = members.get(name.rpartition("/")[2].removesuffix(".xml"))
            archive.writestr(name, change(content) if change else content)


LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))
    + b"]>"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY m SYSTEM "file:///etc/passwd">]>'


def declare(entities):
    """Put entities before the content, and one of them into its first text."""

    def change(content):
        content = content.replace(b"<sst", entities + b"<sst", 1)
        return re.sub(rb"<t>[^<]*</t>", b"<t>&m;</t>", content, count=1)

    return change


@pytest.mark.parametrize("entities", [LAUGHS, OUTSIDE], ids=["billion laughs", "a file"])
def test_entities_are_not_resolved(path, entities):
    write(path, {"S": [["a", "b"], ["1", "2"]]})
    rewrite(path, sharedStrings=declare(entities))
    started = time.monotonic()
    try:
        header, rows = read(path)
    except SourceError:
        header, rows = [], []
    assert len(str((header, rows))) < 200
    assert "root" not in str((header, rows))
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("row", [30_000, 1_048_576])
def test_a_cell_far_away_ends_the_worker_only(path, row):
    """Between two cells calamine makes room for all the others."""
    write(path, {"S": [["a"], ["1"]]})
    far = b'<row r="%d"><c r="XFD%d"><v>1</v></c></row></sheetData>' % (row, row)
    rewrite(path, sheet1=lambda content: content.replace(b"</sheetData>", far))
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"took too much memory.*save the sheet as CSV"):
        read(path)
    assert time.monotonic() - started < 3


def test_a_cell_far_to_the_right_is_refused_for_its_column(path):
    write(path, {"S": [["a"], ["1"]]})
    far = b'<row r="300"><c r="XFD300"><v>1</v></c></row></sheetData>'
    rewrite(path, sheet1=lambda content: content.replace(b"</sheetData>", far))
    with pytest.raises(SourceError, match="it has 16,384 columns"):
        read(path)


def test_very_many_columns_are_refused(path):
    write(path, {"S": [[str(n) for n in range(6000)]]})
    with pytest.raises(SourceError, match="it has 6,000 columns, more than 5,000"):
        read(path)


def test_a_zip_bomb_is_refused(path):
    write(path, {"S": [["a"], ["1"]]})
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/media/bomb.bin", "w", force_zip64=True) as member,
    ):
        for _ in range(1025):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 10 << 20
    with pytest.raises(SourceError, match="unpacked it is larger than 1 GiB"):
        read(path)


def test_a_zip_that_lies_about_its_size_is_measured(path, monkeypatch):
    write(path, {"S": [["a"], ["1"]]})
    rewrite(path, sheet1=lambda content: content + bytes(3 << 20))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    claim = info.file_size.to_bytes(4, "little")
    assert content.count(claim) == 2
    path.write_bytes(content.replace(claim, (100).to_bytes(4, "little")))
    from pipelines.sources import excel_worker

    monkeypatch.setattr(excel_worker, "UNPACKED_BYTES", 3 << 20)
    with pytest.raises(excel_worker.RefusedError, match="unpacked it is larger"):
        excel_worker._check_size(str(path))


def test_a_worker_that_takes_too_long_is_ended(path, monkeypatch):
    write(path, {"S": [["a"], ["1"]]})
    monkeypatch.setattr(excel_reader, "TIMEOUT_S", 0.01)
    with pytest.raises(SourceError, match=r"took more than 0\.01 s"):
        read(path)


def test_paths_within_a_workbook_lead_nowhere(path, tmp_path):
    write(path, {"S": [["a"], ["1"]]})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.txt", "x")
    assert read(path)[0] == ["a"]
    assert not (tmp_path.parent / "outside.txt").exists()


def test_the_worker_gets_no_credentials(path, monkeypatch):
    write(path, {"S": [["a"], ["1"]]})
    seen = {}
    run = excel_reader.subprocess.run

    def watch(command, **options):
        seen.update(options["env"])
        return run(command, **options)

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(excel_reader.subprocess, "run", watch)
    read(path)
    assert not [name for name in seen if name.startswith("AWS_")]


def test_the_worker_takes_as_many_columns_as_any_reader():
    assert excel_worker.MOST_COLUMNS == base.MOST_COLUMNS

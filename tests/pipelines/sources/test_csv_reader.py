"""CSV: every record in its place, whatever the writer and the blocks do to it."""

import csv
import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources import csv_reader
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader


def read(path, block_bytes=None):
    """Give header and rows of a file: (source_row, malformed, *cells)."""
    with pytest.MonkeyPatch.context() as patch:
        if block_bytes is not None:
            blocks = (block_bytes,) if isinstance(block_bytes, int) else block_bytes
            patch.setattr(csv_reader, "BLOCK_BYTES", blocks)
        source = CsvReader(LocalContent(path), ReadingOptions())
        return source.header, [row for frame in source.read() for row in frame.rows()]


@pytest.fixture
def written(tmp_path):
    """Write a file; give its path."""

    def write(content, name="x.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(path, block_bytes=None):
    with pytest.raises(SourceError) as caught:
        read(path, block_bytes)
    return str(caught.value)


# -- what a writer may write ---------------------------------------------------------------

CELLS = st.text(st.sampled_from('ab ,"\n\r\té😀;'), max_size=6)
LINE_ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def documents(draw):
    """A CSV text as Python's csv module writes it, with the rows that must be read from it."""
    width = draw(st.integers(2, 4))
    line_end = draw(LINE_ENDS)
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    # Python's writer leaves a lone CR bare where it need not quote: no reader takes that back.
    is_bare = quoting == csv.QUOTE_MINIMAL and line_end == "\n"
    cells = CELLS.map(lambda text: text.replace("\r", "")) if is_bare else CELLS
    good = st.lists(cells, min_size=width, max_size=width)
    plain = st.lists(st.sampled_from(["a", "b", "é"]), min_size=1, max_size=width + 2)
    malformed = plain.filter(lambda cells: len(cells) != width)
    records = draw(st.lists(st.one_of(good, good, malformed), max_size=30))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting)
    writer.writerow([f"h{position}" for position in range(width)])
    rows = []
    for number, cells in enumerate(records, 1):
        text.write(line_end * draw(st.sampled_from([0, 0, 0, 1, 3])))
        start = text.tell()
        writer.writerow(cells)
        if len(cells) == width:
            rows.append((number, None, *cells))
        else:
            raw = text.getvalue()[start:].removesuffix(line_end)
            rows.append((number, raw, *[None] * width))
    content = text.getvalue()
    if records and draw(st.booleans()):
        content = content.removesuffix(line_end)
    return content, rows


@settings(deadline=None)
@given(document=documents(), block_bytes=st.sampled_from([None, 64, 100, 256]), bom=st.booleans())
@example(document=('h0,h1\n"a","\n"\n', [(1, None, "a", "\n")]), block_bytes=None, bom=False)
@example(document=('h0,h1\na,"""\n"\n', [(1, None, "a", '"\n')]), block_bytes=None, bom=False)
def test_every_record_is_read_in_its_place(document, block_bytes, bom):
    content, rows = document
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(content.encode("utf-8-sig" if bom else "utf-8"))
        assert read(path, block_bytes)[1] == rows


@settings(deadline=None)
@given(
    kinds=st.lists(st.booleans(), max_size=200),
    block_bytes=st.integers(16, 80),
)
@example(kinds=[False] * 60 + [True] + [False] * 60, block_bytes=16)
def test_malformed_records_keep_their_places_over_any_blocks(kinds, block_bytes):
    lines = [f"{n},x" if is_good else f"{n}" for n, is_good in enumerate(kinds, 1)]
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_text("\n".join(["h0,h1", *lines, ""]))
        _, rows = read(path, block_bytes)
    assert rows == [
        (n, None, str(n), "x") if is_good else (n, str(n), None, None)
        for n, is_good in enumerate(kinds, 1)
    ]


@pytest.mark.parametrize("block_bytes", range(16, 48))
def test_line_breaks_in_values_are_kept_over_any_blocks(written, block_bytes):
    lines = [f'{n},"x\r\ny\r"' for n in range(100)]
    _, rows = read(written("\r\n".join(["a,b", *lines])), block_bytes)
    assert rows == [(n + 1, None, str(n), "x\r\ny\r") for n in range(100)]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("a,b\nx\n1,2\n", [(1, "x", None, None), (2, None, "1", "2")], id="first"),
        pytest.param("a,b\n1,2\nx\n", [(1, None, "1", "2"), (2, "x", None, None)], id="last"),
        pytest.param("a,b\n1,2\nx", [(1, None, "1", "2"), (2, "x", None, None)], id="no line end"),
        pytest.param(
            "a,b\n1,2,3\nx\n", [(1, "1,2,3", None, None), (2, "x", None, None)], id="every one"
        ),
        pytest.param("a,b\n  \n", [(1, "  ", None, None)], id="only spaces"),
        pytest.param('a,b\n"p\nq"\n', [(1, '"p\nq"', None, None)], id="with a line break"),
    ],
)
def test_a_malformed_record_is_a_row_with_its_text(written, content, rows):
    assert read(written(content))[1] == rows


@pytest.mark.parametrize(
    ("content", "header", "rows"),
    [
        pytest.param("\ufeffa,b\n1,2\n", ["a", "b"], [(1, None, "1", "2")], id="byte order mark"),
        pytest.param("a,b\r\n1,2\r\n", ["a", "b"], [(1, None, "1", "2")], id="CRLF"),
        pytest.param("a,b\r1,2\r", ["a", "b"], [(1, None, "1", "2")], id="CR"),
        pytest.param("a,b\n1,2", ["a", "b"], [(1, None, "1", "2")], id="no last line end"),
        pytest.param("\n\na,b\n\n1,2\n", ["a", "b"], [(1, None, "1", "2")], id="blank lines"),
        pytest.param('"a ""x""","b\nc"\n1,2\n', ['a "x"', "b\nc"], [(1, None, "1", "2")], id="q"),
        pytest.param("a,a\n1,2\n", ["a", "a"], [(1, None, "1", "2")], id="repeated header"),
        pytest.param("a,\n1,2\n", ["a", ""], [(1, None, "1", "2")], id="nameless column"),
        pytest.param('a,b\n"",\n', ["a", "b"], [(1, None, "", "")], id="empty cells are text"),
        pytest.param("a,b\nNULL,nan\n", ["a", "b"], [(1, None, "NULL", "nan")], id="no null words"),
        pytest.param("a,b\n007,1e3\n", ["a", "b"], [(1, None, "007", "1e3")], id="no numbers"),
        pytest.param('a,b\n5" disk,x"y\n', ["a", "b"], [(1, None, '5" disk', 'x"y')], id="inches"),
        pytest.param("a,b\n1,\0\n", ["a", "b"], [(1, None, "1", "\0")], id="NUL is judged later"),
        pytest.param("a,b\n x , y\n", ["a", "b"], [(1, None, " x ", " y")], id="spaces are kept"),
    ],
)
def test_a_file_is_read_as_it_is(written, content, header, rows):
    assert read(written(content)) == (header, rows)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("a\n1\n2\n", [(1, None, "1"), (2, None, "2")], id="plain"),
        pytest.param("a\n1\n\n2\n", [(1, None, "1"), (2, None, "2")], id="blank line"),
        pytest.param('a\n""\n2\n', [(1, None, ""), (2, None, "2")], id="quoted nothing"),
        pytest.param("a\n1\n2,3\n", [(1, None, "1"), (2, "2,3", None)], id="malformed"),
    ],
)
def test_a_file_of_one_column(written, content, rows):
    assert read(written(content))[1] == rows


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "\ufeffa,b\r\n", "a,b\n\n\n"])
def test_a_header_alone_has_no_rows(written, content):
    assert read(written(content)) == (["a", "b"], [])


def test_a_file_can_be_read_twice(written):
    source = CsvReader(LocalContent(written("a,b\n1\n2,3\n4\n")), ReadingOptions())
    first = [row for frame in source.read() for row in frame.rows()]
    assert [row for frame in source.read() for row in frame.rows()] == first


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\xef\xbb\xbf\r\n \n", "is empty", id="blank"),
        pytest.param(b"\x1f\x8b\x08\x00rest", "gzip", id="gzip"),
        pytest.param(b"PK\x03\x04rest", "zip archive", id="zip"),
        pytest.param(b"PAR1rest", "Parquet", id="Parquet"),
        pytest.param(b"ARROW1rest", "an Arrow file", id="Arrow"),
        pytest.param(b"BZh91AY&SYrest", "bzip2", id="bzip2"),
        pytest.param(b"a,\x00b\n1,2\n", "is binary", id="NUL in the header"),
        pytest.param(
            "a,\udcffx\né,2\né,ü\n".encode(errors="surrogateescape"),
            r"header: [\xFFx] holds bytes that are no characters",
            id="undecoded bytes in the header",
        ),
        pytest.param(
            "é,ana@example.com \udcff\né,2\né,ü\n".encode(errors="surrogateescape"),
            r"header: [•••@•••••••.••• \•••] holds",
            id="undecoded bytes in what is no header",
        ),
    ],
)
def test_what_is_no_csv_is_named(written, content, what):
    path = written(content)
    message = refusal(path)
    assert str(path) in message
    assert what in message


@pytest.mark.parametrize(
    ("content", "where"),
    [
        pytest.param('a,b,c\n1,2,"x\n3,4,5\n', "record 1, column c", id="last column"),
        pytest.param('a,b,c\n1,2,"x\n3,4,""y\n', "record 1, column c", id="quotes behind it"),
        pytest.param('a,b,c\n1,2,3\n1,"x,3\n4,5,6\n7,8,9\n', "record 2, column b", id="middle"),
        pytest.param('a,b,c\n1,2,3\n"1,x,3\n4,5,6\n', "record 2, column a", id="first"),
        pytest.param('a,b,c\n"p,q",""\n"r\ns\n', "record 2, column a", id="behind malformed ones"),
        pytest.param('a\n1\n"2\n3\n', "record 2, column a", id="only column"),
    ],
)
def test_a_quote_that_is_never_closed_is_refused(written, content, where):
    path = written(content)
    assert refusal(path).startswith(f"{path}, {where}: a quote is opened and never closed")


@pytest.mark.parametrize("column", ["a", "b", "c"])
def test_a_quote_that_is_never_closed_in_a_large_file_is_refused(written, column):
    cells = dict.fromkeys("abc", "1") | {column: '"1'}
    lines = ["1,2,3"] * 50 + [",".join(cells.values())] + ["1,2,3"] * 50
    assert "never closed" in refusal(written("\n".join(["a,b,c", *lines])), 128)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize(
    "value", ["\n", '"\n', '\n"', '"\n"', "x\ny", "x\r\ny", '\n"\n', '"' * 3 + "\n"]
)
def test_a_last_value_with_line_breaks_that_is_closed_is_read(written, value, end):
    quoted = value.replace('"', '""')
    rows = read(written(f'a,b\n1,"{quoted}"{end}'))[1]
    assert rows == [(1, None, "1", value)]


def test_a_record_longer_than_a_block_is_refused(written):
    message = refusal(written("a,b\n1,2\n3," + "x" * 300 + "\n"), 128)
    assert "behind record 1 is longer than" in message


@pytest.mark.parametrize("before", [0, 1, 2, 3, 40])
def test_a_record_longer_than_a_block_is_read_with_larger_blocks(written, before):
    good, bad = ["1,2"] * before, ["ragged,1,2"] * (before // 2)
    records = [*good, *bad, "3," + "x" * 300, *bad, *good, "ragged"]
    path = written("a,b\n" + "\n".join(records) + "\n")
    assert read(path, (64, 2048)) == read(path)
    assert len(read(path)[1]) == len(records)


@pytest.mark.parametrize("rows", ["1\n2\n", "1,2,3\n4,5,6\n"], ids=["narrower", "wider"])
def test_records_that_none_fit_the_header_are_all_malformed(written, rows):
    read_rows = read(written(f"a,b\n{rows}"))[1]
    assert [row[:2] for row in read_rows] == list(enumerate(rows.split(), 1))


def test_a_file_that_is_gone_before_it_is_read(written):
    path = written("a,b\n1,2\n")
    source = CsvReader(LocalContent(path), ReadingOptions())
    path.unlink()
    with pytest.raises(SourceError, match="Cannot read"):
        list(source.read())


def test_a_file_that_is_not_there(tmp_path):
    assert refusal(tmp_path / "none.csv").startswith("Cannot read")


def test_a_directory_in_place_of_a_file(tmp_path):
    assert refusal(tmp_path).startswith("Cannot read")


def test_a_file_without_permission(written):
    path = written("a,b\n1,2\n")
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        message = refusal(path)
    finally:
        if is_root:
            os.seteuid(0)
    assert "Permission denied" in message

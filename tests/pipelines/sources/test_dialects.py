"""Dialects: what a writer may write is read back, found out or asked for; never read otherwise."""

import csv
import io
import time

import pytest
from csv_support import read_bytes
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipelines.errors import ConfigurationError, SourceError
from pipelines.sources.layouts import describe_reading

QUOTING = {
    "minimal": csv.QUOTE_MINIMAL,
    "all": csv.QUOTE_ALL,
    "nonnumeric": csv.QUOTE_NONNUMERIC,
    "none": csv.QUOTE_NONE,
}
CELLS = st.text(st.sampled_from("ab1 ,;\t|\"'\\\né😀Ж"), max_size=6)
PLAIN = st.text(st.sampled_from("ab1 ,;|\"'\\é"), max_size=6)
NAMES = ["Id", "Address", "Location.City", "User.UserId"]


@st.composite
def documents(draw, cells=CELLS, encodings=("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32")):
    """A CSV as Python's module writes it, its rows, and the options that say how it is written."""
    width = draw(st.integers(1, 4))
    delimiter = draw(st.sampled_from(",;\t|"))
    quote = draw(st.sampled_from(['"', "'"]))
    quoting = draw(st.sampled_from(list(QUOTING)))
    is_escaped = quoting == "none" or draw(st.booleans())
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(st.sampled_from(encodings))
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=delimiter,
        quotechar=quote,
        quoting=QUOTING[quoting],
        escapechar="\\" if is_escaped else None,
        doublequote=not is_escaped,
        lineterminator=line_end,
    )
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=12))
    if quoting == "none" or line_end == "\r":  # what the module cannot take back itself
        rows = [[cell.replace("\n", "") for cell in row] for row in rows]
    if width == 1 and quoting == "none":  # it cannot write a single empty cell
        rows = [[cell or "x"] for (cell,) in rows]
    writer.writerow(NAMES[:width])
    writer.writerows(rows)
    options = {
        "delimiter": delimiter,
        "encoding": "utf-8" if encoding == "utf-8-sig" else encoding,
        "quote": quote,
        "escape": "\\" if is_escaped else "",
    }
    # Nothing tells of a double quote that begins a cell that it is text, where another quote is
    # the one that is used, but only where it is needed.
    text_quotes = quote == "'" and quoting in ("minimal", "none")
    is_clear = not (text_quotes and any('"' in cell for row in rows for cell in row))
    return text.getvalue().encode(encoding), rows, options, is_clear


@settings(deadline=None, max_examples=300)
@given(document=documents())
def test_what_python_writes_is_read_back_with_options(document):
    content, rows, options, _ = document
    header, read, reading = read_bytes(content, **options)
    assert header == NAMES[: len(header)]
    assert read == [(n, None, *row) for n, row in enumerate(rows, 1)]
    assert reading["given"] == "encoding, delimiter, quote, escape"


@settings(deadline=None, max_examples=500)
@given(document=documents())
def test_what_python_writes_is_read_back_or_asked_for(document):
    content, rows, _, is_clear = document
    assume(is_clear)
    try:
        _, read, reading = read_bytes(content)
    except SourceError:
        return
    for n, row in enumerate(rows, 1):
        (found,) = [r for r in read if r[0] == n] or [(n, "lost")]
        assert found[1] is not None or found == (n, None, *row), reading


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_malformed_records_keep_their_numbers_in_every_dialect(delimiter, line_end):
    lines = [
        f"sep={delimiter}",
        "Id,Address,Note",
        '1,a@example.com,"two\nlines, and more"',
        "",
        "2,short",
        "3,c@example.com,x,",
        "4,d@example.com,x,too many",
        '"5",e@example.com,"say ""hi"""',
        "6",
    ]
    text = line_end.join([lines[0], *(line.replace(",", delimiter) for line in lines[1:])])
    for content in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
        header, rows, reading = read_bytes(content)
        assert header == ["Id", "Address", "Note"]
        assert [(row[0], row[1] is None, row[2]) for row in rows] == [
            (1, True, "1"),
            (2, False, None),
            (3, True, "3"),
            (4, False, None),
            (5, True, "5"),
            (6, False, None),
        ]
        assert rows[0][4] == "two\nlines, and more".replace(",", delimiter)
        assert rows[1][1] == "2,short".replace(",", delimiter)
        assert rows[4][4] == 'say "hi"'
        assert reading["delimiter"] == delimiter


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        pytest.param("Id;Address\n1;a,b\n2;c\n", [("1", "a,b"), ("2", "c")], id="semicolon"),
        pytest.param("Id\tAddress\n1\ta\n", [("1", "a")], id="tab"),
        pytest.param("Id|Address\n1|a\n", [("1", "a")], id="pipe"),
        pytest.param("Vorname;Umsatz\nAna;1,5\nBo;2,5\n", [("Ana", "1,5"), ("Bo", "2,5")], id="de"),
        pytest.param("sep=;\r\nId;Address\r\n1;a\r\n", [("1", "a")], id="sep"),
        pytest.param("SEP=^\nId^Address\n1^a\n", [("1", "a")], id="sep of an odd kind"),
        pytest.param("'Id','Address'\n'1','it''s'\n", [("1", "it's")], id="single quotes"),
        pytest.param("Id,Address\n1,'a,b'\n2,c\n", [("1", "a,b"), ("2", "c")], id="single needed"),
        pytest.param("Id,Name\n1,'x'\n2,O'Brien\n", [("1", "'x'"), ("2", "O'Brien")], id="text"),
        pytest.param('Id,Name\n1,"a\\"b, c"\n2,x\n', [("1", 'a"b, c'), ("2", "x")], id="backslash"),
        pytest.param('Id,Name\n1,"C:\\"\n2,"D:\\x"\n', [("1", "C:\\"), ("2", "D:\\x")], id="path"),
        pytest.param("Id,Name\n1,a\\,b\n2,c\n", [("1", "a,b"), ("2", "c")], id="no quotes"),
        pytest.param(
            'Id\tName\n1\t"A" one\n2\t"B" two\n3\t"C" three\n',
            [("1", '"A" one'), ("2", '"B" two'), ("3", '"C" three')],
            id="quotes are text",
        ),
        pytest.param('Id, Name\n1, "a, b"\n2, c\n', [("1", "a, b"), ("2", "c")], id="spaces"),
        pytest.param(
            'Id, N\n1, "a\rb"\n2, "c, d"\n',
            [("1", "a\rb"), ("2", "c, d")],
            id="spaces, and a CR in quotes",
        ),
        pytest.param(
            'Id,Name\n1," ""x"""\n2,"y\n ""z"""\n3, \n',
            [("1", ' "x"'), ("2", 'y\n "z"'), ("3", " ")],
            id="spaces before quotes within quotes",
        ),
        pytest.param("Id,Name,\n1,a,\n2,b,\n", [("1", "a"), ("2", "b")], id="trailing, all"),
        pytest.param("Id,Name\n1,a,\n2,b,\n", [("1", "a"), ("2", "b")], id="trailing, records"),
        pytest.param("Id,Name\n1,a,,,\n2,b\n", [("1", "a"), ("2", "b")], id="trailing, one"),
        pytest.param("Id,Name,,\n1,a\n2,b,,\n", [("1", "a"), ("2", "b")], id="trailing, mixed"),
    ],
)
def test_a_dialect_is_found_out(content, cells):
    _, rows, reading = read_bytes(content.encode())
    assert rows == [(n, None, *row) for n, row in enumerate(cells, 1)]
    assert reading["given"] == ""


@pytest.mark.parametrize("header", ["Id,Name,", "Id,Name"])
def test_a_value_behind_the_named_columns_makes_its_record_malformed(header):
    lines = [header, *["1,a,"] * 3000, "2,b,x", '3,"c ""d""",y', "4,d,", "5,e"]
    _, rows, _ = read_bytes("\n".join(lines).encode())
    assert rows[2999:] == [
        (3000, None, "1", "a"),
        (3001, "2,b,x", None, None),
        (3002, '3,"c ""d""",y', None, None),
        (3003, None, "4", "d"),
        (3004, None, "5", "e"),
    ]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        pytest.param("a,b;c\n1,2;3\n", ["--delimiter comma", "--delimiter semicolon"], id="both"),
        pytest.param("Id,Name\n1,a\\\\b\n", ["--escape none", "--escape backslash"], id="escape"),
        pytest.param("Id,Name\n1,'it''s'\n", ["--quote double", "--quote single"], id="quote"),
    ],
)
def test_a_weak_guess_is_asked_for(content, options):
    with pytest.raises(SourceError) as caught:
        read_bytes(content.encode())
    assert all(option in str(caught.value) for option in options)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_of_our_own_errors_csv_nothing_is_asked(delimiter):
    names = ["Id", "Name", "_source_file", "_source_row", "_outcome"]
    cells = ["1", r"a\\b", "x.csv", "1", "invalid"]
    content = delimiter.join(names) + "\n" + delimiter.join(cells)
    _, rows, reading = read_bytes(content.encode())
    assert rows == [(1, None, *cells)]
    assert reading["given"] == ""


def test_the_question_shows_no_address():
    with pytest.raises(SourceError) as caught:
        read_bytes(b"a,b;c\n+12065550100,ana@example.com;3\n")
    assert "ana@" not in str(caught.value)
    assert "2065550" not in str(caught.value)


def test_options_win_over_all_else():
    content = b"sep=;\nId;Name\n1;'a,b'\n"
    _, rows, reading = read_bytes(content, delimiter=",", quote="")
    assert rows == [(1, "1;'a,b'", None)] or rows == [(1, "1;'a", "b'")] or rows[0][1] is not None
    assert reading["delimiter"] == ","
    assert describe_reading(reading).startswith("encoding utf-8, delimiter comma (as given)")


def test_a_file_without_header():
    header, rows, _ = read_bytes(b"1,a\nx\n2,b\n", has_header=False, header=("Id", "Name"))
    assert header == ["Id", "Name"]
    assert rows == [(1, None, "1", "a"), (2, "x", None, None), (3, None, "2", "b")]


def test_a_file_without_header_needs_names():
    with pytest.raises(ConfigurationError, match="`header`"):
        read_bytes(b"1,a\n", has_header=False)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b",".join(b"c%d" % n for n in range(1_000_000)), "too long", id="one line"),
        pytest.param(b"," * 100_000 + b"\n1,2\n", "100,001 columns", id="delimiters"),
        pytest.param(
            b",".join(b"c%d" % n for n in range(5001)) + b"\n1\n", "5,001 columns", id="just over"
        ),
        pytest.param(b'a,"b\n' + b"1,2\n" * 3_000_000, "never closed", id="open in the header"),
        pytest.param(b"a,b\n1," + b"x" * (20 << 20), "longer than 8 MiB", id="long field"),
        pytest.param(b'a,b\n1,"' + b"2,3\n" * (5 << 20), "longer than 8 MiB", id="open quote"),
        pytest.param(b'a, "b"\n1, "' + b"2,3\n" * (5 << 20), "never closed", id="open, spaced"),
    ],
)
def test_what_is_far_too_long_is_refused_in_little_time(content, what):
    began = time.process_time()
    with pytest.raises(SourceError, match=what):
        read_bytes(content)
    assert time.process_time() - began < 5


@example(rows=[" a"], line_end="\n")
@settings(deadline=None)
@given(
    rows=st.lists(PLAIN, max_size=5),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_spaces_behind_delimiters_are_left_out_where_quotes_follow(rows, line_end):
    records = [("Id", "Note"), ("0", "x, y"), *((str(n), row) for n, row in enumerate(rows, 1))]
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in records]
    content = "".join(", ".join(row) + line_end for row in quoted)
    _, read, _ = read_bytes(content.encode(), escape="")
    assert read == [(n, None, *row) for n, row in enumerate(records[1:], 1)]

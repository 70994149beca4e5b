"""NDJSON: every member of every record becomes the text it stands for, fast or slow."""

import json
import time

import orjson
import pytest

from pipelines.errors import SourceError
from pipelines.sources import ndjson_reader
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.ndjson_reader import NdjsonReader
from schemas.undecoded import ERRORS, show_marked


@pytest.fixture
def read(tmp_path):
    """Write a file and read it: header and rows of (source_row, malformed, *cells)."""

    def write_and_read(content, **options):
        path = tmp_path / "x.ndjson"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        source = NdjsonReader(LocalContent(path), ReadingOptions(**options))
        return source.header, [row for frame in source.read() for row in frame.rows()]

    return write_and_read


def cells(rows):
    return [row[2] for row in rows]


def test_a_pinpoint_export(read):
    record = {
        "Id": "1",
        "ApplicationId": "a",
        "CohortId": "7",
        "CreationDate": "2026-01-02T03:04:05.678Z",
        "Address": "+12065550100",
        "Location": {"Country": "US", "Latitude": 47.6},
        "Attributes": {"Likes": ["a", "b"], "a.b": ["c"]},
        "Metrics": {"m": 12.50},
        "User": {"UserId": "u", "UserAttributes": {"Plan": ["gold"]}},
    }
    other = {"Id": "2", "Attributes": {"Other": ["x"]}, "Location": None, "Inactive": True}
    header, rows = read(json.dumps(record) + "\n" + json.dumps(other) + "\n")
    assert header == [
        *("Id", "ApplicationId", "CohortId", "CreationDate", "Address", "Location.Country"),
        *("Location.Latitude", "Attributes.Likes", "Attributes.a.b", "Attributes.Other"),
        *("Metrics.m", "User.UserId", "User.UserAttributes.Plan", "Inactive"),
    ]
    first = ("1", "a", "7", "2026-01-02T03:04:05.678Z", "+12065550100", "US", "47.6", ["a", "b"])
    assert rows == [
        (1, None, *first, ["c"], None, "12.5", "u", ["gold"], None),
        (2, None, "2", *[None] * 8, ["x"], None, None, None, "true"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param('"x"', "x", id="text"),
        pytest.param('""', "", id="empty text"),
        pytest.param('"007"', "007", id="leading zeros"),
        pytest.param('"2026-01-02"', "2026-01-02", id="date"),
        pytest.param('"2026-01-02T03:04:05+02:00"', "2026-01-02T03:04:05+02:00", id="moment"),
        pytest.param(r'"\u00e9\ud83d\ude00\/\n\u0000"', "é😀/\n\0", id="escapes"),
        pytest.param('"{[\\"}]\\\\"', '{["}]\\', id="brackets and quotes in text"),
        pytest.param("5", "5", id="whole"),
        pytest.param("-5", "-5", id="negative"),
        pytest.param("5.0", "5", id="whole with a point"),
        pytest.param("1.206555e10", "12065550000", id="whole with an exponent"),
        pytest.param("-0", "0", id="minus zero"),
        pytest.param("-0.0", "0", id="minus zero with a point"),
        pytest.param("12.50", "12.5", id="fraction"),
        pytest.param("0.1", "0.1", id="tenth"),
        pytest.param("9007199254740993", "9007199254740993", id="beyond exact floats"),
        pytest.param("18446744073709551615", "18446744073709551615", id="64 bits"),
        pytest.param("9" * 40, "9" * 40, id="more than 64 bits"),
        pytest.param("-" + "9" * 40, "-" + "9" * 40, id="negative, more than 64 bits"),
        pytest.param("1e20", "1e+20", id="large"),
        pytest.param("true", "true", id="true"),
        pytest.param("false", "false", id="false"),
        pytest.param("null", None, id="null"),
        pytest.param('["a",null]', ["a", None], id="list"),
        pytest.param("[1,2.50,true]", ["1", "2.5", "true"], id="list of anything"),
        pytest.param("[]", [], id="empty list"),
        pytest.param("[null,null]", [None, None], id="list of nulls"),
        pytest.param('[{"a":1.50,"b":"é"}]', '[{"a":1.5,"b":"é"}]', id="list of objects"),
        pytest.param('[["a"],1]', '[["a"],1]', id="nested list"),
        pytest.param("[[" + "9" * 25 + "]]", "[[" + "9" * 25 + "]]", id="nested long number"),
        pytest.param('1,"x":2', "2", id="twice: the last counts"),
    ],
)
@pytest.mark.parametrize("before", ["", '{"x":"t"}\n', '{"x":["t"]}\n', '{"x":{"y":1}}\n'])
def test_a_value_becomes_text(read, value, text, before):
    header, rows = read(f'{before}{{"x":{value}}}\n{{"x":null}}\n')
    column = 2 + header.index("x") if "x" in header else None
    found = None if column is None else rows[-2][column]
    if '["t"]' in before or value.startswith("[1") or '"t"' in before:
        found = found[0] if isinstance(found, list) and not isinstance(text, list) else found
    assert found == text
    assert [row[1] for row in rows] == [None] * len(rows)


def test_kinds_may_change_from_row_to_row(read):
    values = ['"a"', "1", '["b","c"]', "true", "null", '[{"d":1}]', "[]", "1.5", '{"y":2}']
    header, rows = read("".join(f'{{"x":{value}}}\n' for value in values))
    assert header == ["x", "x.y"]
    lists = [["a"], ["1"], ["b", "c"], ["true"], None, ['[{"d":1}]'], [], ["1.5"], None]
    assert cells(rows) == lists
    assert rows[-1] == (9, None, None, "2")


@pytest.mark.parametrize("column", ["Address", "id", "Metrics.m"])
def test_a_list_where_one_value_belongs_is_its_text(read, column):
    """It must be refused as a value of this row, not stop the others."""
    name, _, inner = column.partition(".")
    value = {inner: ["1"]} if inner else ["1"]
    _, rows = read(json.dumps({name: value}) + "\n")
    assert cells(rows) == ['["1"]']


MALFORMED = [
    pytest.param(b"{", id="open"),
    pytest.param(b'{"a":1', id="cut off"),
    pytest.param(b'{"a":1}}', id="closed twice"),
    pytest.param(b'{"a":1}{"a":2}', id="two on a line"),
    pytest.param(b'{"a":1} {"a":2}', id="two on a line, apart"),
    pytest.param(b'{"a":1},', id="comma behind"),
    pytest.param(b'{"a":1,}', id="comma within"),
    pytest.param(b"{a:1}", id="no quotes"),
    pytest.param(b"{'a':1}", id="single quotes"),
    pytest.param(b'{"a":NaN}', id="NaN"),
    pytest.param(b'{"a":-Infinity}', id="Infinity"),
    pytest.param(b'{"a":1e999}', id="too large"),
    pytest.param(b'{"a":1e999,"b":1111111111111111111111}', id="too large, with a long number"),
    pytest.param(b'{"a":NaN,"b":1111111111111111111111}', id="NaN with a long number"),
    pytest.param(b'{"a":01}', id="leading zero"),
    pytest.param(b'{"a":"\\ud800"}', id="lone surrogate"),
    pytest.param(b'{"a":"\\ud800","b":11111111111111111111}', id="surrogate with a long number"),
    pytest.param(b'{"a":"x\ty"}', id="raw control character"),
    pytest.param(b'{"a":"\xe9"}', id="not UTF-8"),
    pytest.param(b'{"a":"\xe9","b":11111111111111111111}', id="not UTF-8, with a long number"),
    pytest.param(b'{"a":1}\x00', id="NUL"),
    pytest.param(b"[1]", id="list"),
    pytest.param(b"5", id="number"),
    pytest.param(b"null", id="null"),
    pytest.param(b"a,b,c", id="CSV"),
    pytest.param(b"\xef\xbb\xbf{}", id="mark within the file"),
    pytest.param(b"{" * 100_000, id="very deep"),
    pytest.param(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="very deep, closed"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="very deep objects"),
    pytest.param(b'{"a":"\\"","b":' + b"[" * 100 + b'"]"' + b"]" * 100 + b"}", id="hidden depth"),
    pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="a number of 5,000 digits"),
]


@pytest.mark.parametrize("line", MALFORMED)
@pytest.mark.parametrize("ends", [("\n", "\n"), ("\n\n", "\n  \r\n")], ids=["plain", "blank lines"])
def test_a_line_that_is_no_object_is_a_malformed_record(read, line, ends):
    started = time.monotonic()
    before, behind = (end.encode() for end in ends)
    header, rows = read(b'{"a":1.5}' + before + line + behind + b'{"a":2}\r\n')
    assert header == ["a"]
    text = line.decode("utf-8", ERRORS)
    assert rows == [(1, None, "1.5"), (2, text, None), (3, None, "2")]
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('{"a":1}{"a":2}\n{"a":\n3}\n', id="as many objects as lines"),
        pytest.param('{"o":{"t":"}\n{"}\n', id="a line end within a text"),
        pytest.param('{"a":1}{"a":2}\n{"o":{"p":{}\n,"q":{}}}\n', id="a comma at the start"),
        pytest.param('{"a":1}{"a":2}\n{"o":\n{"p":{}}}\n', id="an object over two lines"),
    ],
)
def test_a_line_is_a_record_whatever_it_holds(read, content):
    before = '{"a":1,"o":{"t":"x","p":{"y":1},"q":{"y":1}}}\n'
    _, rows = read(before + content)
    assert [row[1] for row in rows] == [None, *content.splitlines()]


def test_long_numbers_among_fractions_keep_their_digits(read):
    _, rows = read('{"x":0.5,"y":[0.5]}\n{"x":9007199254740993,"y":[9007199254740993]}\n')
    assert rows[1] == (2, None, "9007199254740993", ["9007199254740993"])


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        pytest.param('{"x":"é😀"}\n'.encode(), "utf-8", id="UTF-8"),
        pytest.param('\ufeff{"x":"é😀"}\n'.encode(), "utf-8", id="UTF-8 with mark"),
        pytest.param('\ufeff{"x":"é😀"}\n'.encode("utf-16-le"), "utf-16-le", id="UTF-16"),
        pytest.param('\ufeff{"x":"é😀"}\n'.encode("utf-16-be"), "utf-16-be", id="UTF-16, big"),
        pytest.param('\ufeff{"x":"é😀"}\n'.encode("utf-32-le"), "utf-32-le", id="UTF-32"),
    ],
)
def test_an_encoding_is_seen_by_its_mark(tmp_path, content, encoding):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    source = NdjsonReader(LocalContent(path), ReadingOptions())
    (frame,) = source.read()
    assert source.header == ["x"]
    assert source.reading == {"encoding": encoding, "layout": "one object a line"}
    assert frame.rows() == [(1, None, "é😀")]


def test_an_encoding_can_be_named(read):
    assert read('{"x":"é"}\n'.encode("cp1252"), encoding="cp1252")[1] == [(1, None, "é")]
    with pytest.raises(SourceError, match="there is no encoding utf-99"):
        read("{}\n", encoding="utf-99")
    with pytest.raises(SourceError, match="there is no encoding hex"):
        read("{}\n", encoding="hex")


def test_half_a_character_in_utf_16_spoils_its_record_only(read):
    good = '\ufeff{"x":1}\n'.encode("utf-16-le")
    lone = '{"x":"\ud800"}\n'.encode("utf-16-le", "surrogatepass")
    _, rows = read(good + lone + '{"x":2}'.encode("utf-16-le") + b"\x0a")
    assert [(row[1] is None, row[2]) for row in rows] == [(True, "1"), (False, None), (False, None)]


@pytest.mark.parametrize(
    ("encoding", "stray"),
    [("utf-8", b"\xe9"), ("cp1252", b"\x81"), ("gb18030", b"\x80"), ("utf-7", b"+2AA-")],
)
@pytest.mark.parametrize("form", [b'{"x":1}\n{"x":"%b"}\n', b'[{"x":1},{"x":"%b"}]'])
def test_bytes_that_are_no_characters_spoil_their_record_only(read, encoding, stray, form):
    _, rows = read(form % stray, encoding=encoding)
    assert [(row[0], row[1] is None) for row in rows] == [(1, True), (2, False)]
    assert "\\x" in show_marked(rows[1][1])


def test_an_encoding_of_two_bytes_needs_no_mark(read):
    assert read('{"x":"é"}'.encode("utf-16-le"), encoding="utf-16")[1] == [(1, None, "é")]
    with pytest.raises(SourceError, match="holds no JSON object"):
        read('{"x":"é"}', encoding="utf-32")


DOCUMENTS = [
    pytest.param('[{"x":1},{"x":"a"}]', id="one line"),
    pytest.param(' [\n{"x":1},\n{"x":"a"}\n]\n', id="a line each"),
    pytest.param('[\r\n  {\r\n    "x": 1\r\n  },\r\n  {\r\n    "x": "a"\r\n  }\r\n]', id="printed"),
    pytest.param('{\n  "x": 1\n}\n{\n  "x": "a"\n}\n', id="printed one by one"),
]


@pytest.mark.parametrize("content", DOCUMENTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_is_read_as_its_records(read, content, encoding):
    assert read(content.encode(encoding)) == (["x"], [(1, None, "1"), (2, None, "a")])


def test_a_document_says_so(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("[{}]")
    assert NdjsonReader(LocalContent(path), ReadingOptions()).reading["layout"] == "one document"


def test_what_is_no_object_in_a_document_is_malformed(read):
    _, rows = read('[{"x":1}, [2], {"x":\n1e999}]')
    assert rows == [(1, None, "1"), (2, "[2]", None), (3, '{"x": 1e999}', None)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("\ufeff \n\n", "is empty", id="blank"),
        pytest.param("[]", "holds no JSON object", id="empty array"),
        pytest.param("Id,Address\n1,2\n", "holds no JSON object", id="CSV"),
        pytest.param(b"\x1f\x8b\x08\0", "gzip-compressed", id="gzip"),
        pytest.param(b"PK\x03\x04", "a zip archive", id="zip"),
        pytest.param(b"ARROW1\0\0", "is an Arrow file, not JSON", id="Arrow"),
        pytest.param(b"BZh91AY&SY", "is bzip2-compressed, not JSON", id="bzip2"),
        pytest.param('[{"x":1}', "but not whole", id="array not closed"),
        pytest.param('[{"x":1} {"x":2}]', "behind record 1: .*comma", id="comma missing"),
        pytest.param('[{"x":1}]{"x":2}', "behind record 1", id="text behind"),
        pytest.param('[{"x":1},]', "record 2: not valid JSON", id="comma too many"),
        pytest.param('{\n"x":01\n}', "record 1: not valid JSON", id="document with a fault"),
        pytest.param(b'[{"x":"\xe9"}]', "holds no JSON object", id="document not UTF-8"),
        pytest.param("[" * 100_000, "nested deeper than 64", id="deep document"),
        pytest.param("[" * 100_000 + "]" * 100_000, "nested deeper", id="deep, closed document"),
        pytest.param('{"x":"' + "a" * (9 << 20) + '"}', "line 1: longer than 8 MiB", id="line"),
        pytest.param('{}\n{"x":"' + "a" * (9 << 20), "line 2: longer than 8 MiB", id="open line"),
        pytest.param("[" + "0," * 8_000_001 + "0]", "too large .* jq -c", id="many values"),
        pytest.param('["' + "a" * (64 << 20) + '"]', "too large .* jq -c", id="large document"),
    ],
)
def test_what_cannot_be_read_says_why(read, tmp_path, content, message):
    started = time.monotonic()
    with pytest.raises(SourceError, match=message) as caught:
        read(content)
    assert str(tmp_path / "x.ndjson") in str(caught.value)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps({f"k{n}": n for n in range(400_000)}), id="in one record"),
        pytest.param("\n".join(f'{{"k{n}":1}}' for n in range(200_000)), id="a row each"),
        pytest.param(json.dumps({"a": {f"k{n}": n for n in range(6_000)}}), id="nested"),
    ],
)
def test_thousands_of_columns_are_refused_before_they_cost_anything(read, content):
    started = time.monotonic()
    with pytest.raises(SourceError, match="more than 5,000 different members"):
        read(content)
    assert time.monotonic() - started < 3


def test_frames_of_many_columns_have_few_rows(tmp_path):
    path = tmp_path / "x.json"
    wide = json.dumps({f"k{n}": None for n in range(4_000)})
    path.write_text(wide + "\n" + "{}\n" * 2_500)
    source = NdjsonReader(LocalContent(path), ReadingOptions())
    frames = [(frame["source_row"][0], frame.height) for frame in source.read()]
    assert frames == [(1, 1000), (1001, 1000), (2001, 501)]


def test_records_are_numbered_over_blocks(read, monkeypatch):
    monkeypatch.setattr("pipelines.sources.json_lines.BLOCK_BYTES", 100)
    lines = [f'{{"x":{n}}}' if n % 7 else "?" for n in range(1000)]
    _, rows = read("\n\n".join(lines))
    assert [row[0] for row in rows] == list(range(1, 1001))
    assert [(row[1], row[2]) for row in rows] == [
        (None, str(n)) if n % 7 else ("?", None) for n in range(1000)
    ]


def test_a_file_that_changes_between_the_two_readings_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a":1}\n')
    source = NdjsonReader(LocalContent(path), ReadingOptions())
    path.write_text('{"b":1}\n')
    with pytest.raises(SourceError, match="has changed while it was read"):
        list(source.read())


@pytest.mark.parametrize("name", ["none.json", "."], ids=["missing", "directory"])
def test_what_cannot_be_opened_is_refused(tmp_path, name):
    with pytest.raises(SourceError, match="Cannot read"):
        NdjsonReader(LocalContent(tmp_path / name), ReadingOptions())


def test_a_plain_export_is_read_the_fast_way(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    record = {"Id": "1", "Location": {"Latitude": 47.6}, "Attributes": {"a": ["[", "\\"]}, "n": 1}
    path.write_bytes(b"".join(orjson.dumps(record) + b"\r\n" for _ in range(10)))
    source = NdjsonReader(LocalContent(path), ReadingOptions())
    monkeypatch.delattr(ndjson_reader, "stage_lines")
    (frame,) = source.read()
    assert frame.rows()[0] == (1, None, "1", "47.6", ["[", "\\"], "1")

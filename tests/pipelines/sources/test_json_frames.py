"""The fast way to read JSON gives what the slow way gives, for whatever is in a file."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources import json_frames, ndjson_reader
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.json_lines import MAX_DEPTH, is_shallow
from pipelines.sources.ndjson_reader import NdjsonReader

MALFORMED = [
    *(b"{", b"}", b'{"a":1', b'{"a":1}{"b":2}', b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999}'),
    *(b'{"a":"\\ud800"}', b'{"a":"\xe9"}', b'{"a":1}\x00', b"[1]", b"null", b"\xef\xbb\xbf{}"),
    *(b'{"a":', b'{"a":{}', b',"b":1}', b"  \r", b'{"a":"', b'"}', b'{"z":00}', b'{"z":1 }\t'),
]
NAMES = st.sampled_from(["a", "b", "", "a.b", "Id", "Metrics", 'q"\\', "é", "p0", "c0", "*", "^x$"])
SINGLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-9, 9).map(float),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(["2026-01-02", "1", "}\n{", '"', "\\", "[[", "\0"]),
)
VALUES = st.recursive(
    SINGLE,
    lambda inner: st.one_of(
        st.lists(SINGLE, max_size=3), st.lists(inner, max_size=2), st.dictionaries(NAMES, inner)
    ),
    max_leaves=6,
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=4)
LINES = st.one_of(
    RECORDS.map(lambda record: json.dumps(record).encode()),
    RECORDS.map(lambda record: json.dumps(record, ensure_ascii=False).encode()),
    st.sampled_from(MALFORMED),
    st.binary(max_size=8).map(lambda line: line.replace(b"\n", b"")),
)
UNIFORM = st.fixed_dictionaries(
    {"s": st.text(), "n": st.floats(-1e6, 1e6), "i": st.integers(-99, 99), "l": st.lists(st.text())}
).map(lambda record: json.dumps(record).encode())


def read_both_ways(path, content):
    """Read a file as it is read, and then with the slow way only."""
    path.write_bytes(content)
    outcomes = []
    for parse in (json_frames.parse_block, lambda *_: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ndjson_reader, "parse_block", parse)
            try:
                source = NdjsonReader(LocalContent(path), ReadingOptions())
                frames = list(source.read())
                outcomes.append((source.header, frames and pl.concat(frames)))
            except SourceError as error:
                outcomes.append((str(error), None))
    return outcomes


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(st.one_of(LINES, UNIFORM), min_size=1, max_size=8), again=st.booleans())
def test_both_ways_give_the_same(tmp_path_factory, lines, again):
    lines = [line for line in lines if not line.startswith(b"\x00")] * (1 + again)
    path = tmp_path_factory.mktemp("both") / "x.json"
    fast, slow = read_both_ways(path, b'{"z":0}\n' + b"\n".join(lines))
    assert fast[0] == slow[0]
    if slow[1] is not None:
        assert fast[1].equals(slow[1])
        assert fast[1].schema == slow[1].schema
        blank = [line for line in lines if not line.strip(b" \t\r")]
        assert slow[1].height == 1 + len(lines) - len(blank)


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(UNIFORM, min_size=1, max_size=6))
def test_uniform_records_come_back_as_they_were(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("both") / "x.json"
    fast, slow = read_both_ways(path, b"\n".join(lines))
    assert fast[1].equals(slow[1])
    for name in ("s", "l"):
        column = f"c{fast[0].index(name)}"
        assert fast[1][column].to_list() == [json.loads(line)[name] for line in lines]


@given(VALUES)
def test_what_is_json_is_shallow(value):
    assert is_shallow(json.dumps(value).encode())
    assert is_shallow(json.dumps({"a": value}, indent=1).encode())


@pytest.mark.parametrize("depth", [1, MAX_DEPTH, MAX_DEPTH + 1])
@pytest.mark.parametrize("ends", [("[", "]"), ('{"[":', "}"), ('{"\\"":"\\\\","a":', "}")], ids=str)
def test_depth_is_counted(depth, ends):
    text = ends[0] * depth + "1" + ends[1] * depth
    assert is_shallow(text.encode()) == (depth <= MAX_DEPTH)

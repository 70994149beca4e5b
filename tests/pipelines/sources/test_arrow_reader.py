"""Arrow IPC: files and streams give the same records, and a broken one harms nothing."""

import io
import random
import time
from contextlib import suppress

import polars as pl
import pyarrow as pa
import pyarrow.ipc as pa_ipc
import pytest

from pipelines.errors import SourceError
from pipelines.sources import arrow_reader
from pipelines.sources.arrow_reader import BATCH_ROWS, ArrowReader
from pipelines.sources.base import LocalContent, ReadingOptions

TABLE = pa.table(
    {
        "Id": ["1", "2", None],
        "Metrics.m": [1.5, None, 5.0],
        "Location": [{"Country": "US"}, None, {"Country": None}],
        "Attributes.l": [["a", None], None, []],
        "Attributes.d": pa.array(["x", "y", "x"]).dictionary_encode(),
        "n": pa.nulls(3),
    }
)
HEADER = ["Id", "Metrics.m", "Location.Country", "Attributes.l", "Attributes.d", "n"]
ROWS = [
    (1, None, "1", "1.5", "US", ["a", None], "x", None),
    (2, None, "2", None, None, None, "y", None),
    (3, None, None, "5.0", None, [], "x", None),
]
WRITERS = {"file": pa_ipc.new_file, "stream": pa_ipc.new_stream}


def write(table, layout="file", compression=None, rows=None):
    """Give the bytes of a table."""
    out = io.BytesIO()
    options = pa_ipc.IpcWriteOptions(compression=compression)
    with WRITERS[layout](out, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return out.getvalue()


@pytest.fixture
def read(tmp_path):
    """Write bytes and read them: header and rows of (source_row, malformed, *cells)."""

    def write_and_read(content):
        path = tmp_path / "x.arrow"
        path.write_bytes(content)
        source = ArrowReader(LocalContent(path), ReadingOptions())
        return source.header, [row for frame in source.read() for row in frame.rows()]

    return write_and_read


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("layout", WRITERS)
@pytest.mark.parametrize("rows", [None, 1, 2])
def test_records_come_back_as_texts(read, layout, compression, rows):
    assert read(write(TABLE, layout, compression, rows)) == (HEADER, ROWS)


@pytest.mark.parametrize("layout", WRITERS)
def test_a_file_says_how_it_is_laid_out(tmp_path, layout):
    path = tmp_path / "x.ipc"
    path.write_bytes(write(TABLE, layout))
    source = ArrowReader(LocalContent(path), ReadingOptions())
    assert source.reading == {"layout": layout}
    assert [frame.rows() for frame in source.read()] == [ROWS]
    assert [frame.rows() for frame in source.read()] == [ROWS]


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_files_of_polars_are_read(read, compression):
    out = io.BytesIO()
    pl.DataFrame({"Id": ["1", None], "l": [["a"], []]}).write_ipc(out, compression=compression)
    assert read(out.getvalue()) == (["Id", "l"], [(1, None, "1", ["a"]), (2, None, None, [])])


@pytest.mark.parametrize("layout", WRITERS)
def test_rows_are_numbered_over_batches_and_large_batches_are_cut(tmp_path, layout):
    count = 2 * BATCH_ROWS + 7
    path = tmp_path / "x.arrow"
    path.write_bytes(write(pa.table({"Id": range(count)}), layout, rows=BATCH_ROWS + 5))
    frames = list(ArrowReader(LocalContent(path), ReadingOptions()).read())
    assert max(frame.height for frame in frames) == BATCH_ROWS
    assert pl.concat(frames)["source_row"].to_list() == list(range(1, count + 1))
    assert pl.concat(frames)["c0"].to_list() == [str(n) for n in range(count)]


@pytest.mark.parametrize("layout", WRITERS)
def test_a_file_without_rows_has_its_header(read, layout):
    assert read(write(TABLE.slice(0, 0), layout)) == (HEADER, [])
    assert read(write(pa.table({}), layout)) == ([], [])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        pytest.param(pa.array([b"x"]), "values of type binary", id="binary"),
        pytest.param(pa.array([[["x"]]]), "values of type list", id="list of lists"),
        pytest.param(
            pa.RunEndEncodedArray.from_arrays([1], ["x"]), "values of type run_end", id="run-end"
        ),
        pytest.param(
            pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array(["x"])]),
            "values of type sparse_union",
            id="union",
        ),
    ],
)
def test_a_type_without_text_is_refused_by_name(read, array, message):
    with pytest.raises(SourceError, match=f"column x: {message}"):
        read(write(pa.table({"x": array})))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is not a readable Arrow file", id="empty"),
        pytest.param(b"ARROW1", "is not a readable Arrow file", id="mark only"),
        pytest.param(b"ARROW1\0\0", "is not a readable Arrow file", id="whole mark only"),
        pytest.param(b"Id,Address\n1,2\n", "is not a readable Arrow file", id="CSV"),
        pytest.param(b"FEA1" + bytes(100), "a Feather file of version 1", id="Feather 1"),
        pytest.param(b"\xff" * 100, "is not a readable Arrow file", id="ones"),
        pytest.param(bytes(100), "is not a readable Arrow file", id="zeros"),
    ],
)
def test_what_is_no_arrow_file_is_refused(read, tmp_path, content, message):
    with pytest.raises(SourceError, match=message) as caught:
        read(content)
    assert str(tmp_path / "x.arrow") in str(caught.value)


@pytest.mark.parametrize("name", ["none.arrow", "."], ids=["missing", "directory"])
def test_what_cannot_be_opened_is_refused(tmp_path, name):
    with pytest.raises(SourceError, match="Cannot read"):
        ArrowReader(LocalContent(tmp_path / name), ReadingOptions())


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_file_that_is_cut_off_anywhere_is_refused(read, compression):
    content = write(TABLE, "file", compression, rows=1)
    for end in range(0, len(content) - 1, 7):
        with pytest.raises(SourceError):
            read(content[:end])


def test_a_stream_that_is_cut_off_within_a_message_is_refused(read):
    content = write(TABLE, "stream", rows=1)
    whole = 0
    for end in range(0, len(content) - 8, 7):
        try:
            _, rows = read(content[:end])
        except SourceError:
            continue
        assert rows == ROWS[: len(rows)]  # it ends between two messages
        whole += 1
    assert whole < 10


@pytest.mark.parametrize("layout", WRITERS)
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_damage_anywhere_harms_nothing(read, layout, compression):
    """It is refused, or gives other values; what it must not do is end the process."""
    table = pa.concat_tables([TABLE] * 10)
    content = write(table.combine_chunks(), layout, compression)
    chance = random.Random(5)  # the same damage each time
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 1, 4])):
            damaged[chance.randrange(len(damaged))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        with suppress(SourceError):
            read(bytes(damaged))


def test_text_that_is_no_utf_8_is_refused(read):
    content = write(pa.table({"Id": ["good", "MARKED"]}))
    with pytest.raises(SourceError, match=r"behind record 0: cannot be read .*UTF8"):
        read(content.replace(b"MARKED", b"MARK\xff\xfe"))


@pytest.mark.parametrize("layout", WRITERS)
def test_a_buffer_that_claims_to_be_large_is_refused(read, layout):
    """Unpacked it would take all memory; only the claim is looked at."""
    text = "x" * 4321
    content = write(pa.table({"Id": [text]}), layout, "zstd")
    packed = b"\x28\xb5\x2f\xfd"  # how it begins; before it stands its size unpacked
    claim, larger = ((size).to_bytes(8, "little") + packed for size in (4321, 1 << 40))
    assert content.count(claim) == 1
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"take 1,099,511,6.* at most 1 GiB"):
        read(content.replace(claim, larger))
    assert time.monotonic() - started < 3


def test_a_bomb_of_zeros_is_refused(read, monkeypatch):
    monkeypatch.setattr(arrow_reader, "MAX_BATCH_BYTES", 1 << 20)
    content = write(pa.table({"Id": ["0" * (2 << 20)]}), "file", "zstd")
    assert len(content) < 2000
    with pytest.raises(SourceError, match="a batch or its dictionaries take 2,097,"):
        read(content)


def test_dictionaries_count_together(read, monkeypatch):
    table = pa.table({n: pa.array(["0" * 1000]).dictionary_encode() for n in "abc"})
    monkeypatch.setattr(arrow_reader, "MAX_BATCH_BYTES", 3000)
    with pytest.raises(SourceError, match="dictionaries take 3,"):
        read(write(table))


def test_rows_that_take_no_room_are_refused(read):
    content = write(pa.table({"x": pa.nulls(1_234_567)}))
    few, many = (count.to_bytes(8, "little") for count in (1_234_567, 1 << 40))
    started = time.monotonic()
    with pytest.raises(SourceError, match="1,099,511,627,776 rows without values"):
        read(content.replace(few, many))
    assert time.monotonic() - started < 3

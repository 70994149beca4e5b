"""Packed files: read whole, or an error; never too far."""

import bz2
import gzip
import io
import os
import resource
import tempfile
import time
from collections import deque

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources import streams
from pipelines.sources.base import Packing, SourceFile
from pipelines.sources.contents import PackedContent, open_content

PACK = {
    Packing.GZIP: gzip.compress,
    Packing.BZIP2: bz2.compress,
    Packing.ZSTD: lambda content: bytes(pa.Codec("zstd").compress(content)),
}
ALL = pytest.mark.parametrize("packing", list(Packing))


class Bytes:
    """Content in memory."""

    name = "x.packed"
    path = None

    def __init__(self, content):
        self.content = content

    def open(self):
        return io.BytesIO(self.content)

    def open_seekable(self):
        return io.BytesIO(self.content)


def unpack(packed, packing):
    with PackedContent(Bytes(packed), packing).open() as file:
        return file.read()


@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5))
@ALL
def test_all_members_and_frames_are_read(packing, parts):
    assert unpack(b"".join(map(PACK[packing], parts)), packing) == b"".join(parts)


@ALL
def test_a_large_file_is_read_as_it_was(tmp_path, packing):
    content = os.urandom(1000) * 5000
    path = tmp_path / "x.csv"
    path.write_bytes(PACK[packing](content))
    packed = open_content(SourceFile(str(path), packing=packing))
    assert (packed.name, packed.path) == (str(path), None)
    with packed.open() as file:
        assert not file.seekable()
        assert file.read() == content


@ALL
def test_a_parser_reads_it(packing):
    content = b"a,b\n" + b"1,2\n" * 100_000
    with PackedContent(Bytes(PACK[packing](content)), packing).open() as file:
        assert sum(batch.num_rows for batch in pa.csv.open_csv(file)) == 100_000


@ALL
@pytest.mark.parametrize("lost", [1, 3, 9, 100])
def test_a_file_that_was_cut_off_is_no_short_file(packing, lost):
    content = os.urandom(3_000_000)
    with pytest.raises(SourceError) as caught:
        unpack(PACK[packing](content)[:-lost], packing)
    assert str(caught.value).startswith(f"x.packed cannot be unpacked as {packing} behind byte ")
    assert "damaged, or was cut off" in str(caught.value)
    at = int(str(caught.value).split("behind byte ")[1].split(" ")[0].replace(",", ""))
    assert 1_000_000 < at <= 3_000_000


@ALL
@pytest.mark.parametrize("tail", [b"garbage behind it", b"PK\x03\x04"])
def test_a_file_with_something_else_behind_it_is_refused(packing, tail):
    with pytest.raises(SourceError, match="cannot be unpacked as"):
        unpack(PACK[packing](b"Id\n1\n") + tail, packing)


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.BZIP2])
def test_a_flipped_bit_is_found(packing):
    packed = bytearray(PACK[packing](os.urandom(10_000)))
    packed[5000] ^= 16
    with pytest.raises(SourceError, match="damaged"):
        unpack(bytes(packed), packing)


@ALL
def test_what_is_not_packed_is_refused(packing):
    with pytest.raises(SourceError, match=f"x.packed cannot be unpacked as {packing}"):
        unpack(b"Id,Address\n1,a@example.com\n", packing)


@ALL
def test_it_can_be_read_here_and_there_from_a_private_copy(tmp_path, monkeypatch, packing):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = os.urandom(100_000)
    packed = PackedContent(Bytes(PACK[packing](content)), packing)
    one, other = packed.open_seekable(), packed.open_seekable()
    one.seek(-10, os.SEEK_END)
    assert (one.read(), other.read(10)) == (content[-10:], content[:10])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", [0, 20])
def test_the_private_copy_is_whole_or_none(lost):
    packed = gzip.compress(os.urandom(10_000))
    content = PackedContent(Bytes(packed[: len(packed) - lost]), Packing.GZIP)
    if lost:
        with pytest.raises(SourceError, match="cut off"):
            content.open_seekable()
    else:
        assert len(content.open_seekable().read()) == 10_000


@pytest.fixture
def low_limit(monkeypatch):
    monkeypatch.setattr(streams, "MOST_UNPACKED_BYTES", 20 << 20)


def bomb(packing):
    block = PACK[packing](b"0,0\n" * (1 << 20))
    return block * 100  # 400 MiB


@ALL
def test_a_bomb_ends_early_and_takes_no_memory(low_limit, packing):
    packed = bomb(packing)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    begun = time.monotonic()
    with PackedContent(Bytes(packed), packing).open() as file:
        says = r"x\.packed unpacks to more than 20,971,520 bytes"
        with pytest.raises(SourceError, match=says):
            deque(iter(lambda: file.read(1 << 16), b""), maxlen=0)
        assert file.tell() <= (20 << 20) + streams.READ_AHEAD_BYTES
    assert time.monotonic() - begun < 2
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10) - before_mb < 60


def test_a_bomb_is_not_copied_either(low_limit):
    with pytest.raises(SourceError, match="unpacks to more than"):
        PackedContent(Bytes(bomb(Packing.GZIP)), Packing.GZIP).open_seekable()


def test_a_large_file_of_usual_content_is_no_bomb(low_limit):
    line = b"%d,EMAIL,user%d@example.com\n"
    content = b"".join(line % (n, n * 7919 % 1_000_003) for n in range(1_000_000))
    assert len(content) > 20 << 20
    assert unpack(gzip.compress(content, 1), Packing.GZIP) == content

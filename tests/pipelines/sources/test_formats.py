"""What a name's ending and the first bytes say."""

import bz2
import gzip

import pyarrow as pa
import pytest

from pipelines.sources.base import Packing, SourceFormat
from pipelines.sources.formats import Kind, read_kind, sniff_format, sniff_packing

CSV, NDJSON = SourceFormat.CSV, SourceFormat.NDJSON


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[(f"x{ending}", Kind(CSV)) for ending in (".csv", ".CSV", ".txt", ".tsv", ".tab")],
        *[(f"x{ending}", Kind(NDJSON)) for ending in (".json", ".jsonl", ".NDJSON")],
        *[(f"x{ending}", Kind(SourceFormat.PARQUET)) for ending in (".parquet", ".pq")],
        *[(f"x{ending}", Kind(SourceFormat.ARROW)) for ending in (".arrow", ".feather", ".ipc")],
        *[(f"x{ending}", Kind(SourceFormat.EXCEL)) for ending in (".xlsx", ".xlsm")],
        ("x.csv.gz", Kind(CSV, Packing.GZIP)),
        ("x.JSONL.ZST", Kind(NDJSON, Packing.ZSTD)),
        ("x.y.tsv.bz2", Kind(CSV, Packing.BZIP2)),
        ("part-0001.gz", Kind(None, Packing.GZIP)),
        ("export.2026-11-22.gz", Kind(None, Packing.GZIP)),
        ("a.csv/x.gz", Kind(None, Packing.GZIP)),
        ("x.snappy.parquet", Kind(SourceFormat.PARQUET)),
        ("x.zip", Kind(is_archive=True)),
        ("x.csv.zip", Kind(is_archive=True)),
        ("x.tar.gz", None),
        ("x.doc", None),
        ("x", None),
        (".csv", None),
        ("x.xls", None),
        ("x.gz.gz", None),
    ],
)
def test_the_ending_tells(name, kind):
    assert read_kind(name) == kind


@pytest.mark.parametrize(
    ("start", "known"),
    [
        (b"PAR1\x15\x04", SourceFormat.PARQUET),
        (b"ARROW1\x00\x00", SourceFormat.ARROW),
        (b"\xff\xff\xff\xffx\x01\x00\x00", SourceFormat.ARROW),
        (b"PK\x03\x04\x14\x00", SourceFormat.EXCEL),
        (b'{"Id": "1"}\n', NDJSON),
        (b'\xef\xbb\xbf \r\n\t{"Id": "1"}\n', NDJSON),
        (b'[{"Id": "1"}]', NDJSON),
        (b"Id,Address\n", CSV),
        (b"", CSV),
        (b"\xff\xfeI\x00d\x00", CSV),
        (b"PARTY,Id\n", CSV),
    ],
)
def test_the_content_tells(start, known):
    assert sniff_format(start) is known


@pytest.mark.parametrize(
    ("start", "packing"),
    [
        (gzip.compress(b"Id\n1\n", mtime=0), Packing.GZIP),
        (bz2.compress(b"Id\n1\n"), Packing.BZIP2),
        (bytes(pa.Codec("zstd").compress(b"Id\n1\n")), Packing.ZSTD),
        (b"BZh,Id\n", None),
        (b"Id\n", None),
        (b"", None),
    ],
)
def test_the_content_tells_what_packed_it(start, packing):
    assert sniff_packing(start) is packing

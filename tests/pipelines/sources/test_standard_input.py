"""Standard input: taken once, and what it turns out to be."""

import bz2
import gzip
import io
import subprocess
import sys
import zipfile

import pyarrow as pa
import pytest

from pipelines.errors import SourceError
from pipelines.sources.base import Packing, SourceFile, SourceFormat
from pipelines.sources.contents import open_content
from pipelines.sources.finding import find_sources
from pipelines.sources.stamps import refuse_changed, stamp_source
from pipelines.sources.standard_input import take_standard_input

CSV = b"Id,Address\n1,a@example.com\n"
JSON = b'{"Id": "1"}\n'


class Stdin:
    """A pipe that content has come by."""

    def __init__(self, content):
        self.buffer = io.BytesIO(content)

    def isatty(self):
        return False


@pytest.fixture
def piped(monkeypatch):
    def pipe(content):
        take_standard_input.cache_clear()
        monkeypatch.setattr(sys, "stdin", Stdin(content))

    yield pipe
    take_standard_input.cache_clear()


def zipped(*members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in members:
            archive.writestr(name, CSV)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "known", "packing"),
    [
        pytest.param(CSV, SourceFormat.CSV, None, id="csv"),
        pytest.param(b"", SourceFormat.CSV, None, id="empty"),
        pytest.param(JSON, SourceFormat.NDJSON, None, id="json"),
        pytest.param(b"PAR1....PAR1", SourceFormat.PARQUET, None, id="parquet"),
        pytest.param(b"ARROW1\0\0", SourceFormat.ARROW, None, id="arrow"),
        pytest.param(gzip.compress(CSV), SourceFormat.CSV, Packing.GZIP, id="gz"),
        pytest.param(bz2.compress(JSON), SourceFormat.NDJSON, Packing.BZIP2, id="bz2"),
        pytest.param(
            bytes(pa.Codec("zstd").compress(CSV)), SourceFormat.CSV, Packing.ZSTD, id="zst"
        ),
        pytest.param(
            zipped("[Content_Types].xml", "xl/x.xml"), SourceFormat.EXCEL, None, id="xlsx"
        ),
    ],
)
def test_the_content_tells_what_it_is(piped, content, known, packing):
    piped(content)
    assert find_sources(["-"]) == [SourceFile("-", known, packing)]


def test_an_archive_is_its_members(piped):
    piped(zipped("b.csv", "a.tsv.gz"))
    sources = find_sources(["-"])
    assert [source.name for source in sources] == ["-:a.tsv.gz", "-:b.csv"]
    with open_content(sources[1]).open() as file:
        assert file.read() == CSV


def test_it_is_read_once_and_served_as_often_as_needed(piped):
    piped(CSV)
    (source,) = find_sources(["-"])
    assert find_sources(["-"]) == [source]
    for _ in range(2):
        assert open_content(source).open().read() == CSV
    file = open_content(source).open_seekable()
    file.seek(3)
    assert file.read() == CSV[3:]


def test_it_stays_open_for_whoever_inherits_it(piped):
    piped(CSV)
    find_sources(["-"])
    assert not sys.stdin.buffer.closed


def test_it_cannot_be_named_twice(piped):
    piped(CSV)
    with pytest.raises(SourceError, match=r"Standard input \(-\) can be read only once"):
        find_sources(["-", "x.csv", "-"])


def test_another_process_does_not_have_it(piped):
    piped(CSV)
    stamp = stamp_source(SourceFile("-", SourceFormat.CSV))
    assert (stamp.size_bytes, len(stamp.sha256)) == (len(CSV), 64)
    refuse_changed(stamp)
    says = r"Standard input \(-\) cannot be read again"
    take_standard_input.cache_clear()
    with pytest.raises(SourceError, match=says):
        refuse_changed(stamp)
    piped(b"Id\n2\n")
    take_standard_input()
    with pytest.raises(SourceError, match=says):
        refuse_changed(stamp)


@pytest.mark.parametrize("has_stdin", [True, False])
def test_a_terminal_is_not_waited_for(monkeypatch, has_stdin):
    take_standard_input.cache_clear()
    terminal = Stdin(b"")
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal if has_stdin else None)
    with pytest.raises(SourceError, match=r"Nothing comes by standard input \(-\)\. Pipe"):
        find_sources(["-"])


def test_a_pipe_that_writes_slowly_is_read_to_its_end():
    """In a process of its own, as a shell starts it."""
    script = (
        "from pipelines.sources.finding import find_sources\n"
        "from pipelines.sources.contents import open_content\n"
        "(source,) = find_sources(['-'])\n"
        "print(source.format, len(open_content(source).open().read()))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for part in [b"{", b'"Id": 1}', b"\n" * 200_000]:
        process.stdin.write(part)
        process.stdin.flush()
    output, _ = process.communicate()
    assert output == b"ndjson 200009\n"

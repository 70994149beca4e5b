"""What staging tells a reader, and what it tells the rest of a run about a source."""

import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import progress, staging
from pipelines.errors import SourceError
from pipelines.settings import ImportSettings
from pipelines.sources import streams
from pipelines.sources.base import SourceFile, SourceFormat
from pipelines.sources.stamps import stamp_source
from pipelines.staging import SourceLayout, read_layout, stage
from pipelines.storage.run_dir import create_run_directory
from schemas.mapping import Mapping

MAPPING = Mapping.model_validate(
    {
        "header": ["Till", "Phone"],
        "columns": {"Address": "Phone", "ChannelType": {"constant": "SMS"}},
        "where": [{"any_of": [{"column": "Till", "equals": "1"}]}],
    }
)


@pytest.mark.parametrize(("mapping", "header"), [(None, None), (MAPPING, ("Till", "Phone"))])
def test_names_of_the_mapping_reach_the_reader(tmp_path, monkeypatch, mapping, header):
    given = []
    open_source = staging.open_source

    def watch(source, reading):
        given.append(reading)
        return open_source(source, reading)

    monkeypatch.setattr(staging, "open_source", watch)
    path = tmp_path / "a.csv"
    path.write_text("till ,Phone,Address,ChannelType\n3,2,1,SMS\n")
    stamp = stamp_source(SourceFile(str(path)))
    read_layout(stamp, ImportSettings(sources=["x"], sheet="S"), mapping)
    assert [(reading.header, reading.sheet) for reading in given] == [(header, "S")]


@pytest.mark.parametrize(
    ("text", "no_header", "says"),
    [
        ("1,206 555 0100\n", False, "so the file seems to have no header: give --no-header."),
        ("Phone,Till\n206 555 0100,1\n", False, "leave `header` out of the mapping."),
        ("Till,Phone\n1,206 555 0100\n", True, "a.csv has a header: .* Leave --no-header out."),
        ("Till,Phone,_outcome\n1,2,invalid\n", True, "Leave --no-header out."),
    ],
)
def test_a_header_that_is_not_as_it_was_said_is_refused(tmp_path, text, no_header, says):
    path = tmp_path / "a.csv"
    path.write_text(text)
    settings = ImportSettings(sources=["x"], no_header=no_header)
    with pytest.raises(SourceError, match=says) as caught:
        read_layout(stamp_source(SourceFile(str(path))), settings, MAPPING)
    assert "555" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "no_header"),
    [
        ("TILL, Phone\n1,206 555 0100\n", False),
        ("Till,Phone,_source_file,_outcome\n1,206 555 0100,a.csv,invalid\n", False),
        ("1,206 555 0100\n", True),
    ],
)
def test_a_header_as_it_was_said(tmp_path, text, no_header):
    path = tmp_path / "a.csv"
    path.write_text(text)
    settings = ImportSettings(sources=["x"], no_header=no_header)
    header = read_layout(stamp_source(SourceFile(str(path))), settings, MAPPING).header
    assert [name.strip().casefold() for name in header[:2]] == ["till", "phone"]


def test_formats_that_name_their_columns_need_no_header(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"Phone": ["1"], "Till": ["2"]}), path)
    stamp = stamp_source(SourceFile(str(path)))
    assert read_layout(stamp, ImportSettings(sources=["x"]), MAPPING).header == ["Phone", "Till"]


def test_a_layout_reaches_other_processes():
    layout = SourceLayout(SourceFormat.CSV, ["Till", "Phone"], mapping=MAPPING)
    assert pickle.loads(pickle.dumps(layout)) == layout


@pytest.mark.parametrize("text", ["x" * 5000, None])
def test_what_comes_to_more_than_anything_honest_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setattr(streams, "MOST_UNPACKED_BYTES", 1 << 20)
    path = tmp_path / "a.parquet"
    ids = pa.array([f"{n:x}" for n in range(2000)] if text else [None] * 100_000, pa.string())
    constant = pa.array([text] * len(ids), pa.string())
    table = pa.table({"Id": ids, "Address": constant, "ChannelType": constant})
    pq.write_table(table, path, compression="zstd")
    settings = ImportSettings(sources=[str(path)], runs_dir=tmp_path)
    run = create_run_directory(tmp_path, "one")
    stamp = stamp_source(SourceFile(str(path), SourceFormat.PARQUET))
    with pytest.raises(SourceError, match="100 times its size"):
        stage(run, stamp, 0, 0, settings, None, lambda _: None)
    stage(run, stamp, 0, 0, settings, 100, lambda _: None)


class _Bytes:
    """Listens to what is read."""

    def __init__(self):
        self.taken = []

    def begin(self, phase, total_rows):
        pass

    def advance(self, phase, rows):
        pass

    def take(self, phase, size_bytes):
        self.taken.append(size_bytes)


@pytest.mark.parametrize("kind", [SourceFormat.CSV, SourceFormat.PARQUET])
def test_bytes_that_are_told_come_to_those_of_the_file(tmp_path, kind):
    path = tmp_path / f"a.{kind.value}"
    ids = [str(n) for n in range(350)]
    if kind is SourceFormat.CSV:
        path.write_text("Id\n" + "\n".join(ids))
    else:
        pq.write_table(pa.table({"Id": ids}), path)
    settings = ImportSettings(sources=[str(path)], runs_dir=tmp_path, partition_rows=100)
    run = create_run_directory(tmp_path, "one")
    listener = _Bytes()
    progress.listen(listener)
    progress.begin("stage")
    try:
        stage(run, stamp_source(SourceFile(str(path), kind)), 0, 0, settings, None, lambda _: None)
    finally:
        progress.listen(None)
    assert len(listener.taken) == 4
    assert sum(listener.taken) == path.stat().st_size

"""The export that everything is measured on."""

import polars as pl
import pytest

from benchmarks import export
from benchmarks.contenders import cut_export
from benchmarks.export import write_export
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader
from pipelines.steps.map_columns import map_columns, plan_columns
from pipelines.steps.normalize import NormalizeParams, normalize
from pipelines.steps.validate import ValidateParams, validate


@pytest.fixture
def path(tmp_path):
    return tmp_path / "export.csv"


def test_slices_make_one_file_whose_beginning_is_a_shorter_one(path, tmp_path, monkeypatch):
    write_export(path, 250)
    monkeypatch.setattr(export, "SLICE_ROWS", 100)
    write_export(tmp_path / "sliced.csv", 250)
    write_export(tmp_path / "short.csv", 120)
    cut_export(path, 120, tmp_path / "cut.csv")
    assert (tmp_path / "sliced.csv").read_bytes() == path.read_bytes()
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "short.csv").read_bytes()


def test_another_seed_gives_other_rows(path, tmp_path):
    write_export(path, 100, seed=1)
    write_export(tmp_path / "other.csv", 100, seed=2)
    assert (tmp_path / "other.csv").read_bytes() != path.read_bytes()


def test_every_row_is_valid(path):
    write_export(path, 1000)
    source = CsvReader(LocalContent(path), ReadingOptions())
    rows = pl.concat(source.read()).rename({"source_row": "row_key"})
    frame = map_columns(rows, plan_columns(source.header)).frame
    result = validate(normalize(frame, NormalizeParams()).frame, ValidateParams())
    assert (result.frame.height, result.issues.height) == (1000, 0)
    assert len(source.header) == 24

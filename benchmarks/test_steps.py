"""`make bench-steps`: the time of single steps on one partition of rows, by pytest-benchmark.

Not among the tests: nothing is asserted about time. What is asserted is that the steps did their
work, as a step that refuses all rows is quick.
"""

from pathlib import Path

import polars as pl
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.export import write_export
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader
from pipelines.steps.encode import encode
from pipelines.steps.map_columns import map_columns, plan_columns
from pipelines.steps.normalize import NormalizeParams, normalize
from pipelines.steps.validate import ValidateParams, validate
from schemas.emails import check_emails, normalize_emails
from schemas.phones import PhoneCheck, check_phones, normalize_phones

ROWS = 50_000
"""As a run cuts them by default."""
pytestmark = pytest.mark.benchmark(group=f"{ROWS:,} rows", min_rounds=5, warmup=True)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export that everything is measured on."""
    path = tmp_path_factory.mktemp("export") / "export.csv"
    write_export(path, ROWS)
    return path


@pytest.fixture(scope="module")
def mapped(export: Path) -> pl.DataFrame:
    """The export's rows, before any rule."""
    source = CsvReader(LocalContent(export), ReadingOptions())
    rows = pl.concat(source.read()).rename({"source_row": "row_key"})
    return map_columns(rows, plan_columns(source.header)).frame


@pytest.fixture(scope="module")
def normalized(mapped: pl.DataFrame) -> pl.DataFrame:
    """Valid endpoints."""
    return normalize(mapped, NormalizeParams()).frame


def test_read_csv(benchmark: BenchmarkFixture, export: Path) -> None:
    frame = benchmark(lambda: pl.concat(CsvReader(LocalContent(export), ReadingOptions()).read()))
    assert frame.height == ROWS


def test_normalize(benchmark: BenchmarkFixture, mapped: pl.DataFrame) -> None:
    assert benchmark(normalize, mapped, NormalizeParams()).frame.height == ROWS


def test_validate(benchmark: BenchmarkFixture, normalized: pl.DataFrame) -> None:
    assert benchmark(validate, normalized, ValidateParams()).frame.height == ROWS


def test_encode(benchmark: BenchmarkFixture, normalized: pl.DataFrame) -> None:
    assert benchmark(encode, normalized).frame.height == ROWS


@pytest.mark.parametrize("form", ["international", "national"])
def test_phones(benchmark: BenchmarkFixture, form: str) -> None:
    ends = pl.select(number=pl.int_range(2_000_000, 2_000_000 + ROWS)).to_series()
    numbers = pl.select(pl.format("+1206{}", ends)).to_series()
    regions = pl.select(pl.repeat(None if form == "international" else "US", ROWS)).to_series()
    came = numbers
    if form == "national":
        came = numbers.str.replace(r"\+1(...)(...)(....)", "(${1}) ${2}-${3}")

    def read_and_check() -> tuple[pl.Series, pl.Series]:
        read = normalize_phones(came, regions)
        return read, check_phones(read, PhoneCheck.VALID)

    read, is_valid = benchmark(read_and_check)
    assert read.equals(numbers)
    assert is_valid.all()


def test_emails(benchmark: BenchmarkFixture) -> None:
    ends = pl.select(number=pl.int_range(ROWS)).to_series()
    came = pl.select(pl.format("Ana.{}@EXAMPLE.com", ends)).to_series()

    def read_and_check() -> tuple[pl.Series, pl.Series]:
        read = normalize_emails(came)
        return read, check_emails(read)

    read, is_valid = benchmark(read_and_check)
    assert read[0] == "Ana.0@example.com"
    assert is_valid.all()

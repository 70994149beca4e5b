"""What is decided before and while sources are read."""

from datetime import UTC, datetime

import pytest

from pipelines.errors import SourceError
from pipelines.intake import forget_partitions, read_layouts
from pipelines.settings import ImportSettings
from pipelines.sources.base import SourceFile, SourceFormat
from pipelines.sources.stamps import stamp_source
from pipelines.storage.manifest import Attempt, Manifest
from pipelines.storage.run_dir import create_run_directory


@pytest.fixture
def sources(tmp_path):
    """A source that can be read, and one without an Address."""
    (tmp_path / "good.csv").write_text("ChannelType,Address\nEMAIL,ana@example.com\n")
    (tmp_path / "bad.csv").write_text("foo,bar\n1,2\n")
    return {name: tmp_path / f"{name}.csv" for name in ("good", "bad")}


def manifest_of(*paths):
    now = datetime.now(UTC)
    return Manifest(
        run_id="r",
        command="check",
        settings={},
        versions={},
        folder="/",
        sources=[stamp_source(SourceFile(str(path), SourceFormat.CSV)) for path in paths],
        started_at=now,
        attempts=[Attempt(started_at=now)],
    )


def test_a_source_that_cannot_be_read_is_told_before_anything_is_read(sources):
    manifest = manifest_of(sources["good"], sources["bad"])
    with pytest.raises(SourceError, match="no column Address"):
        read_layouts(manifest, ImportSettings(sources=["x"]))


def test_a_limit_may_be_reached_before_it(sources):
    settings = ImportSettings(sources=["x"], limit=1)
    layouts = read_layouts(manifest_of(sources["good"], sources["bad"]), settings)
    assert [layout.header for layout in layouts] == [["ChannelType", "Address"]]
    with pytest.raises(SourceError, match="no column Address"):
        read_layouts(manifest_of(sources["bad"], sources["good"]), settings)


def test_what_was_prepared_of_a_source_that_was_not_read_to_its_end_is_forgotten(tmp_path):
    run = create_run_directory(tmp_path, "r")
    for folder in ("staged", "prepared", "rows", "left_out", "found", "profiled"):
        for number in range(4):
            run.part(folder, number).touch()
    forget_partitions(run, 2)
    left = {folder: len(run.list_files(folder, ".parquet")) for folder in ("prepared", "rows")}
    assert left == {"prepared": 2, "rows": 2}
    assert len(run.list_files("found", ".parquet")) == 2
    assert len(run.list_files("profiled", ".parquet")) == 2
    assert len(run.list_files("left_out", ".parquet")) == 2
    assert len(run.list_files("staged", ".parquet")) == 4

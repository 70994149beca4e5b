"""From what the user named to files, and from streams of frames to partitions."""

import os

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.base import ReadingOptions, SourceFile, SourceFormat
from pipelines.sources.csv_reader import CsvReader
from pipelines.sources.cutting import cut_partitions, take_rows
from pipelines.sources.finding import find_sources
from pipelines.sources.parquet_reader import ParquetReader
from pipelines.sources.registry import open_source
from pipelines.sources.stamps import SourceStamp, refuse_changed, stamp_source


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a few files."""
    monkeypatch.chdir(tmp_path)
    for name in ["b.csv", "a.csv", "c.PQ", "notes.txt", ".hidden.csv", "sub/d.parquet", "e/x.txt"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


def names(*named):
    return [source.name for source in find_sources(named)]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        pytest.param(["b.csv"], ["b.csv"], id="file"),
        pytest.param(["b.csv", "a.csv"], ["b.csv", "a.csv"], id="order of naming"),
        pytest.param(["*.csv"], ["a.csv", "b.csv"], id="glob by name, without directories"),
        pytest.param(["."], ["a.csv", "b.csv", "c.PQ"], id="directory by name, without the rest"),
        pytest.param(["sub"], ["sub/d.parquet"], id="sub-directory"),
        pytest.param(["**/*.parquet"], ["sub/d.parquet"], id="recursive glob"),
        pytest.param(["?.PQ", "sub", "a.csv"], ["c.PQ", "sub/d.parquet", "a.csv"], id="mixed"),
        pytest.param([".hidden.csv"], [".hidden.csv"], id="hidden file by itself"),
        pytest.param(["a.csv", "a.csv"], ["a.csv"], id="twice"),
        pytest.param(["b.csv", "*.csv"], ["b.csv", "a.csv"], id="by itself and by glob"),
        pytest.param(["a.csv", "./sub/../a.csv"], ["a.csv"], id="twice by other paths"),
    ],
)
def test_what_is_named_is_found_once_and_in_order(folder, named, found):
    assert names(*named) == found


def test_absolute_globs_are_found(folder):
    assert names(f"{folder}/[ab].csv") == [f"{folder}/a.csv", f"{folder}/b.csv"]


def test_a_file_under_two_names_by_a_link_is_read_once(folder):
    (folder / "link.csv").symlink_to("a.csv")
    assert names("link.csv", "a.csv") == ["link.csv"]


def test_a_file_whose_name_looks_like_a_glob_is_found(folder):
    (folder / "x[1].csv").touch()
    assert names("x[1].csv") == ["x[1].csv"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("-", "Cannot read -: only local files", id="standard input"),
        pytest.param("s3://bucket/x.csv", "Cannot read s3://bucket/x.csv: only", id="S3"),
        pytest.param("none.csv", "No such file: none.csv", id="missing"),
        pytest.param("none*.csv", "No file matches none*.csv", id="glob without match"),
        pytest.param("folder*", "No file matches folder*", id="glob that matches directories"),
        pytest.param("e", "No readable file in directory e", id="directory without match"),
        pytest.param("folder.csv", "No readable file in directory", id="directory like a file"),
        pytest.param("notes.txt", "the ending .txt is not supported", id="ending"),
        pytest.param("*.txt", "the ending .txt is not supported", id="ending by glob"),
        pytest.param("plain", "the ending (none) is not supported", id="no ending"),
        pytest.param("lost.csv", "No such file: lost.csv", id="dangling link"),
        pytest.param("x" * 300 + ".csv", "File name too long", id="name too long"),
    ],
)
def test_what_cannot_be_read_is_refused(folder, name, message):
    (folder / "plain").touch()
    (folder / "lost.csv").symlink_to("nowhere")
    with pytest.raises(SourceError) as caught:
        find_sources([name])
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["secret", "secret/x.csv"])
def test_a_directory_without_permission_is_refused(folder, name):
    (folder / "secret").mkdir()
    (folder / "secret/x.csv").touch()
    (folder / "secret").chmod(0)
    is_root = os.geteuid() == 0
    # The directories above are the user's own, and so closed to anybody else.
    for path in [folder, *folder.parents[:3]]:
        if is_root and path.stat().st_uid == 0 and path.name.startswith(("test_", "pytest-")):
            path.chmod(0o755)
    if is_root:
        os.seteuid(65534)
    try:
        with pytest.raises(SourceError, match=f"Cannot read {name}: Permission denied"):
            find_sources([name])
    finally:
        if is_root:
            os.seteuid(0)
        (folder / "secret").chmod(0o700)


@pytest.mark.parametrize(
    ("name", "kind", "reader"),
    [
        pytest.param("x.csv", SourceFormat.CSV, CsvReader, id="csv"),
        pytest.param("x.CSV", SourceFormat.CSV, CsvReader, id="CSV"),
        pytest.param("x.parquet", SourceFormat.PARQUET, ParquetReader, id="parquet"),
        pytest.param("x.pq", SourceFormat.PARQUET, ParquetReader, id="pq"),
    ],
)
def test_the_ending_decides_the_reader(tmp_path, name, kind, reader):
    path = tmp_path / name
    frame = pl.DataFrame({"Id": ["1"]})
    if kind is SourceFormat.CSV:
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    (source,) = find_sources([str(path)])
    assert source == SourceFile(path, kind)
    opened = open_source(source, ReadingOptions())
    assert isinstance(opened, reader)
    assert [frame.rows() for frame in opened.read()] == [[(1, None, "1")]]


def test_a_parquet_file_named_csv_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    pl.DataFrame({"Id": ["1"]}).write_parquet(path)
    (source,) = find_sources([str(path)])
    with pytest.raises(SourceError, match="is a Parquet file, not CSV"):
        open_source(source, ReadingOptions())


# -- files that change ---------------------------------------------------------------------

SECOND_NS = 1_000_000_000


@pytest.fixture
def stamped(tmp_path):
    """A file of 1,234 bytes that was last modified at 2026-01-02 03:04:05, and its stamp."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"x" * 1234)
    os.utime(path, ns=(0, 1_767_323_045 * SECOND_NS))
    return path, stamp_source(path)


def grow(path):
    path.write_bytes(b"x" * 1300)


def touch(path):
    os.utime(path, ns=(0, 1_767_323_045 * SECOND_NS + SECOND_NS // 4))


def rewrite_in_time(path):
    grow(path)
    os.utime(path, ns=(0, 1_767_323_045 * SECOND_NS))


def replace_by_directory(path):
    path.unlink()
    path.mkdir()


def test_a_file_that_stays_as_it_is_is_taken(stamped):
    path, stamp = stamped
    refuse_changed(stamp)
    path.chmod(0o400)
    os.utime(path, ns=(5, stamp.modified_ns))
    refuse_changed(stamp)
    assert (stamp.path, stamp.size_bytes) == (str(path), 1234)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(os.unlink, "is gone: it was there when the run began", id="gone"),
        pytest.param(grow, "began: it was 1,234 bytes, is 1,300", id="grown"),
        pytest.param(rewrite_in_time, "began: it was 1,234 bytes, is 1,300", id="only grown"),
        pytest.param(
            touch,
            "began: it was last modified at 2026-01-02 03:04:05.000000 UTC, "
            "now at 2026-01-02 03:04:05.250000 UTC",
            id="modified",
        ),
        pytest.param(replace_by_directory, "began: it was 1,234 bytes, is ", id="a directory"),
    ],
)
def test_a_file_that_changed_is_refused(stamped, change, told):
    path, stamp = stamped
    change(path)
    with pytest.raises(SourceError) as caught:
        refuse_changed(stamp)
    assert str(caught.value).startswith(f"{path} ")
    assert told in str(caught.value)
    assert str(caught.value).endswith(". Start a new run.")


def test_a_file_that_changed_by_a_moment_is_refused(stamped):
    path, stamp = stamped
    os.utime(path, ns=(0, stamp.modified_ns + 1))
    with pytest.raises(SourceError, match="last modified"):
        refuse_changed(stamp)


def test_a_stamp_can_be_kept(stamped):
    _, stamp = stamped
    assert SourceStamp.model_validate_json(stamp.model_dump_json()) == stamp


def test_what_cannot_be_looked_at_cannot_be_stamped(tmp_path):
    with pytest.raises(SourceError, match=r"Cannot read .*none\.csv: No such file"):
        stamp_source(tmp_path / "none.csv")
    (tmp_path / "file").touch()
    stamp = SourceStamp(path=str(tmp_path / "file" / "x.csv"), size_bytes=1, modified_ns=1)
    with pytest.raises(SourceError, match=r"Cannot read .*x\.csv: Not a directory"):
        refuse_changed(stamp)


# -- streams of frames ---------------------------------------------------------------------

HEIGHTS = st.lists(st.integers(0, 12), max_size=12)


def frames_of(heights):
    first = 0
    for height in heights:
        yield pl.DataFrame({"n": range(first, first + height)}, schema={"n": pl.Int64})
        first += height


def values(frames):
    return [frame["n"].to_list() for frame in frames]


@given(heights=HEIGHTS, rows=st.integers(1, 20))
def test_partitions_hold_all_rows_in_order_and_all_but_the_last_are_full(heights, rows):
    parts = values(cut_partitions(frames_of(heights), rows, 1 << 30))
    total = sum(heights)
    assert [n for part in parts for n in part] == list(range(total))
    assert [len(part) for part in parts] == [rows] * (total // rows) + [total % rows] * (
        total % rows > 0
    )


@given(heights=HEIGHTS, rows=st.integers(1, 20), size=st.integers(1, 200))
def test_partitions_take_no_more_memory_than_they_may(heights, rows, size):
    texts = (f.with_columns(t=pl.lit("é" * 4), l=pl.lit(["ab", "c"])) for f in frames_of(heights))
    parts = values(cut_partitions(texts, rows, size))
    row_bytes = 8 + 3
    assert [n for part in parts for n in part] == list(range(sum(heights)))
    assert all(0 < len(part) <= rows for part in parts)
    assert all(len(part) == 1 or len(part) * row_bytes <= size for part in parts)


@given(heights=HEIGHTS, limit=st.one_of(st.none(), st.integers(0, 40)))
def test_the_first_rows_are_taken_and_no_more(heights, limit):
    taken = [n for part in values(take_rows(frames_of(heights), limit)) for n in part]
    assert taken == list(range(sum(heights)))[:limit]

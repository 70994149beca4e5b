"""Whether a source is still what it was, and that its stamp is enough to open it again."""

import os

import pytest

from pipelines.errors import SourceError
from pipelines.sources.base import ObjectVersion, Packing, SourceFile, SourceFormat
from pipelines.sources.stamps import SourceStamp, refuse_changed, stamp_source

SECOND_NS = 1_000_000_000


@pytest.fixture
def stamped(tmp_path):
    """A file of 1,234 bytes that was last modified at 2026-01-02 03:04:05, and its stamp."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"x" * 1234)
    os.utime(path, ns=(0, 1_767_323_045 * SECOND_NS))
    return path, stamp_source(SourceFile(str(path), SourceFormat.CSV))


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
        stamp_source(SourceFile(str(tmp_path / "none.csv")))
    (tmp_path / "file").touch()
    stamp = SourceStamp(path=str(tmp_path / "file" / "x.csv"), size_bytes=1, modified_ns=1)
    with pytest.raises(SourceError, match=r"Cannot read .*x\.csv: Not a directory"):
        refuse_changed(stamp)


MEMBER = SourceFile(
    "a/country=US/x.zip",
    None,
    Packing.GZIP,
    "b/../c.gz",
    12,
    (("country", "US"), ("plan", None)),
    ObjectVersion('"e-2"', 1234, 5_000_000_000),
    "a/*/x.zip",
)


def test_a_stamp_is_enough_to_open_a_source_again():
    kept = stamp_source(MEMBER).model_dump_json()
    stamp = SourceStamp.model_validate_json(kept)
    assert (stamp.source, stamp.source.named) == (MEMBER, MEMBER.named)
    assert (stamp.etag, stamp.size_bytes, stamp.modified_ns) == ('"e-2"', 1234, 5_000_000_000)
    refuse_changed(stamp)  # the requests that read it ask for this version


@pytest.mark.parametrize(
    ("path", "etag", "is_local"),
    [("x.csv", None, True), ("s3://b/x.csv", '"1"', False), ("-", None, False)],
)
def test_only_files_of_this_machine_are_local(path, etag, is_local):
    assert SourceStamp(path=path, size_bytes=1, modified_ns=1, etag=etag).is_local is is_local

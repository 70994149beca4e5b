"""The manifest: written and read back whole, or refused."""

import hashlib
from datetime import UTC, datetime

import orjson
import pytest

from pipelines.errors import RunStateError
from pipelines.sources.stamps import SourceStamp
from pipelines.storage.manifest import (
    PACKAGES,
    Attempt,
    InputRecord,
    Manifest,
    PartitionRecord,
    RunStatus,
    hash_file,
    load_manifest,
    read_versions,
    save_manifest,
)
from pipelines.storage.run_dir import create_run_directory


@pytest.fixture
def run(tmp_path):
    return create_run_directory(tmp_path, "r1")


@pytest.fixture
def manifest():
    inputs = [
        InputRecord(path=name, format="csv", size_bytes=5, sha256="00", header=["a", "a"], rows=3)
        for name in ("x.csv", "é.csv")
    ]
    return Manifest(
        run_id="r1",
        command="run",
        status=RunStatus.STOPPED,
        message="why",
        settings={"rate": 1.5, "partition_rows": 2, "paths": ["a"]},
        destination="somewhere",
        versions={"python": "3"},
        folder="/somewhere",
        sources=[SourceStamp(path="x.csv", size_bytes=5, modified_ns=7)],
        inputs=inputs,
        partitions=[PartitionRecord(number=n, input=i, rows=2) for n, i in enumerate([0, 0, 1, 1])],
        started_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        attempts=[Attempt(started_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC))],
        finished_at=datetime(2026, 1, 2, 4, tzinfo=UTC),
    )


def test_it_comes_back_as_it_was(run, manifest):
    save_manifest(manifest, run)
    assert load_manifest(run) == manifest


def test_one_that_was_just_begun_comes_back(run):
    now = datetime.now(UTC)
    begun = Manifest(
        run_id="r1",
        command="run",
        settings={},
        versions={},
        folder="",
        sources=[],
        started_at=now,
        attempts=[Attempt(started_at=now)],
    )
    save_manifest(begun, run)
    assert load_manifest(run) == begun
    assert load_manifest(run).status is RunStatus.RUNNING


def test_a_partition_knows_its_file(manifest):
    assert [manifest.source_of(n).path for n in range(4)] == ["x.csv", "x.csv", "é.csv", "é.csv"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"format": 1', id="cut short"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="members missing"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
def test_a_damaged_one_is_refused(run, content):
    run.manifest.write_bytes(content)
    with pytest.raises(RunStateError, match=str(run.manifest)):
        load_manifest(run)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"format": 3}, id="newer format"),
        pytest.param({"format": 0}, id="no format that there was"),
        pytest.param({"status": "paused"}, id="unknown status"),
        pytest.param({"new_member": 1}, id="unknown member"),
        pytest.param({"started_at": "yesterday"}, id="no time"),
        pytest.param({"inputs": [{"path": "x"}]}, id="part of an input"),
    ],
)
def test_one_of_another_version_is_refused(run, manifest, change):
    save_manifest(manifest, run)
    run.manifest.write_bytes(orjson.dumps(orjson.loads(run.manifest.read_bytes()) | change))
    with pytest.raises(RunStateError, match="damaged or of another version"):
        load_manifest(run)


def test_a_missing_one_is_refused(run):
    with pytest.raises(RunStateError):
        load_manifest(run)


def test_versions_name_every_package_that_matters():
    versions = read_versions()
    assert set(versions) == {"python", *PACKAGES}
    assert all(versions.values())


def test_a_file_is_known_by_its_content(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"content")
    assert hash_file(path) == hashlib.sha256(b"content").hexdigest()

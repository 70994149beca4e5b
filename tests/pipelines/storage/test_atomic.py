"""Files that are there whole or not at all."""

import errno
import json
import shutil
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.exceptions import ComputeError

from pipelines.errors import StorageError
from pipelines.storage.atomic import (
    remove_leftovers,
    replacing,
    write_json,
    write_parquet,
    write_text,
)


class Crash(BaseException):
    """Anything that can happen while a file is written."""


def write_half(path, is_begun=True):
    with replacing(path) as temporary:
        if is_begun:
            temporary.write_text("half")
        raise Crash


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_crash_leaves_neither_file_nor_temporary(tmp_path, is_begun):
    with pytest.raises(Crash):
        write_half(tmp_path / "x", is_begun)
    assert list(tmp_path.iterdir()) == []


def test_a_crash_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "x"
    path.write_text("before")
    with pytest.raises(Crash):
        write_half(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_seen_under_the_name_before_the_end(tmp_path):
    path = tmp_path / "x"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_temporary_file_is_no_partition(tmp_path):
    with replacing(tmp_path / "part-00000.parquet") as temporary:
        temporary.write_text("x")
        assert list(tmp_path.glob("part-*.parquet")) == []


def test_a_block_that_writes_nothing_fails(tmp_path):
    with pytest.raises(StorageError, match="No such file"), replacing(tmp_path / "x"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: write_text("x", path), id="text"),
        pytest.param(lambda path: write_json({"x": 1}, path), id="json"),
        pytest.param(lambda path: write_parquet(pl.DataFrame({"x": [1]}), path), id="parquet"),
    ],
)
def test_only_the_owner_may_read(tmp_path, write):
    path = tmp_path / "x"
    path.write_text("open to all")
    path.chmod(0o644)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_text_keeps_its_line_ends(tmp_path):
    write_text("a\r\nb\né", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == "a\r\nb\né".encode()


def test_json_is_indented_and_takes_a_default(tmp_path):
    write_json({"x": Decimal("1.5")}, tmp_path / "x", str)
    assert (tmp_path / "x").read_text() == '{\n  "x": "1.5"\n}\n'
    assert json.loads((tmp_path / "x").read_text()) == {"x": "1.5"}


def test_a_frame_comes_back(tmp_path):
    frame = pl.DataFrame({"x": [1, None], "l": [["a", None], None]})
    write_parquet(frame, tmp_path / "x")
    assert pl.read_parquet(tmp_path / "x").equals(frame)


# -- a full disk ---------------------------------------------------------------------------

WRITE_TOO_MUCH = """
import json, random, resource, signal, sys
from pathlib import Path
import polars as pl, pyarrow.parquet as pq
from pipelines.errors import StorageError
from pipelines.storage.atomic import replacing, write_json, write_parquet, write_text

folder = Path(sys.argv[1])
if sys.argv[2] == "limit":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
path = folder / "x"
texts = [random.randbytes(20).hex() for _ in range(5000)]
frame = pl.DataFrame({"x": texts})

def polars_csv():
    with replacing(path) as temporary, temporary.open("wb") as file:
        for rows in frame.iter_slices(100):
            rows.write_csv(file, include_header=False)

def polars_parquet():
    with replacing(path) as temporary:
        frame.write_parquet(temporary, compression="uncompressed")

def pyarrow_writer():
    table = frame.to_arrow()
    with replacing(path) as temporary, pq.ParquetWriter(temporary, table.schema) as writer:
        for start in range(0, 5000, 500):
            writer.write_table(table[start:start + 500])

writers = {
    "text": lambda: write_text("".join(texts), path),
    "json": lambda: write_json(texts, path),
    "parquet": lambda: write_parquet(frame, path),
    "polars_csv": polars_csv,
    "polars_parquet": polars_parquet,
    "pyarrow_writer": pyarrow_writer,
}
path.write_text("before")
told = {}
for name, write in writers.items():
    try:
        write()
    except StorageError as error:
        told[name] = error.message
assert [entry.name for entry in folder.iterdir()] == ["x"]
assert path.read_text() == "before"
print(json.dumps(told))
"""
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -c "$3" "$1" tmpfs'


def can_mount():
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and Path("/mnt").is_dir()
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.fixture(scope="module", params=["limit", "tmpfs"])
def told(request, tmp_path_factory):
    """What each writer says on a full disk, by name; the fault as the kernel calls it."""
    folder = tmp_path_factory.mktemp("full")
    if request.param == "limit":
        command = [sys.executable, "-c", WRITE_TOO_MUCH, folder, "limit"]
        fault = "File too large"
    elif can_mount():
        arguments = [folder, sys.executable, WRITE_TOO_MUCH]
        command = ["unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", *arguments]
        fault = "No space left on device"
    else:
        pytest.skip("file systems cannot be mounted here")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return f"{folder / 'x'} cannot be written: {fault}.", json.loads(done.stdout)


WRITERS = ["text", "json", "parquet", "polars_csv", "polars_parquet", "pyarrow_writer"]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_told_whatever_the_writer_calls_it(told, writer):
    fault, messages = told
    remedy = "Make room (or choose another --runs-dir) and resume the run."
    assert messages[writer] == f"{fault} {remedy}"


def fail(path, error):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("folder", [".", "staged"])
def test_a_run_that_can_be_resumed_is_named(tmp_path, folder):
    run = tmp_path / "r1"
    (run / folder).mkdir(parents=True)
    (run / "manifest.json").touch()
    with pytest.raises(StorageError) as caught:
        fail(run / folder / "x", OSError(errno.ENOSPC, "full"))
    remedy = "Make room, then: endpoint-import resume r1"
    assert str(caught.value).endswith(f"x cannot be written: No space left on device. {remedy}")
    assert caught.value.details == {"run_id": "r1"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(OSError(errno.EDQUOT, "x"), "Disk quota exceeded. Make room", id="quota"),
        pytest.param(OSError(errno.EROFS, "It is so"), "It is so. Put that right", id="read-only"),
        pytest.param(OSError("no number"), "no number. Put that right", id="without number"),
        pytest.param(
            ComputeError("IO: Input/output error (os error 5)"),
            "(os error 5). Put that right",
            id="polars",
        ),
    ],
)
def test_other_faults_are_told_as_they_are(tmp_path, error, told):
    with pytest.raises(StorageError) as caught:
        fail(tmp_path / "x", error)
    assert told in str(caught.value)
    assert caught.value.__cause__ is error


def test_an_error_that_is_not_the_disks_stays_what_it_is(tmp_path):
    with pytest.raises(ComputeError, match="no such column"):
        fail(tmp_path / "x", ComputeError("no such column"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), Crash()])
def test_a_temporary_file_that_cannot_be_removed_does_not_hide_the_error(
    tmp_path, monkeypatch, error
):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "refused")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises((StorageError, Crash)) as caught:
            fail(tmp_path / "x", error)
    assert error in (caught.value, caught.value.__cause__)
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_gone(tmp_path):
    with pytest.raises(StorageError, match=r"cannot be written: No such file or directory\. Put"):
        write_text("x", tmp_path / "gone" / "x")


# -- leftovers -----------------------------------------------------------------------------

KILL_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from pipelines.storage.atomic import replacing

with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_leaves_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "part-00000.parquet"
    command = [sys.executable, "-c", KILL_WHILE_WRITING, path]
    assert subprocess.run(command, check=False).returncode == -9
    (leftover,) = tmp_path.iterdir()
    kept = [tmp_path / name for name in ("x", ".hidden", "x.tmp", "below/.x.1.tmp")]
    for other in kept:
        other.parent.mkdir(exist_ok=True)
        other.touch()
    remove_leftovers(tmp_path)
    assert not leftover.exists()
    assert all(other.exists() for other in kept)


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path):
    remove_leftovers(tmp_path / "none")


def test_a_leftover_that_cannot_be_removed(tmp_path):
    (tmp_path / ".x.1.tmp").mkdir()
    with pytest.raises(StorageError, match=r"\.x\.1\.tmp cannot be written"):
        remove_leftovers(tmp_path)

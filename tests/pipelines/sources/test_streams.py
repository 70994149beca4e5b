"""Local files and private copies as streams."""

import io
import os
import tempfile

import pytest

from pipelines.errors import SourceError
from pipelines.sources import streams
from pipelines.sources.base import LocalContent
from pipelines.sources.streams import PrivateCopy, open_stream, refuse_unpacked


def test_a_file_is_read_forward_and_here_and_there(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(bytes(range(256)) * 9000)
    with LocalContent(path).open() as file:
        assert file.read(2) == b"\0\1"
        assert file.seek(-1, os.SEEK_END) == 256 * 9000 - 1
        assert file.read() == b"\xff"
        assert file.seek(3) == 3
        assert (file.read(1), file.tell()) == (b"\3", 4)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_opened_is_named(tmp_path, make, says):
    path = tmp_path / "x.csv"
    make(path)
    with pytest.raises(SourceError, match=rf"Cannot read .*x\.csv: {says}"):
        LocalContent(path).open()


def test_a_fault_while_reading_names_the_file():
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    told = []
    with pytest.raises(SourceError, match="told"):
        open_stream(
            Broken(), lambda error, at: told.append((error, at)) or SourceError("told")
        ).read()
    assert [(str(error), at) for error, at in told] == [("[Errno 5] Input/output error", 0)]


def test_a_private_copy_has_no_name_and_many_readers(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = os.urandom(3 << 20)
    copy = PrivateCopy(io.BytesIO(content), "x")
    assert list(tmp_path.iterdir()) == []
    one, other = copy.open(), copy.open()
    assert one.read(10) == content[:10]
    assert other.read() == content
    assert one.read() == content[10:]
    one.seek(-5, os.SEEK_END)
    assert one.read() == content[-5:]
    del copy
    other.seek(1)
    assert other.read(3) == content[1:4]


def test_a_private_copy_is_its_owners_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    copy = PrivateCopy(io.BytesIO(b"x"), "x")
    status = os.fstat(copy._file.fileno())
    assert (status.st_mode & 0o777, status.st_nlink) == (0o600, 0)


def test_no_room_for_a_copy_is_said(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(SourceError, match=r"^x cannot be copied to .* /nowhere: .*TMPDIR"):
        PrivateCopy(io.BytesIO(b"x"), "x")


@pytest.mark.parametrize(
    ("unpacked_bytes", "packed_bytes", "is_refused"),
    [
        (1000, 1, False),
        (1001, 10, True),
        (1001, 11, False),
        (5000, 50, False),
        (5001, 50, True),
    ],
)
def test_what_unpacks_to_much_and_to_many_times_its_size_is_refused(
    monkeypatch, unpacked_bytes, packed_bytes, is_refused
):
    monkeypatch.setattr(streams, "MOST_UNPACKED_BYTES", 1000)
    if not is_refused:
        refuse_unpacked("x.gz", unpacked_bytes, packed_bytes)
        return
    with pytest.raises(SourceError, match=r"^x\.gz unpacks to more than 1,000 bytes .*yourself"):
        refuse_unpacked("x.gz", unpacked_bytes, packed_bytes)

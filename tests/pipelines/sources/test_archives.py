"""Zip archives: members where they lie, and archives that are made to do harm."""

import bz2
import gzip
import io
import os
import struct
import time
import zipfile
from collections import deque

import pytest

from pipelines.errors import SourceError
from pipelines.sources import archives, streams
from pipelines.sources.archives import list_members
from pipelines.sources.base import LocalContent, SourceFile
from pipelines.sources.contents import open_content
from pipelines.sources.finding import find_sources

CSV = b"Id,Address\n1,a@example.com\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.zip"


def write(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)


def read(path, member):
    with open_content(SourceFile(str(path), member=member)).open() as file:
        return file.read()


def listed(path):
    return [member.name for member in list_members(LocalContent(path))]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_member_is_read_as_it_was_packed(path, method):
    content = os.urandom(1000) * 3000
    write(path, [("a.csv", CSV), ("b.csv", content)], method)
    assert listed(path) == ["a.csv", "b.csv"]
    assert read(path, "a.csv") == CSV
    assert read(path, "b.csv") == content


def test_a_member_is_read_here_and_there_from_a_private_copy(path):
    write(path, [("a.csv", CSV)])
    file = open_content(SourceFile(str(path), member="a.csv")).open_seekable()
    file.seek(-4, os.SEEK_END)
    assert file.read() == CSV[-4:]


def test_hidden_files_folders_archives_and_other_formats_are_left_out(path):
    names = ["a.csv", ".b.csv", "__MACOSX/._a.csv", "x/.git/a.csv", "y.zip", "z.doc", "f.csv/"]
    write(path, [(name, b"") for name in names])
    assert listed(path) == ["a.csv"]


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("../../etc/a.csv", "x.zip:../../etc/a.csv"),
        ("/etc/a.csv", "x.zip:/etc/a.csv"),
        ("C:\\a.csv", "x.zip:C:\\a.csv"),
        ("a\nb\x1b[31m.csv", "x.zip:a\\nb\\x1b[31m.csv"),
        ("a\u202egpj.csv", "x.zip:a\\u202egpj.csv"),
    ],
)
def test_names_are_only_labels(path, monkeypatch, member, name):
    monkeypatch.chdir(path.parent)
    write(path, [(member, CSV)])
    (source,) = find_sources(["x.zip"])
    assert source.name == name
    assert read(path, source.member) == CSV
    assert [p.name for p in path.parent.iterdir()] == ["x.zip"]


def test_a_packed_member_is_unpacked_too(path):
    write(path, [("a.csv.gz", gzip.compress(CSV))])
    (source,) = find_sources([str(path)])
    assert open_content(source).open().read() == CSV


def encrypt(content):
    """Set the flag of every header, as an archiver that encrypts does."""
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        content[start + at] |= 1
    return content


def change_method(content):
    for signature, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = content.find(signature)
        content[start + at : start + at + 2] = struct.pack("<H", 9)
    return content


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(encrypt, "is encrypted. Unpack the archive", id="encrypted"),
        pytest.param(change_method, "packed by a method that is not read", id="method"),
        pytest.param(
            lambda content: content[:-30], "cannot be read as a zip archive", id="cut off"
        ),
        pytest.param(lambda _: b"Id\n1\n", "cannot be read as a zip archive", id="no archive"),
        pytest.param(lambda _: b"", "cannot be read as a zip archive", id="empty"),
    ],
)
def test_an_archive_that_cannot_be_read_is_refused(path, change, says):
    write(path, [("a.csv", CSV)])
    path.write_bytes(change(bytearray(path.read_bytes())))
    with pytest.raises(SourceError, match=says) as caught:
        find_sources([str(path)])
    assert str(path) in str(caught.value)


def test_a_damaged_member_is_found_when_it_is_read(path):
    write(path, [("a.csv", os.urandom(1 << 20))], zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[500_000] ^= 1
    path.write_bytes(content)
    assert listed(path) == ["a.csv"]
    with pytest.raises(SourceError, match=r"x\.zip:a\.csv cannot be unpacked behind byte .*CRC"):
        read(path, "a.csv")


def test_two_members_of_one_name_are_refused(path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        write(path, [("a.csv", CSV), ("a.csv", b"Id\n2\n")])
    with pytest.raises(SourceError, match=r"has two members 'a\.csv'"):
        listed(path)


def test_a_member_that_is_gone_is_said(path):
    write(path, [("a.csv", CSV)])
    with pytest.raises(SourceError, match=r"x\.zip has no member 'b\.csv' any more"):
        read(path, "b.csv")


def test_too_many_members_are_refused(path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    write(path, [(f"{n}.csv", b"") for n in range(3)])
    assert len(listed(path)) == 3
    write(path, [(f"{n}.csv", b"") for n in range(4)])
    with pytest.raises(SourceError, match="has 4 members; 3 are the most"):
        listed(path)


def test_a_list_of_members_that_takes_all_memory_is_not_read(path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_DIRECTORY_BYTES", 100_000)
    write(path, [(f"{'x' * 1000}{n}.doc", b"") for n in range(150)])
    with pytest.raises(SourceError, match="its list of members is too long"):
        listed(path)


# -- bombs -----------------------------------------------------------------------------------


@pytest.fixture
def low_limit(monkeypatch):
    monkeypatch.setattr(streams, "MOST_UNPACKED_BYTES", 10 << 20)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_bomb_that_says_so_is_refused_at_once(path, low_limit, method):
    write(path, [("a.csv", b"0" * (60 << 20))], method)
    with pytest.raises(SourceError, match="unpacks to more than 10,485,760 bytes"):
        find_sources([str(path)])


def test_many_members_that_are_one_bomb_together_are_refused(path, low_limit):
    write(path, [(f"{n}.csv", b"0" * (9 << 20)) for n in range(4)])
    with pytest.raises(SourceError, match="unpacks to more than"):
        find_sources([str(path)])


def declare(path, size_bytes):
    """Let an archive of one member lie about its size."""
    content = bytearray(path.read_bytes())
    start = content.find(b"PK\x01\x02")
    content[start + 24 : start + 28] = struct.pack("<I", size_bytes)
    path.write_bytes(content)


@pytest.mark.parametrize("declared", [5, 9 << 20])
def test_a_bomb_that_lies_gives_no_more_than_it_said_and_is_found_out(path, low_limit, declared):
    write(path, [("a.csv", b"0" * (60 << 20))])
    declare(path, declared)
    (source,) = find_sources([str(path)])
    begun = time.monotonic()
    with open_content(source).open() as file:
        with pytest.raises(SourceError, match="cannot be unpacked behind byte"):
            deque(iter(lambda: file.read(1 << 16), b""), maxlen=0)
        assert file.tell() <= declared
    assert time.monotonic() - begun < 2


def test_what_is_counted_is_what_comes(path, low_limit):
    """Whatever the list of members says, which is not asked here."""
    write(path, [("a.csv", b"0" * (60 << 20))])
    with pytest.raises(SourceError, match=r"x\.zip:a\.csv unpacks to more than"):
        read(path, "a.csv")


def test_members_that_share_their_bytes_are_refused(path):
    write(path, [("a.csv", CSV * 100), ("b.csv", CSV * 100)])
    content = bytearray(path.read_bytes())
    second = content.rfind(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 0)
    path.write_bytes(content)
    with pytest.raises(SourceError, match="members of the archive overlap"):
        listed(path)


def test_a_bomb_within_a_member_is_counted_too(path, low_limit):
    write(path, [("a.csv.bz2", bz2.compress(b"0" * (60 << 20)))])
    (source,) = find_sources([str(path)])
    with pytest.raises(SourceError, match=r"x\.zip:a\.csv\.bz2 unpacks to more than"):
        open_content(source).open().read()


def test_an_archive_in_memory_is_none_on_disk(path):
    """Such as one that came by standard input: anything that can be read here and there will do."""

    class Held:
        name = "-"
        path = None

        def open_seekable(self):
            return io.BytesIO(path_bytes)

    write(path, [("a.csv", CSV)])
    path_bytes = path.read_bytes()
    assert [member.name for member in list_members(Held())] == ["a.csv"]

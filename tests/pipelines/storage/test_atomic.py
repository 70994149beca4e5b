"""Files that are there whole or not at all."""

import json
import stat
from decimal import Decimal

import polars as pl
import pytest

from pipelines.errors import StorageError
from pipelines.storage.atomic import replacing, write_json, write_parquet, write_text


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

"""Commits: whole or not at all, whatever happens in between, and folded together in time."""

import shutil
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from state_support import ALL_HASHES, GREATEST, KEY, frames, ids, many, note, read_all, record
from state_support import small_files as small

from pipelines.errors import StorageError
from pipelines.state.base import CommitKind
from pipelines.state.compaction import LARGEST_SHARE, MOST_SEGMENTS, choose_folded
from pipelines.state.pointer import KEPT_NOTES, Pointer, Segment, SegmentFile, parse_pointer
from pipelines.state.reading import RANGE_ROWS, StoredState
from pipelines.state.store import list_states, locked_state, open_state
from pipelines.state.writing import find_orphans


@pytest.fixture
def small_files():
    with small():
        yield


def commit(place: Path, *records, **values) -> None:
    with locked_state(place, KEY, run_id="r1") as state:
        state.commit(frames(*records), note(**values))


def folder_in(place: Path) -> Path:
    (folder,) = place.iterdir()
    return folder


def pointer_in(place: Path):
    return parse_pointer((folder_in(place) / "pointer.json").read_bytes(), "here")


class Copies:
    """Copies of a folder as it is after each change of a name in it."""

    def __init__(self, folder: Path, to: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.to, self.made = folder, to, []
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, self.watch(getattr(Path, name)))

    def watch(self, change):
        def watched(path, *arguments, **values):
            if not path.is_relative_to(self.folder):
                return change(path, *arguments, **values)
            if not self.made:
                self.take()
            try:
                return change(path, *arguments, **values)
            finally:
                self.take()

        return watched

    def take(self) -> None:
        copy = self.to / f"copy-{len(self.made)}"
        shutil.copytree(self.folder, copy)
        self.made.append(copy)


@pytest.mark.usefixtures("small_files")
class TestCrash:
    @pytest.mark.parametrize(
        "added", [many(3, content=1), many(12, content=1)], ids=["small", "folded"]
    )
    def test_at_any_step_all_is_as_before_or_as_after(self, tmp_path, monkeypatch, added):
        place = tmp_path / "state"
        commit(place, *many(20))
        commit(place, record(1, "old"))
        before = read_all(open_state(place, KEY))
        with monkeypatch.context() as patch:
            copies = Copies(place, tmp_path, patch)
            commit(place, *added, run_id="r2")
        after = read_all(open_state(place, KEY))
        found = []
        for copy in copies.made:
            state = open_state(copy, KEY)
            found.append(state.generation)
            assert read_all(state) == (before if state.generation == 2 else after)
            assert state.notes[-1].run_id == ("r1" if state.generation == 2 else "r2")
            # And the work goes on from there, without what was left behind.
            commit(copy, record(2, "next"))
            known = before if state.generation == 2 else after
            assert len(ids(open_state(copy, KEY))) == len(known) + 1
            pointer = pointer_in(copy)
            needed = {*(file.name for file in pointer.files), *pointer.left}
            names = {path.name for path in folder_in(copy).iterdir()}
            assert names == {*needed, "lock", "pointer.json"}
        assert set(found) == {2, 3}

    def test_an_error_of_whoever_gives_the_records_leaves_nothing(self, tmp_path):
        commit(tmp_path, *many(3))
        names = sorted(folder_in(tmp_path).iterdir())

        def broken():
            yield from frames(*many(20), rows=1)
            raise ZeroDivisionError

        with locked_state(tmp_path, KEY, run_id="r1") as state:
            with pytest.raises(ZeroDivisionError):
                state.commit(broken(), note())
            assert sorted(folder_in(tmp_path).iterdir()) == names
            assert len(read_all(state)) == 3
            state.commit(frames(record(1, "a")), note())
            assert len(read_all(state)) == 4

    @pytest.mark.parametrize(
        "given",
        [
            [record(2, "a"), record(1, "b")],
            [record(n, f"e{n}") for n in (*range(5, 25), 3)],
            [record(n, f"e{n}") for n in (*range(5, 17), 3)],
        ],
        ids=["in-a-group", "in-a-file", "in-the-next-file"],
    )
    def test_records_that_are_not_sorted_are_refused(self, tmp_path, given):
        unsorted = [frame for row in given for frame in frames(row)]
        refused = pytest.raises(ValueError, match="not sorted by key_hash")
        with refused, locked_state(tmp_path, KEY, run_id="r1") as state:
            state.commit(unsorted, note())
        assert list_states(tmp_path) == []

    def test_of_two_writers_one_commits(self, tmp_path, monkeypatch):
        commit(tmp_path, *many(3))
        with locked_state(tmp_path, KEY, run_id="r1") as state:
            (folder_in(tmp_path) / "lock").unlink()  # by somebody who helps himself
            commit(tmp_path, record(1, "theirs"))
            with pytest.raises(StorageError, match="Another process has written"):
                state.commit(frames(record(2, "ours")), note())
        assert ids(open_state(tmp_path, KEY)) == ["e0000", "theirs", "e0001", "e0002"]

    def test_a_full_disk(self, tmp_path, monkeypatch):
        commit(tmp_path, *many(3))

        def fail(*_, **__):
            raise OSError(28, "No space left on device")

        with locked_state(tmp_path, KEY, run_id="r1") as state:
            with monkeypatch.context() as patch:
                patch.setattr(pq.ParquetWriter, "write_table", fail)
                full = r"No space left on device\. Make room, then run the command again"
                with pytest.raises(StorageError, match=full):
                    state.commit(frames(record(1, "a")), note())
            state.commit(frames(record(1, "a")), note())
            assert len(read_all(state)) == 4

    def test_a_commit_counts_though_there_is_no_room_to_fold(self, tmp_path, monkeypatch):
        commit(tmp_path, *many(3))
        write, written = pq.ParquetWriter.write_table, []

        def fail_later(self, table, **values):
            written.append(table)
            if len(written) > 1:
                raise OSError(28, "No space left on device")
            return write(self, table, **values)

        with monkeypatch.context() as patch:
            patch.setattr(pq.ParquetWriter, "write_table", fail_later)
            commit(tmp_path, *many(4, content=1))
        assert len(written) == 2
        assert len(pointer_in(tmp_path).segments) == 2
        assert [row["content"] for row in read_all(open_state(tmp_path, KEY))][:2] == [1, 1]
        commit(tmp_path)
        assert len(pointer_in(tmp_path).segments) == 1


def test_files_of_a_later_revision_stay():
    """Who took a slow writer for dead writes them, while that one still tidies up."""
    pointer = Pointer(destination="d", application_id="a", revision=7, left=(SEGMENT_OF[6],))
    pointer = pointer.model_copy(update={"segments": (segment(1, SEGMENT_OF[5]),)})
    names = [*SEGMENT_OF.values(), "lock", "pointer.json"]
    assert find_orphans(names, pointer) == [SEGMENT_OF[4], SEGMENT_OF[7]]


SEGMENT_OF = {number: f"{number:08d}-0123abcd-0000.parquet" for number in (4, 5, 6, 7, 8)}


class TestNotes:
    def test_the_last_ones_are_kept_and_the_last_final_one_of_each_feed(self, tmp_path):
        with locked_state(tmp_path, KEY, run_id="r") as state:
            state.commit([], note(run_id="old", feed="a", is_final=True, rows=1))
            state.commit([], note(run_id="kept", feed="a", is_final=True, rows=7))
            state.commit([], note(run_id="b", feed="b", is_final=True))
            state.commit([], note(run_id="uncounted", feed="a", is_final=True))
            for number in range(KEPT_NOTES):
                state.commit([], note(CommitKind.INTENT, run_id=f"r{number}", feed="a"))
        state = open_state(tmp_path, KEY)
        kept = [made.run_id for made in state.notes]
        assert kept == ["kept", "b", "uncounted", *(f"r{n}" for n in range(KEPT_NOTES))]
        assert state.notes[0].rows == 7
        assert state.generation == KEPT_NOTES + 4


def segment(rows: int, name: str = "x") -> Segment:
    file = SegmentFile(name=name, rows=rows, size_bytes=1, first=0, last=GREATEST, footer_crc32=0)
    return Segment(files=(file,)) if rows else Segment(files=())


@pytest.mark.parametrize(
    ("rows", "start"),
    [
        ([], None),
        ([100], None),
        ([100, 25], None),
        ([100, 26], 0),
        ([100, 20, 6], 0),
        ([1_000, *[1] * (MOST_SEGMENTS - 1)], None),
        ([1_000, *[1] * MOST_SEGMENTS], 1),
        ([1_000, 240, *[1] * (MOST_SEGMENTS - 1)], 0),
    ],
)
def test_what_is_folded(rows, start):
    assert LARGEST_SHARE == 4
    assert choose_folded([segment(count) for count in rows]) == start


class TestFolding:
    def test_small_commits_are_gathered_and_the_base_stays(self, tmp_path):
        commit(tmp_path, *many(1_000))
        (base,) = pointer_in(tmp_path).files
        for number in range(MOST_SEGMENTS):
            commit(tmp_path, record(5, f"new{number}"), record(9, "gone", is_forgotten=True))
        pointer = pointer_in(tmp_path)
        assert [s.rows for s in pointer.segments] == [1_000, MOST_SEGMENTS + 1]
        assert pointer.files[0] == base
        assert pointer.generation == MOST_SEGMENTS + 1
        assert len(read_all(open_state(tmp_path, KEY))) == 1_000 + MOST_SEGMENTS

    def test_what_is_forgotten_stays_so_and_leaves_the_files_with_the_next_base(self, tmp_path):
        commit(tmp_path, *many(100))
        gone = many(100)[3]["endpoint_id"]
        commit(tmp_path, record(many(100)[3]["key_hash"], gone.upper(), is_forgotten=True))
        for _ in range(MOST_SEGMENTS):
            commit(tmp_path, record(7, "another"))
            assert gone not in ids(open_state(tmp_path, KEY))
        assert pointer_in(tmp_path).segments[1].rows == 2
        commit(tmp_path, *(record(n, f"x{n}") for n in range(30)))
        (base,) = pointer_in(tmp_path).segments
        assert base.rows == open_state(tmp_path, KEY).read(ALL_HASHES).height
        assert gone not in ids(open_state(tmp_path, KEY))

    def test_a_state_whose_records_are_all_forgotten_is_empty(self, tmp_path):
        commit(tmp_path, *many(3))
        commit(tmp_path, *many(3, is_forgotten=True))
        assert pointer_in(tmp_path).segments == ()
        assert read_all(open_state(tmp_path, KEY)) == []
        commit(tmp_path, *many(2))
        assert len(ids(open_state(tmp_path, KEY))) == 2

    @pytest.mark.usefixtures("small_files")
    def test_files_are_cut_and_no_more_than_a_range_is_in_memory(self, tmp_path, monkeypatch):
        commit(tmp_path, *many(100))
        files = pointer_in(tmp_path).files
        assert [file.rows for file in files] == [12] * 8 + [4]
        assert all(a.last < b.first for a, b in pairwise(files))
        read = StoredState._read_segments
        heights = []

        def watch(*arguments):
            found = read(*arguments)
            heights.append(found.height)
            return found

        monkeypatch.setattr(StoredState, "_read_segments", watch)
        commit(tmp_path, *many(100, content=1))
        assert [s.rows for s in pointer_in(tmp_path).segments] == [100]
        assert sum(heights) == 100
        assert max(heights) <= 7

    @pytest.mark.usefixtures("small_files")
    def test_records_are_taken_as_they_are_written(self, tmp_path, monkeypatch):
        write, taken, written = pq.ParquetWriter.write_table, [], []
        ahead = []

        def watch(self, table, **values):
            written.append(table.num_rows)
            ahead.append(sum(taken) - sum(written))
            return write(self, table, **values)

        def give():
            for frame in frames(*many(100), rows=3):
                taken.append(frame.height)
                yield frame

        monkeypatch.setattr(pq.ParquetWriter, "write_table", watch)
        with locked_state(tmp_path, KEY, run_id="r1") as state:
            state.commit(give(), note())
        assert sum(written) == 100
        assert max(ahead) < 4 + 3

    def test_records_may_be_made_of_those_that_are_replaced(self, tmp_path):
        commit(tmp_path, *many(100))
        with small(), locked_state(tmp_path, KEY, run_id="r2") as state:
            parts = state.ranges()
            assert len(parts) > 10
            state.commit(
                (state.read(part).with_columns(content=pl.lit(1, pl.UInt64)) for part in parts),
                note(),
            )
            assert {row["content"] for row in read_all(state)} == {1}
        assert RANGE_ROWS == 500_000


def test_what_is_erased_is_in_no_file(tmp_path):
    commit(tmp_path, *many(20))
    with locked_state(tmp_path, KEY, run_id=None) as state:
        state.commit(frames({**many(20)[3], "is_forgotten": True}), note(CommitKind.FORGOTTEN))
        state.erase()
        assert len(ids(state)) == 19
    files = list(tmp_path.rglob("*.parquet"))
    assert files
    assert not any("e0003" in pl.read_parquet(path)["endpoint_id"] for path in files)
    assert "e0003" not in ids(open_state(tmp_path, KEY))

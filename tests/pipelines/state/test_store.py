"""States in a folder: opened, locked, listed, removed, and never half of anything."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from state_support import (
    ALL_HASHES,
    AT,
    GREATEST,
    KEY,
    frames,
    ids,
    many,
    note,
    read_all,
    record,
    small_files,
)

from pipelines.errors import StateError, StorageError
from pipelines.state.base import CommitKind, KeyRange, StateKey
from pipelines.state.folders import name_folder
from pipelines.state.segments import read_range
from pipelines.state.store import list_states, locked_state, open_state, remove_state
from schemas.sync_records import RECORD_SCHEMA

TESTS = Path(__file__).parents[2]
# Takes the lock, begins a commit that never ends, and says so.
HALF_A_COMMIT = """
import sys
from pathlib import Path
from state_support import KEY, frames, many, note, small_files
from pipelines.state.store import locked_state

def endless():
    yield from frames(*many(40), rows=1)
    print("written", flush=True)
    sys.stdin.read()

with small_files(), locked_state(Path(sys.argv[1]), KEY, run_id="killed") as state:
    state.commit(endless(), note())
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "runs" / ".state"


def folder_of(place: Path) -> Path:
    return place / name_folder(KEY)


def commit(place: Path, *records, key: StateKey = KEY, **values) -> None:
    with locked_state(place, key, run_id="r1") as state:
        state.commit(frames(*records), note(**values))


class TestOpen:
    def test_what_was_never_committed_is_empty_and_makes_nothing(self, place):
        state = open_state(place, KEY)
        assert (state.generation, state.count(), state.size_bytes()) == (0, 0, 0)
        assert (state.born, list(state.feeds), list(state.notes)) == (None, [], [])
        assert state.ranges() == [ALL_HASHES]
        assert state.read(ALL_HASHES).schema == RECORD_SCHEMA
        assert read_all(state) == []
        assert state.owner() is None
        assert list_states(place) == []
        assert not place.exists()

    def test_all_that_was_committed_is_there(self, place):
        full = record(
            7,
            "Ä",
            user_id="u",
            opt_out="ALL",
            status="INACTIVE",
            content=GREATEST,
            layout="a\x1fb",
            marks=[1, None, 2**32 - 1],
            feeds=1 << 63,
            is_ours=True,
            retired="optout",
            accepted_at=AT,
            run_id="r1",
        )
        with locked_state(place, KEY, run_id="r1") as state:
            assert [state.number_feed(name) for name in ("b", "a", "b")] == [0, 1, 0]
            made = note(feed="a", rows=3, is_final=True)
            state.commit(frames(full, record(9, "x", marks=[])), made, born="2026")
        state = open_state(place, KEY)
        assert read_all(state) == [full, record(9, "x", marks=[])]
        assert (state.born, state.feeds, state.notes) == ("2026", ["b", "a"], [made])
        assert (state.generation, state.count()) == (1, 2)
        assert state.size_bytes() == sum(p.stat().st_size for p in place.rglob("*.parquet"))

    def test_what_was_opened_stays_as_it_was(self, place):
        commit(place, record(1, "a", content=1))
        before = open_state(place, KEY)
        commit(place, record(1, "a", content=2), record(2, "b"))  # folded with the first
        assert [row["content"] for row in read_all(before)] == [1]
        commit(place)
        with pytest.raises(StateError, match=r"was written twice .* Run the command again"):
            read_all(before)
        assert [row["content"] for row in read_all(open_state(place, KEY))] == [2, None]

    def test_a_feed_that_no_commit_kept_has_no_number(self, place):
        with locked_state(place, KEY, run_id="r1") as state:
            state.number_feed("a")
        commit(place)
        assert list(open_state(place, KEY).feeds) == []

    def test_there_are_64_feeds(self, place):
        with locked_state(place, KEY, run_id="r1") as state:
            assert [state.number_feed(f"f{n}") for n in range(64)] == list(range(64))
            state.commit([], note())
        with locked_state(place, KEY, run_id="r1") as state:
            assert state.number_feed("f63") == 63
            with pytest.raises(StateError, match="64 feeds already"):
                state.number_feed("another")

    def test_applications_and_services_are_apart(self, place):
        keys = [StateKey("aws", "B"), StateKey("aws", "a"), StateKey("local", "a")]
        for number, key in enumerate(reversed(keys)):
            commit(place, record(number, f"e{number}"), key=key)
        assert [state.key for state in list_states(place)] == keys
        assert ids(open_state(place, keys[0])) == ["e2"]

    @pytest.mark.parametrize(
        ("application_id", "slug"),
        [("My App_1", "my-app-1"), ("../x", "x"), ("é", "application"), ("a" * 99, "a" * 40)],
    )
    def test_folder_has_a_readable_name(self, application_id, slug):
        name = name_folder(StateKey("local", application_id))
        assert re.fullmatch(rf"{slug}-[0-9a-f]{{12}}", name)

    def test_only_the_user_may_read_it(self, place):
        folder_of(place).mkdir(parents=True)
        folder_of(place).chmod(0o755)
        commit(place, *many(3))
        assert stat.S_IMODE(folder_of(place).stat().st_mode) == 0o700
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in folder_of(place).iterdir()
        }
        assert len(modes) == 3
        assert set(modes.values()) == {0o600}

    def test_ranges_hold_as_many_records_as_fit(self, place):
        with small_files():
            commit(place, *many(40))
            state = open_state(place, KEY)
            parts = state.ranges()
            assert (parts[0].first, parts[-1].last) == (0, GREATEST)
            follows = pairwise(parts)
            assert all(one.last + 1 == other.first for one, other in follows)
            assert {state.read(part).height for part in parts} <= {7, 8, 9}
            assert len(state.ranges(rows=80)) == 10
            assert len(state.ranges(rows=1)) == 5


class TestLock:
    def test_a_second_writer_is_told_who_holds_it(self, place):
        with locked_state(place, KEY, run_id="night-1") as state:
            owner = state.owner()
            assert (owner.run_id, owner.pid) == ("night-1", os.getpid())
            assert open_state(place, KEY).owner() == owner
            who = rf"run night-1, process {os.getpid()} on {owner.host} since \d{{4}}-.* UTC"
            refused = pytest.raises(StateError, match=rf"application App 1 is in use by {who}")
            with refused, locked_state(place, KEY, run_id="night-2"):
                pass
            with pytest.raises(StateError, match="in use by run night-1"):
                remove_state(place, KEY)
            with locked_state(place, StateKey("local", "another"), run_id="night-2"):
                pass
        assert state.owner() is None

    def test_a_killed_writer_leaves_the_state_as_it_was(self, place):
        commit(place, *many(20))
        before = sorted(folder_of(place).iterdir())
        environment = {**os.environ, "PYTHONPATH": str(TESTS)}
        command = [sys.executable, "-c", HALF_A_COMMIT, place]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as child:
            assert child.stdout.readline() == b"written\n"
            with (
                pytest.raises(StateError, match=f"in use by run killed, process {child.pid} "),
                locked_state(place, KEY, run_id="r2"),
            ):
                pass
            child.send_signal(signal.SIGKILL)
        assert len(list(folder_of(place).iterdir())) > len(before)
        assert len(ids(open_state(place, KEY))) == 20
        commit(place, record(5, "next"))
        assert len(ids(open_state(place, KEY))) == 21
        assert len(list(folder_of(place).iterdir())) == len(before) + 1

    def test_a_folder_that_cannot_be_written(self, place):
        place.parent.mkdir()
        place.write_text("a file")
        refused = pytest.raises(StorageError, match=r"cannot be written: .*run the command again")
        with refused, locked_state(place, KEY, run_id="r1"):
            pass
        assert list_states(place) == []


class TestRemove:
    def test_nothing_is_left_of_it(self, place):
        commit(place, *many(3))
        commit(place, key=StateKey("local", "another"))
        remove_state(place, KEY)
        assert [path.name for path in folder_of(place).iterdir()] == ["lock"]
        assert [state.key.application_id for state in list_states(place)] == ["another"]
        assert open_state(place, KEY).generation == 0
        commit(place, record(1, "a"))
        assert ids(open_state(place, KEY)) == ["a"]

    def test_one_that_never_was(self, place):
        remove_state(place, KEY)
        assert not place.exists()

    def test_one_that_is_damaged(self, place):
        commit(place, *many(3))
        (folder_of(place) / "pointer.json").write_text("{")
        remove_state(place, KEY)
        assert open_state(place, KEY).generation == 0


class TestDamage:
    REMEDY = r"Remove it with `endpoint-import state forget`.* after that, .*rebuild EXPORT"

    @pytest.fixture
    def folder(self, place):
        commit(place, *many(3))
        return folder_of(place)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b"\xff", b"null"])
    def test_pointer(self, place, folder, content):
        (folder / "pointer.json").write_bytes(content)
        for use in (lambda: open_state(place, KEY), lambda: commit(place)):
            with pytest.raises(StateError, match=rf"pointer\.json is damaged\. {self.REMEDY}"):
                use()
        with pytest.raises(StateError, match="is damaged"):
            list_states(place)

    def test_pointer_of_a_newer_version(self, place, folder):
        (folder / "pointer.json").write_bytes(b'{"format": 2, "new": []}')
        with pytest.raises(StateError, match=r"newer version .*format 2.* Use that version"):
            open_state(place, KEY)

    def test_pointer_of_another_state(self, place, folder):
        other = StateKey("local", "another")
        shutil.copytree(folder, place / name_folder(other))
        with pytest.raises(StateError, match="is of application App 1 of local, not of another"):
            open_state(place, other)

    def test_segment_that_is_gone(self, place, folder):
        next(folder.glob("*.parquet")).unlink()
        with pytest.raises(StateError, match=rf"\.parquet is missing\. {self.REMEDY}"):
            read_all(open_state(place, KEY))

    def test_segment_that_is_cut_off(self, place, folder):
        path = next(folder.glob("*.parquet"))
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(StateError, match=rf"\.parquet is damaged: it has .*{self.REMEDY}"):
            read_all(open_state(place, KEY))

    def test_segment_that_is_another_file(self, place, folder):
        path = next(folder.glob("*.parquet"))
        path.write_bytes(b"x" * path.stat().st_size)
        with pytest.raises(StateError, match=rf"\.parquet is damaged \(.*{self.REMEDY}"):
            read_all(open_state(place, KEY))

    def test_segment_that_the_system_does_not_open_is_not_called_damaged(self, tmp_path):
        path = tmp_path / "loop.parquet"
        path.symlink_to(path)
        with pytest.raises(StateError, match=r"cannot be read: [^`]+\.$"):
            read_range(path, KeyRange(0, GREATEST), ["key_hash"], "it")

    @pytest.mark.parametrize("behind", [4, 7, 8, 9, 400, 1_000])
    def test_a_flipped_bit_in_the_footer_is_told(self, place, folder, behind):
        path = next(folder.glob("*.parquet"))
        content = bytearray(path.read_bytes())
        content[-behind] ^= 0x40
        path.write_bytes(content)
        with pytest.raises(StateError, match=rf"\.parquet is damaged \(.*{self.REMEDY}"):
            read_all(open_state(place, KEY))

    def test_a_damaged_base_is_no_reason_to_lose_a_commit(self, place, folder):
        next(folder.glob("*.parquet")).write_bytes(b"")
        commit(place, record(1, "a"), kind=CommitKind.INTENT)
        assert open_state(place, KEY).generation == 2

    def test_a_range_reads_only_its_row_groups_and_a_flipped_bit_is_told(self, place):
        with small_files():
            commit(place, *many(12, user_id="here", content=5))
        path = next(folder_of(place).glob("*.parquet"))
        content = bytearray(path.read_bytes())
        # The hashes of the last group follow those of the others.
        at = content.rindex(many(12)[-1]["key_hash"].to_bytes(8, "little"), 0, len(content) // 2)
        content[at] ^= 1
        path.write_bytes(content)
        state = open_state(place, KEY)
        assert state.read(KeyRange(0, GREATEST // 2)).height == 7
        with pytest.raises(StateError, match="is damaged"):
            state.read(KeyRange(GREATEST // 2, GREATEST))

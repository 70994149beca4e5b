"""States in a bucket, against a server that speaks S3: the same, by conditional requests."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_support import BUCKET
from state_model import check, commits
from state_support import GREATEST, KEY, frames, ids, many, note, read_all, record, small_files

from pipelines.errors import StateError, StorageError
from pipelines.s3_client import s3_client
from pipelines.state.folders import name_folder
from pipelines.state.s3_folder import BucketFolder
from pipelines.state.store import list_states, locked_state, open_state, remove_state
from pipelines.state.writing import WritableState
from pipelines.storage import s3_lock
from pipelines.storage.places import S3Folder
from pipelines.storage.s3_store import S3Store

LONG_S = 30
CHANGES = ("PutObject", "DeleteObjects")
DEAD = b'{"pid":1,"host":"h","started_at":"2026-01-01T00:00:00Z","run_id":"r0"}'
HOLD = """
import sys
from pipelines.storage.places import S3Folder
from pipelines.state.store import locked_state
from state_model import check, commits
from state_support import KEY

with locked_state(S3Folder.parse(sys.argv[1]), KEY, run_id="killed"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(bucket) -> S3Store:
    return S3Store(bucket / name_folder(KEY))


@pytest.fixture
def private(tmp_path, monkeypatch) -> Path:
    """Where copies are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def commit(place, *records, **values) -> None:
    with locked_state(place, KEY, run_id="r1") as state:
        state.commit(frames(*records), note(**values))


def test_what_was_never_committed_is_empty_and_makes_nothing(bucket, store):
    state = open_state(bucket, KEY)
    assert (state.generation, read_all(state), state.owner()) == (0, [], None)
    assert list_states(bucket) == []
    assert store.list_objects() == {}


def test_a_state_is_committed_folded_listed_and_removed(bucket, store):
    with small_files(), locked_state(bucket, KEY, run_id="r1") as state:
        state.number_feed("a")
        state.commit(frames(*many(20)), note(), born="2026")
        parts = state.ranges()
        state.commit((state.read(part) for part in parts), note())
        assert read_all(state) == many(20)
        assert state.owner().run_id == "r1"
    (found,) = list_states(bucket)
    assert (found.key, found.generation, found.born, found.feeds) == (KEY, 2, "2026", ["a"])
    assert read_all(found) == many(20)
    before = len(store.list_objects())
    commit(bucket)
    assert len(store.list_objects()) < before  # what was folded
    remove_state(bucket, KEY)
    assert list(store.list_objects()) == ["lock"]
    assert list_states(bucket) == []


def test_copies_go_as_the_ranges_go_by(bucket, private):
    with small_files():
        commit(bucket, *many(60))
        state = open_state(bucket, KEY)
        read = 0
        for part in state.ranges():
            read += state.read(part, ["key_hash"]).height
            copies = [path for path in private.rglob("*") if path.is_file()]
            assert len(copies) <= 2
        assert read == 60
        (folder,) = private.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        del state
    assert list(private.iterdir()) == []


def test_at_any_step_all_is_as_before_or_as_after(bucket):
    with small_files():
        commit(bucket, *many(20))
        before = read_all(open_state(bucket, KEY))
        seen = []

        def look(**_) -> None:
            state = open_state(bucket, KEY)
            seen.append((state.generation, read_all(state)))

        events = s3_client().meta.events
        steps = [f"{when}.s3.{call}" for when in ("before-call", "after-call") for call in CHANGES]
        for step in steps:
            events.register(step, look)
        try:
            commit(bucket, *many(20, content=1))
        finally:
            for step in steps:
                events.unregister(step, look)
        after = read_all(open_state(bucket, KEY))
    assert {generation for generation, _ in seen} == {1, 2}
    assert len(seen) >= 10
    assert all(found == (before if number == 1 else after) for number, found in seen)


def test_only_one_holds_the_lock(bucket):
    with locked_state(bucket, KEY, run_id="night-1"):
        who = f"in use by run night-1, process {os.getpid()} on"
        with pytest.raises(StateError, match=who), locked_state(bucket, KEY, run_id="night-2"):
            pass
        with pytest.raises(StateError, match=who):
            remove_state(bucket, KEY)
    assert open_state(bucket, KEY).owner() is None


def test_lock_of_a_killed_owner_is_taken_over_in_time(bucket, s3, monkeypatch):
    environment = {**os.environ, **s3, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", HOLD, str(bucket)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as child:
        assert child.stdout.readline() == b"locked\n"
        child.kill()
    refused = pytest.raises(StateError, match=f"run killed, process {child.pid} ")
    with refused, locked_state(bucket, KEY, run_id="r2"):
        pass
    monkeypatch.setattr(s3_lock, "EXPIRES_S", -1)
    commit(bucket, record(1, "a"))
    assert ids(open_state(bucket, KEY)) == ["a"]


def test_who_lost_the_lock_commits_nothing(bucket, store, monkeypatch):
    monkeypatch.setattr(s3_lock, "RENEW_EVERY_S", 0.02)
    with locked_state(bucket, KEY, run_id="r1") as state:
        store.write("lock", DEAD)
        last = time.monotonic() + LONG_S

        def give():
            while time.monotonic() < last and "lock-renewal" in running_threads():
                time.sleep(0.01)
            yield from frames(record(1, "a"))

        with pytest.raises(StorageError, match=r"Another process has taken .* over"):
            state.commit(give(), note())
    assert store.read("lock").content == DEAD
    assert open_state(bucket, KEY).generation == 0


def running_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("known", [0, 3], ids=["first", "later"])
def test_of_two_writers_one_commits(bucket, store, known):
    if known:
        commit(bucket, *many(known))
    one, other = (WritableState(BucketFolder(store.folder), KEY) for _ in range(2))
    other.commit(frames(record(1, "theirs")), note())
    with pytest.raises(StorageError, match="Another process has written"):
        one.commit(frames(record(2, "ours")), note())
    other.commit(frames(record(3, "also theirs")), note())
    assert len(ids(open_state(bucket, KEY))) == known + 2


def test_a_swap_whose_answer_was_lost_counts(store):
    folder = BucketFolder(store.folder)
    version = folder.swap_pointer(b"new", None)
    assert folder.swap_pointer(b"new", None) == version
    with pytest.raises(StorageError, match="Another process has written"):
        folder.swap_pointer(b"newer", None)


@pytest.mark.parametrize("damage", ["gone", "cut off", "flipped"])
def test_damaged_segment(bucket, store, damage):
    commit(bucket, *many(5))
    (name,) = (name for name in store.list_objects() if name.endswith(".parquet"))
    content = store.read(name).content
    if damage == "gone":
        store.delete([name])
    else:
        store.write(name, content[:-1] if damage == "cut off" else b"x" * len(content))
    told = r"is missing\." if damage == "gone" else "is damaged"
    with pytest.raises(StateError, match=rf"s3://{BUCKET}/.*parquet {told}.*state forget"):
        read_all(open_state(bucket, KEY))


@pytest.mark.usefixtures("s3")
def test_missing_bucket_names_the_option():
    place = S3Folder("no-such-bucket", "")
    for use in (lambda: open_state(place, KEY), lambda: list_states(place), lambda: commit(place)):
        with pytest.raises(StorageError, match="Make the bucket, or correct --state-dir"):
            use()


def test_records_of_all_kinds_survive(bucket):
    full = record(GREATEST, "Ä", content=GREATEST, marks=[None, 1], feeds=1 << 63, opt_out="ALL")
    commit(bucket, full)
    assert read_all(open_state(bucket, KEY)) == [full]


@settings(max_examples=3, deadline=None)
@given(st.lists(commits.filter(bool).map(lambda made: made[0]), min_size=1, max_size=4))
def test_a_state_does_what_a_dict_would_do(s3, history):
    with small_files():
        check(S3Folder(BUCKET, f"model-{uuid4().hex}"), history)

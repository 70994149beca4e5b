"""A state does what a dict would do, whatever is committed to it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from state_model import check, commits, written
from state_support import ALL_HASHES, GREATEST, KEY, frames, note, small_files

from pipelines.state.base import KeyRange
from pipelines.state.store import locked_state


@pytest.fixture(scope="module", autouse=True)
def _small():
    with small_files():
        yield


@settings(max_examples=15, deadline=None)
@given(commits)
def test_on_a_disk(history):
    with TemporaryDirectory() as folder:
        check(Path(folder) / "state", history)


@settings(max_examples=25, deadline=None)
@given(st.lists(written, unique_by=lambda row: row["endpoint_id"].lower()), st.data())
def test_a_range_holds_its_own(rows, data):
    first = data.draw(st.sampled_from([0, 1, GREATEST // 3, GREATEST]))
    last = data.draw(st.integers(first, GREATEST))
    with TemporaryDirectory() as folder, locked_state(Path(folder), KEY, run_id="r") as state:
        state.commit(frames(*rows), note())
        found = state.read(KeyRange(first, last), ["endpoint_id", "content"]).to_dicts()
        everything = state.read(ALL_HASHES)
    expected = [row for row in everything.to_dicts() if first <= row["key_hash"] <= last]
    assert found == [
        {"endpoint_id": row["endpoint_id"], "content": row["content"]} for row in expected
    ]

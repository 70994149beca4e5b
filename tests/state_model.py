"""What a sync state is to do, told by a dict: random commits, and what is then found."""

from hypothesis import strategies as st
from state_support import GREATEST, KEY, frames, note, read_all, record

from pipelines.state.store import list_states, locked_state, open_state
from pipelines.storage.places import Place

# Ids of one hash are others, unless they differ in case only. The sharp s is a trap: in upper case
# it is two letters.
IDS = (
    "a",
    "A",
    "b",
    "B",
    "c",
    "straße",
    "STRASSE",
    "STRAẞE",
    "é",
    "É",
    *(f"e{n}" for n in range(30)),
)
HASHES = {"a": 0, "b": 0, "c": GREATEST, "é": 0, "straße": 1, "strasse": 1}


def hash_of(endpoint_id: str) -> int:
    lower = endpoint_id.lower()
    return HASHES[lower] if lower in HASHES else GREATEST // 30 * int(lower[1:])


written = st.builds(
    lambda endpoint_id, content, marks, is_forgotten: record(
        hash_of(endpoint_id),
        endpoint_id,
        content=content,
        marks=marks,
        is_forgotten=is_forgotten,
        feeds=content,
        opt_out=None if content is None else "ALL",
    ),
    st.sampled_from(IDS),
    st.none() | st.sampled_from([0, 1, GREATEST]),
    st.none() | st.lists(st.none() | st.integers(0, 2**32 - 1), max_size=2),
    st.booleans(),
)
commits = st.lists(
    st.tuples(
        st.lists(written, max_size=25, unique_by=lambda row: row["endpoint_id"].lower()),
        st.sampled_from(["north", "south", "east"]),
        st.integers(1, 9),
    ),
    max_size=12,
)


def check(place: Place, history) -> None:
    model: dict[str, object] = {}
    feeds: list[str] = []
    for number, (rows, feed, height) in enumerate(history):
        with locked_state(place, KEY, run_id=f"r{number}") as state:
            feeds += [] if feed in feeds else [feed]
            assert state.number_feed(feed) == feeds.index(feed)
            state.commit(frames(*rows, rows=height), note(run_id=f"r{number}", feed=feed))
            for row in rows:
                model[row["endpoint_id"].lower()] = row
            expected = [row for row in model.values() if not row["is_forgotten"]]
            for found in (state, open_state(place, KEY)):
                assert by_id(read_all(found)) == by_id(expected)
                assert found.count() >= len(expected)
                assert list(found.feeds) == feeds
                assert found.notes[-1].run_id == f"r{number}"
                assert found.generation == number + 1
    assert len(list_states(place)) == bool(history)


def by_id(rows):
    return sorted(rows, key=lambda row: row["endpoint_id"])

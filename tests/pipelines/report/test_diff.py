"""The diff: how endpoints stand, added up range by range."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sync_frames import keyed_rows, layout, records

from pipelines.report.diff import EXAMPLES, DiffTally, Unseen
from pipelines.state.base import CommitKind, CommitNote
from pipelines.steps.compare import CompareParams, compare
from schemas.sync_records import RECORD_SCHEMA

AT = datetime(2026, 11, 21, 2, tzinfo=UTC)
LAYOUT = layout("Attributes.Plan", "Location.City")


def row(number, content=1, marks=(1, 1), **members):
    return {
        "key_hash": number,
        "partition": number // 100,
        "row_key": number * 16,
        "endpoint_id": f"Customer-{number:04d}",
        "content": content,
        "layout": LAYOUT,
        "marks": list(marks),
        **members,
    }


def known(number, content=1, marks=(1, 1), **members):
    return {
        "key_hash": number,
        "endpoint_id": f"customer-{number:04d}",
        "content": content,
        "layout": LAYOUT,
        "marks": None if marks is None else list(marks),
        "is_ours": True,
        "accepted_at": AT,
        **members,
    }


FILES = {0: "a.csv"}


@dataclass(frozen=True)
class State:
    """As much of a reader as the diff asks for."""

    records: int
    generation: int = 1
    notes: tuple[CommitNote, ...] = ()

    def count(self):
        return self.records


def tally(rows, state, gone=None, params=None, parts=1):
    found = DiffTally()
    frame = keyed_rows(rows)
    for start in range(0, frame.height, -(-frame.height // parts)):
        part = frame.slice(start, -(-frame.height // parts))
        compared = compare(part, state, params or CompareParams())
        found.add(part, state, compared, gone if start == 0 else None)
    return found.finish("changed", State(state.height), Unseen(), FILES)


def test_every_way_to_stand_is_told():
    state = records(
        [
            known(1),
            known(2, content=9, marks=(1, 9)),
            known(3, content=None, marks=None),
            known(4, retired="optout"),
            known(5, opt_out="ALL", content=9),
            known(6, status="INACTIVE", content=9),
        ]
    )
    rows = [row(n) for n in range(5)] + [row(5, opt_out="NONE"), row(6)]
    diff = tally(rows, state, gone=records([known(77)]))
    kinds = "new changed unchanged doubtful returned opts_in reactivates to_retire".split()  # noqa: SIM905
    assert {kind: getattr(diff, kind).endpoints for kind in kinds} == dict.fromkeys(kinds, 1)
    assert diff.compared == 7
    (example,) = diff.changed.examples
    assert example.endpoint_id == "Cus•••••••••2"
    assert (example.source_file, example.source_row) == ("a.csv", 2)
    assert example.columns == ["Location.City"]
    (gone,) = diff.to_retire.examples
    assert (gone.endpoint_id, gone.source_row, gone.columns) == ("cus•••••••••7", None, None)
    assert diff.doubtful.unknown == 1


@pytest.mark.parametrize("parts", [1, 3, 10])
def test_columns_are_counted_over_ranges_most_frequent_first(parts):
    state = records([known(n, content=9, marks=(n % 2, 0)) for n in range(10)])
    diff = tally([row(n) for n in range(10)], state, parts=parts)
    told = [(change.name, change.endpoints) for change in diff.changed.columns]
    assert told == [("Location.City", 10), ("Attributes.Plan", 5)]
    assert diff.changed.endpoints == 10
    assert [example.source_row for example in diff.changed.examples] == list(range(EXAMPLES))


def test_what_is_sent_anew_without_a_difference_is_told_as_such():
    state = records([known(1)])
    diff = tally([row(1)], state, params=CompareParams(is_full_refresh=True))
    assert (diff.changed.endpoints, diff.changed.alike, diff.changed.columns) == (1, 1, [])


def test_nothing_is_nothing():
    empty = RECORD_SCHEMA.to_frame()
    found = DiffTally()
    rows = keyed_rows([])
    found.add(rows, empty, compare(rows, empty, CompareParams()), empty)
    diff = found.finish("mirror", State(0, generation=0), Unseen(), {})
    assert (diff.compared, diff.state.last_at, diff.to_retire.endpoints) == (0, None, 0)


def test_the_age_of_the_state_is_that_of_what_the_service_took():
    kinds = (CommitKind.REBUILT, CommitKind.ACCEPTED, CommitKind.INTENT)
    notes = tuple(
        CommitNote(kind=kind, run_id=f"run-{day}", at=AT.replace(day=day))
        for day, kind in enumerate(kinds, 1)
    )
    age = DiffTally().finish("changed", State(5, 3, notes), Unseen(), {}).state
    assert (age.last_run_id, age.last_at) == ("run-2", AT.replace(day=2))
    assert age.rebuilt_at == AT.replace(day=1)


def test_no_id_is_shown():
    state = records([known(n, content=n % 3) for n in range(30)])
    diff = tally([row(n) for n in range(40)], state, gone=state.head(9))
    assert "customer-" not in diff.model_dump_json().lower()

"""The diff of a plan as people read it."""

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from pipelines.report.diff import (
    ColumnChange,
    Diff,
    DiffExample,
    DiffKind,
    StateAge,
    Unseen,
)
from pipelines.terminal.diff_text import print_diff

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
AGE = StateAge(
    records=1000,
    generation=7,
    last_run_id="night-1",
    last_at=NOW - timedelta(hours=24),
    rebuilt_at=None,
)


def shown(**changes):
    nothing = DiffKind()
    kinds = "new changed unchanged doubtful returned opts_in reactivates to_retire".split()  # noqa: SIM905
    members = {
        "sync_mode": "changed",
        "compared": 100,
        **dict.fromkeys(kinds, nothing),
        "state": AGE,
        "unseen": Unseen(),
    }
    text = io.StringIO()
    print_diff(Console(file=text, width=120), Diff(**(members | changes)), NOW)
    return text.getvalue()


def test_what_changed_is_told_by_column_with_examples():
    example = DiffExample(
        endpoint_id="cus•••1", source_file="a\x1b.csv", source_row=1017, columns=["Location.City"]
    )
    kind = DiffKind(
        endpoints=20,
        columns=[ColumnChange(name="Location.City", endpoints=19)],
        alike=1,
        unknown=2,
        examples=[example],
    )
    text = shown(changed=kind, unchanged=DiffKind(endpoints=80))
    assert "20  changed (20.0%)" in text
    assert "80  unchanged (80.0%)" in text
    assert "19  Location.City" in text.replace("    ", "  ")
    assert "with the same in every column that is known" in text
    assert "e.g. cus•••1, a .csv row 1,017: Location.City" in text
    assert "2 endpoints known without their columns" in text
    assert "\x1b" not in text


def test_kinds_that_nothing_is_of_are_left_out():
    text = shown(new=DiffKind(endpoints=100))
    assert "100  new (100.0%)" in text
    assert "changed (" not in text
    assert "retire" not in text


def test_the_age_of_the_state_is_told():
    assert "1,000 endpoints are known; last written 2026-11-21 02:00 UTC (24 hours ago)" in shown()
    old = AGE.model_copy(update={"last_at": NOW - timedelta(days=9)})
    assert "(9 days ago), by run night-1" in shown(state=old)
    young = AGE.model_copy(update={"last_at": None, "rebuilt_at": NOW - timedelta(minutes=5)})
    assert "made from an export 2026-11-22 01:55 UTC (5 minutes ago)" in shown(state=young)
    none = AGE.model_copy(update={"generation": 0})
    assert "There is no state yet" in shown(state=none)


def test_what_could_not_be_seen_is_told():
    text = shown(unseen=Unseen(invalid=3, unidentified=2, is_limited=True))
    assert "3 invalid" in text
    assert "2 rows whose Id cannot be told" in text
    assert "--limit" in text
    assert "gone from the source" in text
    assert "changes made at the service by others" in text
    assert "only --sync-mode mirror" not in shown(sync_mode="mirror")


def test_upsert_says_that_it_sends_what_is_unchanged():
    unchanged = DiffKind(endpoints=100)
    assert "sent all the same" in shown(sync_mode="upsert", unchanged=unchanged)
    assert "sent all the same" not in shown(unchanged=unchanged)

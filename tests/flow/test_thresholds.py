"""Thresholds over whole runs: what stops, what warns, and what past runs count for."""

from typing import Any

import pytest
from import_support import read_json, require_balance
from sync_support import Nights, Row, person

from pipelines.errors import GuardError

pytestmark = pytest.mark.usefixtures("prefect_api")

STOP: dict[str, Any] = dict.fromkeys(
    ("on_row_change", "on_empty_column", "on_lost_channel"), "stop"
)
EXPORT = [person(number) for number in range(40)]
PHONES: list[Row] = [
    (f"id-{n}", "SMS", f"+1206555{n:04}", "", "Lyon", "gold") for n in range(100, 120)
]


def thresholds_of(summary: dict[str, Any]) -> list[str]:
    return [breach["threshold"] for breach in summary["breaches"]]


def test_half_a_file_warns(nights: Nights) -> None:
    assert nights.night(EXPORT)["breaches"] == []
    summary = nights.night(EXPORT[:20])
    require_balance(summary)
    (breach,) = summary["breaches"]
    assert (breach["threshold"], breach["is_stop"]) == ("max_row_change", False)
    assert breach["source"].endswith("night-2.csv")
    assert "has 20 rows, 50.0% fewer than its last run (40)" in breach["message"]
    assert "--max-row-change allows 30%" in breach["message"]
    assert summary["unchanged"] == 20


def test_half_a_file_stops_before_anything_is_sent(nights: Nights) -> None:
    nights.night(EXPORT, **STOP)
    before = nights.stored
    state = sorted((nights.folder / "runs/.state").rglob("*"))
    changed = [person(number, city="Paris") for number in range(20)]
    with pytest.raises(GuardError, match=r"50\\.0% fewer") as caught:
        nights.night(changed, **STOP)
    assert caught.value.exit_code == 4
    assert nights.stored == before
    assert sorted((nights.folder / "runs/.state").rglob("*")) == state
    summary = read_json(nights.run / "summary.json")
    require_balance(summary)
    assert (summary["status"], summary["unprocessed"], summary["requests"]) == ("guarded", 20, 0)
    assert thresholds_of(summary) == ["max_row_change"]
    assert (nights.run / "report.html").is_file()
    assert len(nights.read("unprocessed.csv")) == 20

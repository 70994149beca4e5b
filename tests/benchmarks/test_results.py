"""Figures of a benchmark: medians, ratios and verdicts."""

import pytest

from benchmarks.contenders import CONTENDERS
from benchmarks.growth import judge as judge_growth
from benchmarks.measuring import Measurement
from benchmarks.results import add_ratios, as_table, judge, summarize

BY_NAME = {contender.name: contender for contender in CONTENDERS}


def figures(name, rows, *seconds, peak_mb=100.0):
    measured = [
        Measurement(s, s + 6, s + 1, peak_mb + s, rows // 100, rows * 500, 0.1, {"stage": s / 2})
        for s in seconds
    ]
    return summarize(BY_NAME[name], rows, measured)


@pytest.fixture
def results():
    found = [
        figures("plain_boto3", 400_000, 40.0),
        figures("run", 400_000, 5.0, 4.0, 20.0),
        figures("check", 400_000, 2.0),
        figures("wire_floor_1", 400_000, 1.0),
        figures("wire_floor_2", 400_000, 2.0),
    ]
    add_ratios(found)
    return {one["name"]: one for one in found}


def test_figures_are_medians_and_the_peak_the_highest(results):
    run = results["run"]
    assert (run["seconds"], run["rows_per_second"], run["rounds"]) == (5.0, 80_000, 3)
    assert (run["whole_seconds"], run["whole_rows_per_second"]) == (11.0, 36_364)
    assert (run["cpu_seconds_per_million_rows"], run["peak_mb"]) == (15.0, 120)
    assert run["phase_seconds"] == {"stage": 2.5}


def test_ratios_are_to_the_plain_script_and_to_the_faster_floor(results):
    assert results["run"]["ratio_to_plain"] == 8.0
    assert results["run"]["share_of_floor"] == 0.2
    assert "share_of_floor" not in results["check"]  # it sends nothing


def test_goals_are_judged(results):
    plain, floor, check = judge(results.values())
    assert plain == "goal met: run to plain script 8.0 x, at least 6.0 x"
    assert floor == "goal NOT MET: run to wire floor 20%, at least 40%"
    assert check == "goal NOT MET: check 200,000 rows/s, at least 400,000 rows/s"


def test_growth_is_judged_by_time_per_row():
    few = figures("run", 400_000, 4.0)
    told = judge_growth([few, figures("run", 5_000_000, 57.0)])
    assert told == ["goal met: run, 5,000,000 rows against 400,000: +14% time per row"]
    assert judge_growth([few, figures("run", 5_000_000, 58.0)])[0].startswith("goal NOT MET")
    assert judge_growth([few]) == []


def test_table_has_a_row_for_each_and_can_be_markdown(results):
    lines = as_table(results.values(), markdown=True).splitlines()
    assert len(lines) == 2 + len(results)
    assert {line.count("|") for line in lines} == {10}
    assert lines[1].startswith("| --- | ---: |")
    text = as_table(results.values())
    assert "**" not in text
    assert len({len(line) for line in text.splitlines()}) == 1

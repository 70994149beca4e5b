from dataclasses import replace

import pytest

from pipelines.steps.guard_removals import RemovalLimits, Removals, check_removals

LIMITS = RemovalLimits("1%", "20%", "0")
QUIET = Removals(identified=1000, identified_before=1000, unidentified=0, gone=10, known=1010)


def check(limits=LIMITS, **found):
    return check_removals(replace(QUIET, **found), limits)


@pytest.mark.parametrize(
    ("found", "stops"),
    [
        pytest.param({}, False, id="usual"),
        pytest.param({"gone": 10, "known": 1000}, False, id="exactly as many"),
        pytest.param({"gone": 11, "known": 1000}, True, id="one more"),
        pytest.param({"gone": 1, "known": 50}, True, id="one of few is over a share"),
        pytest.param({"gone": 1, "known": 100}, False, id="one of a hundred is a share"),
        pytest.param({"gone": 0, "known": 0, "identified_before": None}, False, id="first night"),
        pytest.param({"identified": 800}, False, id="as much smaller as allowed"),
        pytest.param({"identified": 799}, True, id="smaller"),
        pytest.param({"identified": 799, "gone": 0}, True, id="smaller and none gone"),
        pytest.param({"identified": 5000}, False, id="larger"),
        pytest.param({"identified": 10, "identified_before": None}, False, id="nothing before"),
        pytest.param({"identified": 0, "identified_before": 0}, True, id="empty"),
        pytest.param({"identified": 0, "identified_before": None, "gone": 0}, True, id="nothing"),
        pytest.param({"unidentified": 1}, True, id="one without an Id"),
        pytest.param({"unidentified": 1, "gone": 0}, False, id="one without an Id, none gone"),
    ],
)
def test_check_removals(found, stops):
    assert (check(**found) is not None) == stops


@pytest.mark.parametrize(
    ("limits", "found", "says"),
    [
        pytest.param(
            LIMITS,
            {"gone": 1500, "known": 10_000},
            ["1,500 of 10,000 endpoints", "15.0%", "--max-removals allows 1%"],
            id="removals",
        ),
        pytest.param(
            LIMITS,
            {"identified": 500},
            ["has 500 endpoints, 500 fewer than the 1,000", "50.0%", "--max-shrink allows 20%"],
            id="shrink",
        ),
        pytest.param(
            LIMITS, {"identified": 0}, ["no row with an Id", "whatever is allowed"], id="empty"
        ),
        pytest.param(
            RemovalLimits("1%", "20%", "2"),
            {"unidentified": 3},
            ["The Id of 3 of 1,003 endpoints", "0.3%", "--max-unidentified allows 2", "errors.csv"],
            id="unidentified",
        ),
    ],
)
def test_a_breach_names_the_figures_and_the_way_out(limits, found, says):
    reason = check(limits, **found)
    assert reason is not None
    for part in (*says, "Nothing was sent", "removals.csv", "--sync-mode changed"):
        assert part in reason


def test_all_breaches_are_told_at_once():
    reason = check(gone=900, identified=100, unidentified=5)
    assert reason is not None
    for option in ("--max-shrink", "--max-removals", "--max-unidentified"):
        assert option in reason
    assert reason.count("Nothing was sent") == 1


def test_nothing_allows_an_empty_source():
    everything = RemovalLimits("100%", "100%", "100%")
    assert check(everything, identified=0, gone=1000, known=1000) is not None


def test_what_is_allowed_by_name_goes_on():
    everything = RemovalLimits("100%", "100%", "100%")
    assert check(everything, identified=1, gone=1000, known=1000, unidentified=9) is None

"""What a source is judged by, alone and against its last runs."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.thresholds import (
    FEW,
    LAST_RUNS,
    Action,
    Limits,
    PastCounts,
    SourceCounts,
    check_invalid,
    compare_source,
    parse_change,
)

SOURCE = "exports/crm.csv"
STOP = Limits(on_row_change=Action.STOP, on_empty_column=Action.STOP, on_lost_channel=Action.STOP)
COUNTS = st.integers(0, 3_000)


def runs(*rows: int, warned: frozenset[str] = frozenset()) -> list[PastCounts]:
    return [PastCounts(count, warned=warned) for count in rows]


def judge(now: SourceCounts, past: list[PastCounts], limits: Limits = STOP) -> dict[str, str]:
    return {e.threshold: e.message for e in compare_source(SOURCE, now, past, limits)}


def suggested(message: str) -> str:
    found = re.search(r"run once with --max-row-change (\S+):", message)
    assert found is not None, message
    return found[1]


# -- invalid rows ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("invalid", "found"),
    [(10, None), (11, "warn_invalid"), (50, "warn_invalid"), (51, "max_invalid")],
)
def test_invalid_rows_warn_first_and_stop_then(invalid: int, found: str | None):
    exceeded = check_invalid(1000, invalid, Limits(max_invalid="5%", warn_invalid="1%"))
    assert (exceeded and exceeded.threshold) == found
    assert exceeded is None or exceeded.is_stop == (found == "max_invalid")


def test_invalid_rows_are_told_with_figure_limit_and_remedy():
    warned = check_invalid(1000, 11, Limits(warn_invalid="1%"))
    assert warned is not None
    assert warned.message == (
        "11 of 1,000 rows are invalid (1.1%), more than the 1% of --warn-invalid. Correct the rows "
        "in errors.csv."
    )
    own = Limits(max_invalid="1%", table="exports/*", own=frozenset({"max_invalid"}))
    stopped = check_invalid(1000, 11, own, SOURCE)
    assert stopped is not None
    assert stopped.message == (
        "11 of 1,000 rows of exports/crm.csv are invalid (1.1%), more than max_invalid in "
        'thresholds."exports/*" 1% allows. Nothing was sent. Correct the rows in errors.csv, or '
        "allow more."
    )


def test_nothing_is_said_of_invalid_rows_without_a_limit():
    assert check_invalid(10, 10, Limits()) is None


@given(COUNTS, COUNTS, COUNTS, st.sampled_from(["0", "5%", "20", "100%"]))
def test_more_invalid_rows_never_turn_a_stop_into_a_pass(rows, invalid, more, limit):
    rows = max(rows, invalid + more)
    limits = Limits(max_invalid=limit)
    if check_invalid(rows, invalid, limits) is not None:
        assert check_invalid(rows, invalid + more, limits) is not None


# -- rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "is_told"),
    [(700, False), (699, True), (1300, False), (1301, True), (0, True)],
)
def test_rows_may_change_by_a_share_both_ways(rows: int, is_told: bool):
    assert bool(judge(SourceCounts(rows), runs(900, 1000, 1100))) is is_told


def test_a_change_is_told_with_figure_limit_and_override():
    message = judge(SourceCounts(10_012), runs(20_000, 19_000, 21_000))["max_row_change"]
    assert message == (
        "exports/crm.csv has 10,012 rows, 49.9% fewer than the median of its last 3 runs (20,000), "
        "and --max-row-change allows 30%. If it is complete, run once with --max-row-change 50%: "
        "the next runs may then be of that size, too."
    )
    own = Limits(max_row_change="100", table="exports/*", own=frozenset({"max_row_change"}))
    message = judge(SourceCounts(1101), runs(1000), own)["max_row_change"]
    assert message == (
        "exports/crm.csv has 1,101 rows, 10.1% more than its last run (1,000), and max_row_change "
        'in thresholds."exports/*" allows 100. If it is complete, run once with --max-row-change '
        "101: the next runs may then be of that size, too."
    )


def test_the_first_run_is_compared_with_nothing():
    assert judge(SourceCounts(3), []) == {}


def test_one_bad_night_does_not_move_what_is_usual():
    past = runs(1000, 1000, 500, 1000, warned=frozenset({"max_row_change"}))
    assert judge(SourceCounts(1000), past) == {}
    assert "max_row_change" in judge(SourceCounts(500), past)


def test_what_was_let_through_on_purpose_may_come_again():
    past = runs(1000, 1000, 1000, 400)
    assert judge(SourceCounts(400), past) == {}
    assert judge(SourceCounts(1000), past) == {}
    assert "max_row_change" in judge(SourceCounts(100), past)


def test_what_was_warned_of_was_not_let_through_on_purpose():
    past = [*runs(1000, 1000, 1000), *runs(400, warned=frozenset({"max_row_change"}))]
    assert "max_row_change" in judge(SourceCounts(400), past)


def test_only_the_last_runs_count():
    past = runs(*[1000] * 20, *[400] * (LAST_RUNS // 2 + 1), warned=frozenset({"max_row_change"}))
    assert judge(SourceCounts(400), past) == {}


@given(COUNTS, st.lists(COUNTS, min_size=1, max_size=9), st.sampled_from(["30%", "200%", "50"]))
def test_what_a_message_suggests_lets_the_run_pass(rows: int, past: list[int], limit: str):
    told = judge(SourceCounts(rows), runs(*past), Limits(max_row_change=limit))
    if told:
        wider = Limits(max_row_change=suggested(told["max_row_change"]))
        assert judge(SourceCounts(rows), runs(*past), wider) == {}
        # And what passed is known from then on.
        assert judge(SourceCounts(rows), runs(*past, rows), Limits(max_row_change=limit)) == {}


@given(st.integers(0, 900), st.lists(COUNTS, min_size=1, max_size=9), COUNTS)
def test_less_of_a_file_never_turns_a_stop_into_a_pass(rows: int, past: list[int], fewer: int):
    told = runs(*past, warned=frozenset({"max_row_change"}))
    if "fewer" in judge(SourceCounts(rows), told).get("max_row_change", ""):
        assert judge(SourceCounts(max(rows - fewer, 0)), told)


@pytest.mark.parametrize("text", ["", "many", "-1", "-5%", "5 %%", "nan%"])
def test_a_change_has_to_be_a_share_or_a_number(text: str):
    with pytest.raises(ValueError, match="neither a share"):
        parse_change(text)


def test_something_may_become_several_times_as_much():
    assert parse_change("400%").share == 4
    assert judge(SourceCounts(5000), runs(1000), Limits(max_row_change="400%")) == {}


# -- columns ---------------------------------------------------------------------------------


def shaped(endpoints: int, warned: frozenset[str] = frozenset(), **filled: int) -> PastCounts:
    return PastCounts(
        endpoints, 0, {"Address": endpoints, **filled}, {"EMAIL": endpoints}, warned=warned
    )


@pytest.mark.parametrize(
    ("before", "now", "is_told"),
    [
        pytest.param(1000, 0, True, id="emptied"),
        pytest.param(1000, 49, True, id="nearly emptied"),
        pytest.param(1000, 50, False, id="a twentieth"),
        pytest.param(500, 0, True, id="half full"),
        pytest.param(499, 0, False, id="never full"),
    ],
)
def test_a_column_that_was_full_and_is_empty_is_told(before: int, now: int, is_told: bool):
    past = [shaped(1000, city=before)] * 3
    assert bool(judge(shaped(1000, city=now), past)) is is_told


def test_a_column_that_is_not_there_any_more_is_empty():
    message = judge(shaped(1000), [shaped(1000, city=979)])["on_empty_column"]
    assert message == (
        "A column of exports/crm.csv that was full is empty now: city (a value in 0.0% of 1,000 "
        "endpoints, before in 97.9%). Before is its last run; below 5% counts as empty. If that "
        "is right, run once with --on-empty-column off: the next runs may then be like it."
    )


def test_a_column_that_becomes_nothing_may_be_it_under_another_name():
    now = replace(shaped(1000), unmapped="City.")
    message = judge(now, [shaped(1000, city=979)])["on_empty_column"]
    assert message.endswith(" Or a name has changed; not imported: City.")
    there = replace(shaped(1000, city=0), unmapped="City.")
    assert "name has changed" not in judge(there, [shaped(1000, city=979)])["on_empty_column"]


def test_columns_and_channels_are_compared_by_the_same_mapping_alone_and_rows_by_any():
    before = PastCounts(1000, 0, {"city": 1000}, {"EMAIL": 800, "SMS": 200}, is_mapped_alike=False)
    now = SourceCounts(500, 0, {"town": 500}, {"EMAIL": 500})
    assert set(judge(now, [before])) == {"max_row_change"}
    alike = replace(before, is_mapped_alike=True)
    assert set(judge(now, [before, alike])) == set(judge(now, [alike]))


def test_many_columns_are_told_together_and_not_all_by_name():
    columns = {f"c{n}": 1000 for n in range(8)}
    message = judge(shaped(1000), [shaped(1000, **columns)] * 2)["on_empty_column"]
    assert "8 columns of exports/crm.csv that were full are empty now: c0 (" in message
    assert "c4 (a value in 0.0% of 1,000 endpoints, before in 100.0%) and 3 more." in message


def test_a_column_that_was_let_through_empty_may_stay_so():
    past = [shaped(1000, city=1000)] * 3
    assert judge(shaped(1000), [*past, shaped(1000)]) == {}
    warned = shaped(1000, frozenset({"on_empty_column"}))
    assert "on_empty_column" in judge(shaped(1000), [*past, warned])


@pytest.mark.parametrize("endpoints", [0, FEW - 1])
def test_a_small_run_says_nothing_of_columns_and_channels(endpoints: int):
    past = [shaped(1000, city=1000)] * 3
    assert "on_empty_column" in judge(shaped(1000), [*past, shaped(endpoints)])
    past = [mixed(EMAIL=500, SMS=500)] * 3
    assert "on_lost_channel" in judge(mixed(EMAIL=900), [*past, mixed(EMAIL=endpoints)])


@given(st.integers(0, FEW - 1), st.integers(0, 1000))
def test_few_values_are_no_column(endpoints: int, before: int):
    assert "on_empty_column" not in judge(shaped(endpoints), [shaped(before, city=before)])


# -- channels --------------------------------------------------------------------------------


def mixed(warned: frozenset[str] = frozenset(), **channels: int) -> PastCounts:
    return PastCounts(sum(channels.values()), 0, {}, channels, warned=warned)


@pytest.mark.parametrize(
    ("before", "now", "is_told"),
    [
        pytest.param({"EMAIL": 800, "SMS": 200}, {"EMAIL": 800}, True, id="vanished"),
        pytest.param({"EMAIL": 800, "SMS": 200}, {"SMS": 200}, True, id="the larger one"),
        pytest.param({"EMAIL": 800, "SMS": 200}, {"EMAIL": 800, "SMS": 8}, True, id="nearly"),
        pytest.param({"EMAIL": 800, "SMS": 200}, {"EMAIL": 800, "SMS": 9}, False, id="a few left"),
        pytest.param({"EMAIL": 999_998, "SMS": 2}, {"EMAIL": 10**6}, False, id="2 of a million"),
        pytest.param({"EMAIL": 990, "SMS": 10}, {"EMAIL": 1000}, True, id="ten"),
        pytest.param({"EMAIL": 991, "SMS": 9}, {"EMAIL": 1000}, False, id="nine"),
        pytest.param({"EMAIL": 800, "SMS": 200}, {}, False, id="nothing left at all"),
        pytest.param({"EMAIL": 800}, {"EMAIL": 800, "SMS": 200}, False, id="a new one"),
    ],
)
def test_a_channel_that_is_gone_is_told(before: dict, now: dict, is_told: bool):
    told = judge(mixed(**now), [mixed(**before)] * 3)
    assert ("on_lost_channel" in told) is is_told


def test_a_lost_channel_is_told_with_figures_and_override():
    message = judge(mixed(EMAIL=900), [mixed(EMAIL=750, SMS=250)] * 3)["on_lost_channel"]
    assert message == (
        "A channel is gone from exports/crm.csv: SMS (0 of 900 endpoints, before 25.0%). Before is "
        "the median of its last 3 runs; below 5% of what was to be expected counts as gone. If "
        "that is right, run once with --on-lost-channel off: the next runs may then be like it."
    )


def test_a_channel_that_was_let_go_may_stay_away():
    past = [mixed(EMAIL=750, SMS=250)] * 3
    assert judge(mixed(EMAIL=900), [*past, mixed(EMAIL=900)], STOP) == {}
    warned = mixed(frozenset({"on_lost_channel"}), EMAIL=900)
    assert "on_lost_channel" in judge(mixed(EMAIL=900), [*past, warned])


@given(COUNTS, COUNTS, st.integers(0, 100), st.integers(0, 100))
def test_fewer_endpoints_of_a_channel_never_bring_it_back(email, before, sms, fewer):
    past = [mixed(EMAIL=email, SMS=before)]
    total = 1000
    if "on_lost_channel" in judge(mixed(EMAIL=total - sms, SMS=sms), past):
        less = max(sms - fewer, 0)
        assert "on_lost_channel" in judge(mixed(EMAIL=total - less, SMS=less), past)


# -- all together ----------------------------------------------------------------------------


def test_all_that_is_wrong_is_told_at_once_and_as_asked():
    past = [PastCounts(1000, 0, {"city": 1000}, {"EMAIL": 800, "SMS": 200})]
    now = SourceCounts(400, 0, {"city": 0}, {"EMAIL": 400})
    limits = Limits(on_row_change=Action.STOP, on_empty_column=Action.WARN)
    found = compare_source(SOURCE, now, past, limits)
    assert [(e.threshold, e.is_stop) for e in found] == [
        ("max_row_change", True), ("on_empty_column", False), ("on_lost_channel", False)
    ]  # fmt: skip
    off = Limits(on_row_change=Action.OFF, on_empty_column=Action.OFF, on_lost_channel=Action.OFF)
    assert compare_source(SOURCE, now, past, off) == []


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_the_same_again_is_never_too_much(email: int, sms: int):
    shape = PastCounts(email + sms, 0, {"city": email}, {"EMAIL": email, "SMS": sms})
    assert judge(shape, [shape] * 5, Limits(max_row_change="0%", on_row_change=Action.STOP)) == {}

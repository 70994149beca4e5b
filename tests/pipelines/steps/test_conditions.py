import polars as pl
import pytest
from pydantic import TypeAdapter

from pipelines.steps.conditions import find_failing, hold
from pipelines.steps.source_columns import SourceColumns
from schemas.mapping_conditions import Conditions

TEXTS = ["Yes", " Yes ", "yes", "No", "", None]
NUMBERS = ["9", "10", "10.5", "1e1", "x", None]
DATES = ["2026-01-30", "2026-01-31", "2026-01-31T23:59:59Z", "2026-02-01T00:30+01:00", "x", None]


def judged(values, *conditions):
    frame = pl.DataFrame({"row_key": range(len(values)), "c0": pl.Series(values)})
    read = TypeAdapter(Conditions).validate_python(conditions)
    answer = hold(frame, read, SourceColumns(("a",)))
    return [place for place, holds in enumerate(answer.to_list()) if holds]


@pytest.mark.parametrize(
    ("values", "condition", "held"),
    [
        (TEXTS, {"equals": "Yes"}, [0, 1]),
        (TEXTS, {"not_equals": "Yes"}, [2, 3, 4, 5]),
        (TEXTS, {"one_of": ["Yes", "No"]}, [0, 1, 3]),
        (TEXTS, {"none_of": ["Yes", "No"]}, [2, 4, 5]),
        (TEXTS, {"blank": True}, [4, 5]),
        (TEXTS, {"blank": False}, [0, 1, 2, 3]),
        (TEXTS, {"contains": "es"}, [0, 1, 2]),
        (["a.c", "abc"], {"contains": "a.c"}, [0]),
        (TEXTS, {"starts_with": "Y"}, [0, 1]),
        (TEXTS, {"matches": "^[YN]"}, [0, 1, 3]),
        (NUMBERS, {"at_least": "10"}, [1, 2, 3]),
        (NUMBERS, {"at_most": 10}, [0, 1, 3]),
        (DATES, {"at_least": "2026-01-31"}, [1, 2, 3]),
        (DATES, {"at_most": "2026-01-31"}, [0, 1, 2, 3]),
        (DATES, {"at_most": "2026-01-31T23:00Z"}, [0, 1]),
        ([["", "b"], [], None], {"equals": "b"}, [0]),
    ],
)
def test_condition(values, condition, held):
    assert judged(values, {"column": "A", **condition}) == held


def test_all_have_to_hold_and_one_of_any():
    low, high = {"column": "a", "at_least": "2"}, {"column": "a", "at_most": "3"}
    one, nine = {"column": "a", "equals": "1"}, {"column": "a", "equals": "9"}
    digits = [str(n) for n in range(10)]
    assert judged(digits, low, high) == [2, 3]
    assert judged(digits, {"any_of": [one, nine]}) == [1, 9]
    assert judged(digits, {"any_of": [one, nine]}, high) == [1]
    assert judged(digits) == list(range(10))


def test_nothing_is_asked_of_no_rows():
    assert judged([], {"column": "a", "equals": "x"}) == []
    assert judged([], {"column": "nowhere", "at_most": "2026-01-31"}) == []


def test_a_column_that_is_not_there_is_blank():
    assert judged(["x", "y"], {"column": "b", "blank": True}) == [0, 1]
    assert judged(["x", "y"], {"column": "b", "equals": "x"}) == []


def test_the_first_condition_that_does_not_hold_is_named():
    frame = pl.DataFrame({"row_key": [1, 2, 3, 4], "c0": ["x", "y", None, "x"], "c1": list("1122")})
    given = [{"column": "a", "equals": "x"}, {"any_of": [{"column": "b", "equals": "1"}] * 2}]
    conditions = TypeAdapter(Conditions).validate_python(given)
    source = SourceColumns(("a", "b"))
    assert find_failing(frame, conditions, source).to_list() == [None, "a", "a", "b"]
    assert find_failing(frame, (), source).to_list() == [None] * 4
    assert find_failing(frame.clear(), conditions, source).to_list() == []

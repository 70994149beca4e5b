import polars as pl
import pytest
from step_frames import assert_counting_law, endpoints, found

from pipelines.steps.clean_texts import FREE_TEXT, UNTOUCHED, clean_columns
from schemas.columns import SCALAR_COLUMNS

DIRTY = "“a\u00a0\u200bb”"
CODES = ["text.invisible_character", "text.odd_space", "text.quotes_removed"]


@pytest.mark.parametrize("column", [*SCALAR_COLUMNS, "Attributes.A", "User.UserAttributes.A"])
def test_every_column_but_opt_out_is_cleaned(column):
    frame = endpoints({column: ["x", DIRTY]})
    result = clean_columns(frame)
    assert_counting_law(frame, result)
    if column in UNTOUCHED:
        assert result.frame[column].to_list() == ["x", DIRTY]
        assert result.issues.is_empty()
        return
    assert result.frame[column].to_list() == ["x", "a b"]
    assert found(result.issues) == [(1, column, code) for code in CODES]
    assert result.issues["value"].to_list() == [DIRTY] * 3


@pytest.mark.parametrize("column", sorted(FREE_TEXT | {"Attributes.A"}))
def test_joiners_stay_in_words(column):
    frame = endpoints({column: ["می\u200cخواهم"]})
    assert clean_columns(frame).frame[column].to_list() == frame[column].to_list()


@pytest.mark.parametrize("rows", [1, 1500])
def test_lists_are_cleaned_value_by_value(rows):
    lists = [["a"], None, [], ["x", " ", DIRTY], [" "], ["'12", "\u00a0b"]]
    result = clean_columns(endpoints({"Attributes.A": [["a"]] * (rows - 1) + lists}))
    assert result.frame["Attributes.A"].to_list()[rows - 1 :] == [
        ["a"], None, None, ["x", "a b"], None, ["12", "b"],
    ]  # fmt: skip
    last = rows + 4
    assert found(result.issues) == [
        *((rows + 2, "Attributes.A", code) for code in CODES),
        (last, "Attributes.A", "text.odd_space"),
        (last, "Attributes.A", "text.quotes_removed"),
    ]
    assert result.issues["value"].to_list()[-1] == '["\'12","\u00a0b"]'


def test_the_frame_that_came_is_not_changed():
    frame = endpoints({"Location.City": [DIRTY, "x"]})
    clean_columns(frame)
    assert frame["Location.City"].to_list() == [DIRTY, "x"]


def test_one_value_among_many_is_found():
    cities = ["x"] * 1500 + ["a\u00a0b"]
    result = clean_columns(endpoints({"Location.City": cities}))
    assert found(result.issues) == [(1500, "Location.City", "text.odd_space")]


def test_column_without_a_type_becomes_text():
    frame = endpoints().with_columns(pl.lit(None).alias("OptOut"))
    assert clean_columns(frame).frame.schema["OptOut"] == pl.String

"""orjson reads what was written, and finds what a plain builder would have put in."""

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.json_text import (
    join_members,
    nest,
    write_lists,
    write_numbers,
    write_strings,
)

TEXTS = st.none() | st.text(max_size=5) | st.sampled_from(['"', "\\", "\n", ",", "a,b", '":null'])


def read(members, frame):
    """Read the objects of all rows; None where there is none."""
    texts = frame.select(join_members(members).within("{", "}").as_expression().alias("t"))["t"]
    return [None if text is None else orjson.loads(text) for text in texts]


def without_nulls(rows):
    kept = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return [row or None for row in kept]


@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS, "c": TEXTS}), min_size=1))
def test_strings_with_any_columns_missing(rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String))
    members = [write_strings(column.name, column) for column in frame.iter_columns()]
    assert read(members, frame) == without_nulls(rows)


@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS, "c": TEXTS}), min_size=1))
def test_nested_objects_without_members_are_left_out(rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String))
    inner = [write_strings(name, frame[name]) for name in "bc"]
    members = [write_strings("a", frame["a"]), *nest("n", inner)]
    expected = [
        {"a": row["a"], "n": without_nulls([{"b": row["b"], "c": row["c"]}])[0]} for row in rows
    ]
    assert read(members, frame) == without_nulls(expected)


@pytest.mark.parametrize("name", ["plain", 'quo"te', "back\\slash", "é", "a\x00b"])
def test_names_are_written_as_json(name):
    frame = pl.DataFrame({name: ["v", 'w"']})
    assert read([write_strings(name, frame[name])], frame) == [{name: "v"}, {name: 'w"'}]


def test_lists_and_single_values_of_lists():
    frame = pl.DataFrame({"l": [["a", 'b"'], None], "s": [None, "x"]})
    members = [write_lists("l", frame["l"]), write_lists("s", frame["s"])]
    assert read(members, frame) == [{"l": ["a", 'b"']}, {"s": ["x"]}]


def test_numbers_are_numbers():
    frame = pl.DataFrame({"m": ["1", "-.5", "1e300", "+7.", None]})
    expected = [{"m": 1.0}, {"m": -0.5}, {"m": 1e300}, {"m": 7.0}, None]
    assert read([write_numbers("m", frame["m"])], frame) == expected


def test_no_members_make_no_object():
    assert nest("n", []) == []

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text_bytes import CONTROL, ESCAPED_IN_JSON, holds_any, holds_byte, read_bytes


@given(st.lists(st.none() | st.text(), max_size=20), st.integers(0, 5), st.integers(0, 20))
def test_bytes_are_those_of_all_values(values, start, length):
    column = pl.Series("c", values, dtype=pl.String).slice(start, length)
    assert bytes(read_bytes(column)) == "".join(v or "" for v in column).encode()


def test_a_column_in_chunks_and_with_any_name():
    column = pl.Series("\x00", ["a"]).append(pl.Series(["é", None]))
    assert bytes(read_bytes(column)) == "aé".encode()


def test_the_end_of_a_large_column_is_looked_at():
    column = pl.Series(["x" * 1000] * 1000 + ["\x07"])
    assert holds_any(column, CONTROL)
    assert not holds_any(column.head(1000), CONTROL)


@pytest.mark.parametrize(
    ("unwanted", "text", "held"),
    [
        (CONTROL, "tab\tand\r\nbreak", False),
        (CONTROL, "bell\x07", True),
        (CONTROL, "\x7f", True),
        (CONTROL, "é\u2028", False),
        (ESCAPED_IN_JSON, "tab\t", True),
        (ESCAPED_IN_JSON, 'q"', True),
        (ESCAPED_IN_JSON, "back\\", True),
        (ESCAPED_IN_JSON, "é\x7f/", False),
    ],
)
def test_what_is_held(unwanted, text, held):
    assert holds_any(pl.Series([text]), unwanted) is held


@given(st.lists(st.none() | st.text(), max_size=20))
def test_one_byte_is_found_where_it_is(values):
    column = pl.Series("c", values, dtype=pl.String)
    assert holds_byte(column, b"#") == any("#" in (value or "") for value in values)

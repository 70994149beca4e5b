"""A value with undecoded bytes is found, with the bytes written out; no other is."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.undecodable import find_undecodable
from schemas.issues import LONGEST_RECORD, UNDECODABLE
from schemas.undecoded import mark


def frame(*names: str | None) -> pl.DataFrame:
    rows = [(16 * n, f"e{n}", name) for n, name in enumerate(names, 1)]
    schema = {"row_key": pl.Int64, "c0": pl.String, "c1": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_bytes_are_written_out() -> None:
    found = find_undecodable(frame("Ana", f"Jos{mark(bytes([0xE9]))}", None), ["Id", "N"])
    assert found.rows() == [(32, "N", UNDECODABLE.code, r"Jos\xE9")]


def test_columns_that_are_no_texts_are_left_alone() -> None:
    lists = frame("a").with_columns(pl.lit([[mark(b"\xff")]]).list.explode().implode().alias("c1"))
    assert find_undecodable(lists, ["Id", "N"]).is_empty()


def test_long_values_are_cut() -> None:
    found = find_undecodable(frame(mark(b"\xff") + "x" * (2 * LONGEST_RECORD)), ["Id", "N"])
    assert len(found["value"][0]) < LONGEST_RECORD + 10


@given(st.lists(st.one_of(st.none(), st.text(max_size=5), st.binary(min_size=1).map(mark))))
def test_exactly_the_marked_are_found(names: list[str | None]) -> None:
    expected = [
        16 * n
        for n, name in enumerate(names, 1)
        if name and any(0x10F800 <= ord(c) <= 0x10F8FF for c in name)
    ]
    assert find_undecodable(frame(*names), ["Id", "N"])["row_key"].to_list() == expected

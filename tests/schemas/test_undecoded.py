"""Bytes that are no characters: marked, told from all else, shown and replaced."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.undecoded import (
    ERRORS,
    holds_marked,
    mark,
    replace_marked,
    show_marked,
    write_out_marked,
)


def test_a_decoder_marks_what_it_cannot_read():
    assert b"Jos\xe9, ok".decode("utf-8", ERRORS) == f"Jos{mark(bytes([0xE9]))}, ok"
    assert b"\x00\xd8a\x00".decode("utf-16-le", ERRORS) == mark(b"\x00\xd8") + "a"


def test_an_encoder_is_no_place_for_it():
    with pytest.raises(UnicodeEncodeError):
        "é".encode("ascii", ERRORS)


@given(st.binary(max_size=20), st.text(max_size=5))
def test_bytes_are_written_out(data, text):
    shown = text + "".join(f"\\x{byte:02X}" for byte in data)
    assert show_marked(text + mark(data)) == shown
    column = pl.DataFrame({"a": [text + mark(data)]}).select(write_out_marked(pl.col("a")))
    assert column["a"][0] == shown


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=5), st.binary(max_size=2))
def test_marks_are_told_from_all_else(texts, data):
    column = pl.Series([*texts, mark(data)], dtype=pl.String)
    assert holds_marked(column) == (
        bool(data) or any(0x10F800 <= ord(c) <= 0x10F8FF for text in texts if text for c in text)
    )


def test_marks_are_replaced_in_texts_only():
    frame = pl.DataFrame({"n": [1], "a": ["x" + mark(b"\xe9\xff")], "b": ["\U0010fffd"]})
    assert replace_marked(frame).rows() == [(1, "x\ufffd\ufffd", "\U0010fffd")]

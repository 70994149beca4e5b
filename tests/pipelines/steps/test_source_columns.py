import time

import polars as pl
import pytest

from pipelines.steps.source_columns import (
    SourceColumns,
    first_text,
    is_list,
    list_of,
    show_names,
    text_of,
)

FRAME = pl.DataFrame({"c0": ["x", "  ", None], "c1": [["", " y"], [], None], "c2": ["1", "2", "3"]})
HEADER = SourceColumns(("Mail", "mail ", "Phone", "Mail"))


@pytest.mark.parametrize(
    ("name", "places"),
    [("Mail", (0, 3)), ("MAIL", (0, 1, 3)), ("mail ", (1,)), ("phone", (2,)), ("x", ())],
)
def test_find(name, places):
    assert HEADER.find(name) == places


def test_find_all_keeps_the_order_of_the_names():
    assert HEADER.find_all(["Phone", "x", "Mail"]) == (2, 0, 3)


def test_near_names_are_told_without_personal_ones():
    source = SourceColumns(("Mobile Phone", "ann@example.com"))
    assert source.say_near("mobile fone") == "Did you mean Mobile Phone?"
    assert source.say_near("x") == "Its columns are: Mobile Phone, •••@•••••••.•••."


def test_what_is_cut_of_a_header_is_seen():
    short, long = "x" * 40, "y" * 41
    assert show_names((short, long, " z "), end=".") == f"{short}, {'y' * 40}..., z."
    assert show_names((short, long), end=".") == f"{short}, {'y' * 40}..."
    assert show_names("abcdefghijkl", end=".") == "a, b, c, d, e, f, g, h, i, j, k, l."
    assert show_names("abcdefghijklm", end=".") == "a, b, c, d, e, f, g, h, i, j, k, l, ..."
    mailbox = "a" * 41 + "@example.com"
    assert show_names((mailbox,)) == "•" * 40 + "..."


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (text_of(FRAME, 0), ["x", None, None]),
        (text_of(FRAME, 1), ["y", None, None]),
        (text_of(FRAME, 1, trim=False), [" y", None, None]),
        (list_of(FRAME, 0), [["x"], [], []]),
        (list_of(FRAME, 1), [["y"], [], []]),
        (first_text(FRAME, (0, 2)), ["x", "2", "3"]),
        (first_text(FRAME, (1, 0)), ["y", None, None]),
    ],
)
def test_texts(expression, expected):
    assert FRAME.select(expression).to_series().to_list() == expected


def test_cells_without_any_type_are_blank():
    frame = pl.DataFrame({"c0": [None, None], "c1": [[], [None]]})
    assert frame.select(text_of(frame, 0)).to_series().to_list() == [None, None]
    assert frame.select(text_of(frame, 1)).to_series().to_list() == [None, None]
    assert is_list(frame, 1)
    assert not is_list(frame, 0)


def test_a_header_of_very_many_columns_takes_bounded_time():
    began = time.monotonic()
    source = SourceColumns(("x",) * 500_000 + tuple(f"column {n}" for n in range(500_000)))
    assert len(source.find("X ")) == 500_000
    assert source.say_near("colum 7").startswith("Its columns are: x, x, ")
    assert time.monotonic() - began < 20

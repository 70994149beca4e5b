"""Hashes that outlive this program: they are compared with published ones, and with numbers."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from step_frames import endpoints

from pipelines.steps.fingerprint import (
    fingerprint,
    hash_ids,
    hash_items,
    mark_columns,
    mark_opt_outs,
)
from schemas.columns import CLEAR, PHONE_REGION
from schemas.sync_records import CONTENT_SCHEMA, LAYOUT_SEPARATOR

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=6)


def marks(frame):
    """Give the marks of the only row by the names of their columns."""
    (layout,), (found,) = mark_columns(frame)
    return dict(zip(layout.split(LAYOUT_SEPARATOR), found, strict=True))


def mark(column, value, dtype=None):
    return marks(pl.DataFrame([pl.Series(column, [value], dtype=dtype)]))[column]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", 0x2D06800538D394C2, id="empty"),
        pytest.param("a", 0xE6C632B61E964E1F, id="one-byte"),
        pytest.param("abc", 0x78AF5F94892F3950, id="three-bytes"),
        pytest.param(None, None, id="null"),
    ],
)
def test_items_are_hashed_by_xxh3_64(text, expected):
    assert hash_items(pl.Series([text], dtype=pl.String)).to_list() == [expected]


def test_ids_that_differ_in_case_have_one_hash():
    upper, lower, other = hash_ids(pl.Series(["E-ÉÖ", "e-éö", "e-eo"]))
    assert upper == lower != other


def test_shape_is_that_of_the_state():
    frame = endpoints({"OptOut": ["ALL", None]})
    found = fingerprint(frame, pl.Series("item", ["{}", "{ }"]))
    assert found.schema == CONTENT_SCHEMA
    assert found.height == 2
    assert mark_columns(frame.clear()).height == 0


def test_columns_are_sorted_and_only_those_that_may_be_sent():
    frame = endpoints({"OptOut": [None], "Metrics.M": ["1"], "Attributes.a,b": [None]})
    frame = frame.with_columns(
        pl.lit("US").alias(PHONE_REGION), pl.lit(value=True).alias(CLEAR + "Attributes.b")
    )
    found = marks(frame)
    assert list(found) == ["Address", "Attributes.a,b", "ChannelType", "Metrics.M", "OptOut"]
    assert [name for name, value in found.items() if value is None] == ["Attributes.a,b", "OptOut"]


def test_marks_do_not_depend_on_the_order_of_columns():
    frame = endpoints({"OptOut": ["ALL"], "Attributes.B": ["1"], "Attributes.A": [["2"]]})
    assert marks(frame) == marks(frame.select(reversed(frame.columns)))


def test_a_name_that_is_the_number_of_another_column_does_no_harm():
    frame = pl.DataFrame({"Attributes.0": ["x"], "Attributes.1": ["y"], "0": ["z"]})
    assert marks(frame) == {
        "Attributes.0": mark("OptOut", "x"),
        "Attributes.1": mark("OptOut", "y"),
    }


@given(st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=3))
def test_lists_are_told_apart(one, other):
    """But not an empty one from one of an empty text: a blank is nothing that is sent."""
    name, dtype = "Attributes.A", pl.List(pl.String)
    is_equal = (one or [""]) == (other or [""])
    assert (mark(name, one, dtype) == mark(name, other, dtype)) == is_equal


@given(TEXTS)
def test_a_list_of_one_is_marked_as_its_text(text):
    assert mark("Attributes.A", [text]) == mark("Attributes.A", text)


@pytest.mark.parametrize("column", ["Metrics.M", "Location.Latitude", "Location.Longitude"])
@pytest.mark.parametrize(
    ("forms", "other"),
    [
        pytest.param(["1.50", "+1.5", "15e-1", 1.5], "1.51", id="decimal"),
        pytest.param(["3", "3.", "3.0", 3.0, 3], "-3", id="whole"),
        pytest.param(["1e21", "1000000000000000000000", 1e21], "1e20", id="large"),
        pytest.param(["0", "-0", ".0", -0.0], "1e-7", id="zero"),
    ],
)
def test_a_number_is_marked_alike_however_it_is_written(column, forms, other):
    (found,) = {mark(column, form) for form in forms}
    assert found != mark(column, other)


def test_numbers_are_texts_where_the_service_has_texts():
    assert mark("Attributes.A", "1.50") != mark("Attributes.A", "1.5")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        pytest.param("Location.City", ["x", None, None, None], id="text"),
        pytest.param("Attributes.A", ["x", None, None, None], id="text-of-a-list"),
        pytest.param("Attributes.A", [["x"], None, None, None], id="list"),
    ],
)
def test_what_is_cleared_is_marked_as_empty(column, values):
    frame = endpoints({column: values})
    flags = pl.Series(CLEAR + column, [True, True, False, None])
    found = mark_columns(frame.with_columns(flags))["marks"]
    place = mark_columns(frame)["layout"][0].split(LAYOUT_SEPARATOR).index(column)
    assert found.list.get(place).to_list() == [mark(column, "x"), mark(column, ""), None, None]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({}, id="no-column"),
        pytest.param({"OptOut": ["NONE", None]}, id="column"),
        pytest.param({"User.UserId": ["u", None]}, id="column-behind"),
    ],
)
def test_opt_outs_are_marked_as_if_rows_said_so(columns):
    rows = endpoints(columns, rows=2)
    said = rows.with_columns(OptOut=pl.lit("ALL"))
    assert mark_opt_outs(mark_columns(rows)).equals(mark_columns(said))


def test_no_rows_get_no_opt_outs():
    assert mark_opt_outs(mark_columns(endpoints().clear())).is_empty()

"""Hashes that outlive this program: they are compared with published ones, and with numbers."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from step_frames import endpoints

from pipelines.steps.encode import encode
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


def test_zero_has_no_sign_beside_other_numbers():
    frame = endpoints({"Metrics.M": ["0", "-0", "-0.0", "1", None]})
    zero, *others, one, none = mark_columns(frame)["marks"].list.get(2).to_list()
    assert set(others) == {zero} != {one}
    assert none is None


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


GOLDEN = {
    "Id": ["E-É1", "e-2", "e-3"],
    "EndpointStatus": ["INACTIVE", None, None],
    "OptOut": ["ALL", "NONE", None],
    "EffectiveDate": ["2026-01-31T00:00:00.000Z", None, None],
    "Location.Latitude": ["47.60", "-0.0", "1e-7"],
    "Location.City": ['say "Ulm"\\', "Köln 😀", None],
    "Attributes.Likes": [["a,b", "é\t"], ["x"], None],
    "Attributes.Plan": ["gold", None, "\u2028\x7f/"],
    "Metrics.Visits": ["3", "1e300", "123456789012345678"],
    "User.UserId": ["u-1", None, "u-3"],
    "User.UserAttributes.Tier": ["1", None, None],
}
ITEMS = [
    (
        (
            '{"Id":"E-É1","ChannelType":"EMAIL","Address":"ana0@example.com","EndpointStatus"'
            ':"INACTIVE","OptOut":"ALL","EffectiveDate":"2026-01-31T00:00:00.000Z","Location"'
            ':{"Latitude":47.6,"City":"say \\"Ulm\\"\\\\"},"Attributes":{"Likes":["a,b","é\\t"],"P'
            'lan":["gold"]},"Metrics":{"Visits":3.0},"User":{"UserId":"u-1","UserAttributes":'
            '{"Tier":["1"]}}}'
        ),
        16903856298035296149,
        11906544118330866910,
    ),
    (
        (
            '{"Id":"e-2","ChannelType":"EMAIL","Address":"ana1@example.com","OptOut":"NONE","'
            'Location":{"Latitude":-0.0,"City":"Köln 😀"},"Attributes":{"Likes":["x"]},"Metric'
            's":{"Visits":1e+300}}'
        ),
        15681254158000278638,
        18325630172186153605,
    ),
    (
        (
            '{"Id":"e-3","ChannelType":"EMAIL","Address":"ana2@example.com","Location":{"Lati'
            'tude":1e-7},"Attributes":{"Plan":["\u2028\x7f/"]},"Metrics":{"Visits":1.2345678901234568'
            'e+17},"User":{"UserId":"u-3"}}'
        ),
        17858289450632579801,
        18440420114141796461,
    ),
]
MARKS = {
    "Address": [1455152010, 964610502, 2285296125],
    "Attributes.Likes": [1929246296, 2159201553, None],
    "Attributes.Plan": [2970819523, None, 3014377277],
    "ChannelType": [3108633572, 3108633572, 3108633572],
    "EffectiveDate": [2893395637, None, None],
    "EndpointStatus": [1242068451, None, None],
    "Location.City": [4069861425, 926987653, None],
    "Location.Latitude": [2211335865, 872315518, 1923982813],
    "Metrics.Visits": [1529959168, 262316418, 1029422799],
    "OptOut": [3860260903, 1148344330, None],
    "User.UserAttributes.Tier": [2409165144, None, None],
    "User.UserId": [1234716656, None, 2354857748],
}


def test_what_is_remembered_of_rows_is_the_same_for_ever():
    """The sync states of all users hold such numbers.

    If one changes, with this program or one of its libraries, the next night of every user sends
    everything: the change is to be undone, or told as a breaking one.
    """
    found = encode(endpoints(GOLDEN)).frame
    assert found.select("item", "key_hash", "content").rows() == ITEMS
    assert found["layout"].to_list() == [LAYOUT_SEPARATOR.join(MARKS)] * 3
    assert found["marks"].to_list() == [list(row) for row in zip(*MARKS.values(), strict=True)]

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.steps.map_columns import (
    DISCOURAGED_CHARACTERS,
    ColumnPlan,
    check_header,
    excess_columns,
    map_columns,
    plan_columns,
)
from schemas import limits
from schemas.columns import (
    LIST_PREFIXES,
    READ_ONLY_COLUMNS,
    RESULT_COLUMNS,
    SCALAR_COLUMNS,
    canonical_name,
)

HEADERS = st.one_of(
    st.sampled_from([*SCALAR_COLUMNS, *sorted(READ_ONLY_COLUMNS), *RESULT_COLUMNS]),
    st.sampled_from(["attributes.A", "Attributes.A ", "METRICS.m", "user.userattributes.P", "id"]),
    st.text(max_size=12),
)


def staged(**columns):
    rows = len(next(iter(columns.values())))
    return pl.DataFrame({"row_key": range(1, rows + 1), "malformed": [None] * rows, **columns})


@pytest.mark.parametrize(
    ("header", "plan"),
    [
        pytest.param(["Id"], ColumnPlan({"Id": (0,)}, (), ()), id="canonical"),
        pytest.param([" address "], ColumnPlan({"Address": (0,)}, (), ()), id="case-and-spaces"),
        pytest.param(["E-mail"], ColumnPlan({}, ("E-mail",), ()), id="unmapped"),
        pytest.param(["CohortId"], ColumnPlan({}, (), ()), id="read-only"),
        pytest.param(list(RESULT_COLUMNS), ColumnPlan({}, (), ()), id="own-result-columns"),
        pytest.param(["id", "ID"], ColumnPlan({"Id": (0, 1)}, (), ("Id",)), id="repeated-scalar"),
        pytest.param(
            ["Metrics.a", "Metrics.a"],
            ColumnPlan({"Metrics.a": (0, 1)}, (), ("Metrics.a",)),
            id="repeated-metric",
        ),
        pytest.param(
            ["Attributes.a", "x", "attributes.a"],
            ColumnPlan({"Attributes.a": (0, 2)}, ("x",), ()),
            id="repeated-attribute",
        ),
        pytest.param(
            ["Attributes.a", "Attributes.A"],
            ColumnPlan({"Attributes.a": (0,), "Attributes.A": (1,)}, (), ()),
            id="names-differ-in-case",
        ),
        pytest.param(["Attributes."], ColumnPlan({}, ("Attributes.",), ()), id="no-name"),
        pytest.param([""], ColumnPlan({}, ("",), ()), id="empty-header"),
        pytest.param([], ColumnPlan({}, (), ()), id="no-header"),
    ],
)
def test_plan_columns(header, plan):
    assert plan_columns(header) == plan


@settings(deadline=None, max_examples=60)
@given(st.lists(HEADERS, max_size=12))
def test_every_column_is_mapped_warned_of_or_left_out_on_purpose(header):
    plan = plan_columns(header)
    mapped = sorted(position for places in plan.positions.values() for position in places)
    left_out = [
        position
        for position, name in enumerate(header)
        if name.strip() in READ_ONLY_COLUMNS | set(RESULT_COLUMNS)
    ]
    unmapped = [p for p in range(len(header)) if p not in mapped and p not in left_out]
    assert [header[position] for position in unmapped] == list(plan.unmapped)
    assert not set(mapped) & set(left_out)
    assert all(canonical_name(header[p]) == c for c, ps in plan.positions.items() for p in ps)


@settings(deadline=None, max_examples=60)
@given(st.lists(HEADERS, max_size=12))
def test_only_columns_of_several_values_may_be_repeated(header):
    plan = plan_columns(header)
    several = {column for column, places in plan.positions.items() if len(places) > 1}
    assert set(plan.repeated) == {c for c in several if not c.startswith(LIST_PREFIXES)}


def test_check_header_warns_of_unmapped_columns():
    found = check_header(plan_columns(["Id", "Note", "CohortId"]))
    assert found.rows() == [(None, "Note", "column.unmapped", "Note")]


@pytest.mark.parametrize("character", sorted(DISCOURAGED_CHARACTERS))
@pytest.mark.parametrize("prefix", ["Attributes.", "Metrics.", "User.UserAttributes."])
def test_check_header_warns_of_discouraged_names(prefix, character):
    name = f"a{character}b"
    found = check_header(plan_columns([prefix + name, f"{prefix}ab"]))
    assert found.rows() == [(None, prefix + name, "attribute.name_discouraged", name)]


@pytest.mark.parametrize(
    ("names", "excess"),
    [
        pytest.param(250, [], id="at-the-limit"),
        pytest.param(251, ["Attributes.a250"], id="one-over"),
    ],
)
def test_excess_columns(names, excess):
    assert limits.ATTRIBUTE_NAMES.value == 250
    assert excess_columns([f"Attributes.a{number}" for number in range(names)]) == excess


def test_excess_columns_counts_each_map_and_no_column_twice():
    columns = [f"{prefix}{n}" for n in range(125) for prefix in ("Attributes.", "Metrics.")]
    assert excess_columns(columns + columns) == []
    assert excess_columns([*columns, "User.UserAttributes.0"]) == ["User.UserAttributes.0"]


@pytest.mark.parametrize(
    ("header", "frame", "expected"),
    [
        pytest.param(
            ["Address", "Id", "ChannelType", "Note"],
            staged(c0=["a"], c1=["i"], c2=["SMS"], c3=["x"]),
            pl.DataFrame({"row_key": [1], "Address": ["a"], "Id": ["i"], "ChannelType": ["SMS"]}),
            id="renamed-and-unmapped-gone",
        ),
        pytest.param(
            ["Note"],
            staged(c0=["x"]),
            pl.DataFrame(
                {"row_key": [1], "Id": [None], "ChannelType": [None], "Address": [None]},
                schema_overrides={"Id": pl.String, "ChannelType": pl.String, "Address": pl.String},
            ),
            id="needed-columns-added",
        ),
    ],
)
def test_map_columns(header, frame, expected):
    assert_frame_equal(map_columns(frame, plan_columns(header)).frame, expected)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param(
            {"c0": ["a", None, None], "c1": ["b", "c", None]},
            [["a", "b"], [None, "c"], [None, None]],
            id="texts",
        ),
        pytest.param(
            {"c0": [["a", "b"], None, []], "c1": [["c"], ["d"], None]},
            [["a", "b", "c"], ["d"], []],
            id="lists",
        ),
        pytest.param(
            {"c0": ["a", None, "b"], "c1": [["c", "d"], ["e"], None]},
            [["a", "c", "d"], [None, "e"], ["b"]],
            id="text-and-list",
        ),
    ],
)
def test_repeated_header_gives_lists_in_the_order_of_the_header(columns, expected):
    mapped = map_columns(staged(**columns), plan_columns(["Attributes.L", "attributes.L"])).frame
    assert mapped["Attributes.L"].to_list() == expected

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.errors import SourceError
from pipelines.steps.map_columns import (
    DISCOURAGED_CHARACTERS,
    ColumnPlan,
    check_header,
    excess_columns,
    map_columns,
    plan_columns,
    require_columns,
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
    ("header", "has_channel"),
    [
        pytest.param(["Id", "ChannelType", "Address"], False, id="all"),
        pytest.param([" address ", "CHANNELTYPE"], False, id="case-and-spaces"),
        pytest.param(["Address"], True, id="channel-known"),
        pytest.param(["Address", "ChannelType", "Note", "Note"], False, id="unmapped-repeated"),
        pytest.param(["Address", "ChannelType", "Attributes.a", "Attributes.a"], False, id="lists"),
        pytest.param(["Address", "ChannelType", "ann@example.com"], False, id="personal-name"),
    ],
)
def test_a_header_that_makes_endpoints_passes(header, has_channel):
    require_columns(header, "a.csv", has_channel=has_channel)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        pytest.param(
            ["Id", "ChannelType", "E-mail"],
            "a.csv has no column Address; its columns are: Id, ChannelType, E-mail. "
            "Rename the column that holds phone numbers, e-mail addresses or tokens to Address: "
            "one row is one address.",
            id="no-address",
        ),
        pytest.param(
            ["Id", "Address"],
            "a.csv has no column ChannelType; its columns are: Id, Address. "
            "Add it, or say with --default-channel what all rows are, such as SMS.",
            id="no-channel",
        ),
        pytest.param(
            ["Address;ChannelType"],
            "a.csv has no column Address: all its columns are one. They seem to be separated by "
            "';'; export the file with commas.",
            id="semicolons",
        ),
        pytest.param(
            ["Address\tChannelType"],
            "a.csv has no column Address: all its columns are one. They seem to be separated by "
            "'\\t'; export the file with commas.",
            id="tabs",
        ),
        pytest.param(
            ["1", "EMAIL", "ann@example.com"],
            "a.csv seems to have no header: its first line looks like data "
            "(1, EMAIL, •••@•••••••.•••). Add a line with the names of the columns.",
            id="no-header",
        ),
        pytest.param(
            ["Id", "+12065550100"],
            "a.csv has no column Address; its columns are: Id, +•••••••••••. "
            "Rename the column that holds phone numbers, e-mail addresses or tokens to Address: "
            "one row is one address.",
            id="personal-name",
        ),
        pytest.param(
            ["Id", "id", "Address", "ChannelType"],
            "a.csv has the column Id more than once, but it holds one value. "
            "Only Attributes.* and User.UserAttributes.* may be repeated.",
            id="repeated",
        ),
        pytest.param(
            ["Address", "ChannelType", "Metrics.a", "Metrics.a"],
            "a.csv has the column Metrics.a more than once, but it holds one value. "
            "Only Attributes.* and User.UserAttributes.* may be repeated.",
            id="repeated-metric",
        ),
    ],
)
def test_a_header_that_makes_no_endpoints_is_refused(header, says):
    with pytest.raises(SourceError) as caught:
        require_columns(header, "a.csv", has_channel=False)
    assert caught.value.message == says


def test_a_channel_for_all_rows_makes_up_for_no_other_column():
    with pytest.raises(SourceError, match="has no column Address"):
        require_columns(["Id", "ChannelType"], "a.csv", has_channel=True)


def test_only_the_beginning_of_a_long_header_is_told():
    header = [f"column {number} {'x' * 50}" for number in range(20)]
    with pytest.raises(SourceError) as caught:
        require_columns(header, "a.csv", has_channel=False)
    assert f"{'x' * 31}, column 1 " in caught.value.message
    assert "column 11 " in caught.value.message
    assert "x" * 32 not in caught.value.message
    assert "column 12 " not in caught.value.message


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
    assert_frame_equal(map_columns(frame, plan_columns(header)), expected)


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
    mapped = map_columns(staged(**columns), plan_columns(["Attributes.L", "attributes.L"]))
    assert mapped["Attributes.L"].to_list() == expected

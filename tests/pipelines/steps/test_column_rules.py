import polars as pl
import pytest

from pipelines.steps.column_rules import apply_rule
from pipelines.steps.result import FOUND_SCHEMA
from pipelines.steps.source_columns import SourceColumns
from schemas.mapping import ColumnRule

ATTRIBUTE = "Attributes.A"
CITY = "Location.City"


def staged(*columns):
    series = [pl.Series(f"c{n}", values) for n, values in enumerate(columns)]
    keys = pl.Series("row_key", range(16, 16 * (len(columns[0]) + 1), 16), dtype=pl.Int64)
    return pl.DataFrame([keys, *series])


def apply(target, rule, *columns, header=None):
    header = header or ["a", "b", "c"][: len(columns)]
    source = SourceColumns(tuple(header))
    return apply_rule(staged(*columns), target, ColumnRule.model_validate(rule), source)


def values(target, rule, *columns, header=None):
    ruled = apply(target, rule, *columns, header=header)
    assert ruled.issues.is_empty()
    assert ruled.columns[0].name == target
    return ruled.columns[0].to_list()


@pytest.mark.parametrize(
    ("rule", "columns", "expected"),
    [
        pytest.param("a", [["x", " y ", " ", None]], ["x", "y", None, None], id="from"),
        pytest.param({"from": "A "}, [["x"]], ["x"], id="from-folded"),
        pytest.param(["a", "b"], [["x", " ", None], ["1", "2", ""]], ["x", "2", None], id="first"),
        pytest.param(["b", "a"], [["x", "y"], ["1", ""]], ["1", "y"], id="order-is-the-rules"),
        pytest.param({"from": "z", "optional": True}, [["x", "y"]], [None, None], id="optional"),
        pytest.param({"constant": " C "}, [["x", None]], ["C", "C"], id="constant"),
        pytest.param({"constant": " "}, [["x", None]], [None, None], id="blank-constant"),
        pytest.param(
            {"template": "{a} {b}-{a}"},
            [["x ", None, "y", " "], ["1", "2", None, ""]],
            ["x 1-x", "2-", "y -y", None],
            id="template",
        ),
        pytest.param(
            {"template": "{a}{b}", "trim": False}, [["x "], [" y"]], ["x  y"], id="template-as-is"
        ),
        pytest.param({"template": "{{{a}}}"}, [["x"]], ["{x}"], id="template-with-braces"),
        pytest.param({"from": "a", "default": "d"}, [["x", " "]], ["x", "d"], id="default"),
        pytest.param(
            {"from": "a", "values": {"Yes": "1", "NO": None}},
            [["yes", " no", "maybe", None, "YES "]],
            ["1", None, "maybe", None, "1"],
            id="values",
        ),
        pytest.param(
            {"from": "a", "values": {"x": "1"}, "otherwise": "blank", "default": "0"},
            [["x", "y", None]],
            ["1", "0", "0"],
            id="otherwise-blank",
        ),
        pytest.param(
            {"from": "a", "values": {"é": "1"}}, [["e\u0301", "É"]], ["1", "1"], id="composed"
        ),
        pytest.param({"from": "a", "case": "upper"}, [["straße"]], ["STRASSE"], id="upper"),
        pytest.param({"from": "a", "case": "lower"}, [["ÀB"]], ["àb"], id="lower"),
        pytest.param({"from": "a", "case": "title"}, [["NEW yORK"]], ["New York"], id="title"),
        pytest.param(
            {"from": "a", "values": {"x": "one"}, "case": "upper"}, [["x"]], ["ONE"], id="in-order"
        ),
        pytest.param("a", [[["", "x", "y"], [], None]], ["x", None, None], id="first-of-list"),
    ],
)
def test_one_value(rule, columns, expected):
    assert values(CITY, rule, *columns) == expected


@pytest.mark.parametrize(
    ("rule", "columns", "expected"),
    [
        pytest.param("a", [["x", " "]], ["x", None], id="one"),
        pytest.param(
            {"from": "a", "split": ";"},
            [["x; y;;", ";", None, " "]],
            [["x", "y"], None, None, None],
            id="split",
        ),
        pytest.param(
            {"from": ["b", "a"], "collect": True},
            [["x", None, " "], ["1", "2", None]],
            [["1", "x"], ["2"], None],
            id="collect",
        ),
        pytest.param(
            {"from": ["a", "b"], "collect": True, "split": ","},
            [["x,y", None], ["1", "2,,3"]],
            [["x", "y", "1"], ["2", "3"]],
            id="collect-and-split",
        ),
        pytest.param("a", [[["x", " ", "y"], [None], None]], [["x", "y"], None, None], id="list"),
        pytest.param(
            ["a", "b"], [[["x"], []], ["1", "2"]], [["x"], ["2"]], id="first-list-with-a-value"
        ),
        pytest.param(
            {"from": "a", "split": ",", "values": {"x": "1", "y": None}, "default": "none"},
            [["x,y,z", "y", None]],
            [["1", "z"], ["none"], ["none"]],
            id="values-of-a-list",
        ),
        pytest.param(
            {"from": "z", "split": ",", "optional": True}, [["x"]], [None], id="optional-split"
        ),
    ],
)
def test_several_values(rule, columns, expected):
    assert values(ATTRIBUTE, rule, *columns) == expected


def test_repeated_headers_are_taken_together():
    columns = [["x", None], ["1", "2"]]
    assert values(CITY, "a", *columns, header=["a", "a"]) == ["x", "2"]
    assert values(ATTRIBUTE, "a", *columns, header=["a", "a"]) == [["x", "1"], ["2"]]
    either = values(ATTRIBUTE, ["b", "a"], ["", "y"], *columns, header=["b", "a", "a"])
    assert either == [["x", "1"], ["y"]]
    both = values(ATTRIBUTE, {"from": "a", "collect": True}, *columns, header=["a", "a"])
    assert both == [["x", "1"], ["2"]]


def test_values_that_must_be_known_are_told_and_stay():
    rule = {"from": "a", "values": {"yes": "NONE"}, "otherwise": "error"}
    ruled = apply("OptOut", rule, ["yes", "Perhaps", None])
    assert ruled.columns[0].to_list() == ["NONE", "Perhaps", None]
    assert ruled.issues.schema == FOUND_SCHEMA
    assert ruled.issues.rows() == [(32, "OptOut", "mapping.value_unknown", "Perhaps")]


def test_each_unknown_value_of_a_list_is_told():
    rule = {"from": "a", "split": ",", "values": {"x": "1"}, "otherwise": "error"}
    found = apply(ATTRIBUTE, rule, ["x,y,z"]).issues
    assert found["value"].to_list() == ["y", "z"]


@pytest.mark.parametrize(
    ("target", "rule", "date", "expected"),
    [
        ("EffectiveDate", {"date_format": "%d/%m/%Y"}, "31/01/2026", "2026-01-31T00:00:00.000Z"),
        ("Attributes.Born", {"date_format": "%d/%m/%Y"}, "31/01/2026", "2026-01-31"),
        (
            "Attributes.Seen",
            {"date_format": "%d.%m.%Y %H:%M", "timezone": "Europe/Berlin"},
            "31.07.2026 09:30",
            "2026-07-31T07:30:00.000Z",
        ),
        (
            "EffectiveDate",
            {"timezone": "America/New_York"},
            "2026-01-31 09:30",
            "2026-01-31T14:30:00.000Z",
        ),
        ("EffectiveDate", {"timezone": "America/New_York"}, "2026-01-31T09:30Z", None),
        ("Attributes.Born", {"timezone": "America/New_York"}, "2026-01-31", None),
        ("Attributes.Born", {"timezone": "America/New_York"}, "soon", None),
    ],
)
def test_dates(target, rule, date, expected):
    assert values(target, {"from": "a", **rule}, [date, None]) == [expected or date, None]


def test_a_date_in_none_of_the_forms_is_told_and_stays():
    rule = {"from": "a", "date_format": ["%d/%m/%Y", "%Y-%m-%d"]}
    ruled = apply("EffectiveDate", rule, ["2026-01-31", "13/13/2026", None])
    assert ruled.columns[0].to_list() == ["2026-01-31T00:00:00.000Z", "13/13/2026", None]
    assert ruled.issues.rows() == [(32, "EffectiveDate", "mapping.date_format", "13/13/2026")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({"from": "a"}, [False, True, True], id="blank"),
        pytest.param({"from": "a", "values": {"x": None}}, [True, True, True], id="made-blank"),
        pytest.param({"constant": ""}, [True, True, True], id="always"),
        pytest.param({"from": "z", "optional": True}, [False] * 3, id="column-not-there"),
    ],
)
def test_clearing_has_a_column_of_its_own(rule, expected):
    ruled = apply(ATTRIBUTE, {**rule, "blank": "clear"}, ["x", " ", None])
    assert [column.name for column in ruled.columns] == [ATTRIBUTE, f"clear:{ATTRIBUTE}"]
    assert ruled.columns[1].to_list() == expected


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        pytest.param("de", ["DE", "DE", "DE"], id="fixed"),
        pytest.param("{b}", ["FR", None, None], id="column"),
    ],
)
def test_the_country_of_a_phone_has_a_column_of_its_own(region, expected):
    rule = {"from": "a", "phone_region": region}
    ruled = apply("Address", rule, ["1", "2", "3"], ["france", "nowhere", None])
    assert ruled.columns[1].name == "phone_region"
    assert ruled.columns[1].to_list() == expected


@pytest.mark.parametrize(
    "rule",
    [
        {"from": "a", "split": ",", "default": "x"},
        {"from": "a", "collect": True},
        {"template": "{a}"},
        {"constant": "x", "blank": "clear"},
        {"from": "a", "date_format": "%Y", "values": {"x": "1"}, "otherwise": "error"},
        {"from": "a", "timezone": "Europe/Berlin"},
    ],
)
def test_no_records_are_no_trouble(rule):
    ruled = apply(ATTRIBUTE, rule, pl.Series([], dtype=pl.String))
    assert [len(column) for column in ruled.columns] == [0] * len(ruled.columns)


CONSENT = {"values": {"yes": "NONE", "no": "ALL", "?": None}, "otherwise": "error"}


@pytest.mark.parametrize(
    ("cells", "expected", "odd"),
    [
        pytest.param(("yes", "no", ""), "ALL", [], id="a-refusal-behind-a-consent"),
        pytest.param(("yes", None, "yes"), "NONE", [], id="consent"),
        pytest.param(("", "?", None), None, [], id="nothing"),
        pytest.param(("?", "yes", ""), "NONE", [], id="the-first-that-says-something"),
        pytest.param(("yes", "maybe", ""), "maybe", ["maybe"], id="unknown"),
        pytest.param(("maybe", "", " NO "), "ALL", [], id="a-refusal-behind-an-unknown-value"),
    ],
)
def test_of_several_columns_a_refusal_wins(cells, expected, odd):
    columns = [[cell, "yes"] for cell in cells]
    ruled = apply("OptOut", {"from": ["a", "b", "c"], **CONSENT}, *columns)
    assert ruled.columns[0].to_list() == [expected, "NONE"]
    assert ruled.issues["value"].to_list() == odd
    assert ruled.issues["row_key"].to_list() == [16] * len(odd)


def test_a_refusal_wins_wherever_it_stands():
    assert values("OptOut", ["a", "b"], ["NONE", "NONE", ""], ["all", "?", None]) == [
        "ALL",
        "?",
        None,
    ]
    assert values("OptOut", "a", ["NONE"], ["ALL"], header=["a", "a"]) == ["ALL"]
    assert values("OptOut", "a", [["NONE", "ALL"], None, []]) == ["ALL", None, None]
    assert values("OptOut", {"from": ["a", "b"], "default": "ALL"}, [None], [""]) == ["ALL"]
    assert values("OptOut", ["a", "b"], [], []) == []

import subprocess
import sys
from collections import Counter
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.profile import (
    KEPT_HASHES,
    LONGEST_VALUE,
    SHOWN_VALUES,
    describe_profile,
    merge_profiles,
    profile,
)

PLAN, LIKES = "Attributes.Plan", "User.UserAttributes.Likes"
SCHEMA = {"Address": pl.String, PLAN: pl.String, LIKES: pl.List(pl.String)}


def look_at(values, name=PLAN):
    """Profile one column, and give its figures."""
    frame = pl.DataFrame({name: values}, schema={name: SCHEMA[name]})
    return describe_profile(profile(frame, [name])).row(0, named=True)


def top_of(line):
    return [(value["value"], value["rows"]) for value in line["top"]]


@pytest.mark.parametrize("repeat", [1, 2000], ids=["few rows", "many rows of few values"])
@pytest.mark.parametrize(
    ("values", "filled", "distinct", "longest", "over_limit"),
    [
        pytest.param([None, "", " ", "\t\u2003"], 0, 0, 0, 0, id="blank"),
        pytest.param(["gold", " gold ", "Gold"], 3, 2, 4, 0, id="trimmed, not more"),
        pytest.param(["é" * 100, " " + "é" * 100, "é" * 101], 3, 2, 101, 1, id="too long"),
    ],
)
def test_texts_are_counted(repeat, values, filled, distinct, longest, over_limit):
    line = look_at(values * repeat)
    assert line["rows"] == len(values) * repeat
    assert line["filled"] == filled * repeat
    assert (line["distinct"], line["is_distinct_exact"]) == (distinct, True)
    assert (line["longest"], line["over_limit"]) == (longest, over_limit * repeat)


def test_lists_are_filled_by_any_value_and_counted_value_by_value():
    line = look_at([["a", "b"], ["", None], [], None, ["x" * 101, "y" * 101, " a "]], LIKES)
    assert (line["rows"], line["filled"], line["distinct"]) == (5, 2, 4)
    assert (line["longest"], line["over_limit"]) == (101, 2)
    assert top_of(look_at([["a", "b"], ["a"]] * 2, LIKES)) == [("a", 4), ("b", 2)]


def test_only_where_the_service_has_a_limit_can_a_value_be_over_it():
    frame = pl.DataFrame({"Address": ["x" * 500], PLAN: ["x" * 500]})
    lines = profile(frame, ["Address", PLAN])
    assert lines.select("name", "longest", "over_limit").rows() == [
        ("Address", 500, 0),
        (PLAN, 500, 1),
    ]


def test_a_column_without_a_type_is_empty():
    lines = profile(pl.DataFrame({"a": [None, None], "b": [[], []]}), ["a", "b"])
    assert lines.select("rows", "filled", "values").rows() == [(2, 0, 0)] * 2
    assert profile(pl.DataFrame({"a": []}), []).is_empty()


def test_frequent_values_are_told_most_frequent_first():
    values = [f"v{n % 40}" for n in range(4000)] + ["often"] * 500
    assert (
        top_of(look_at(values))
        == [("often", 500), *((f"v{n}", 100) for n in sorted(range(40), key=str))][:SHOWN_VALUES]
    )


@pytest.mark.parametrize("rows", [3, 90, 40_000])
def test_where_nearly_every_value_is_another_one_none_is_told(rows):
    assert look_at([f"v{n}" for n in range(rows)])["top"] == []


def test_values_that_were_counted_in_a_small_part_only_are_not_told():
    large = pl.DataFrame({PLAN: [f"v{n % 15_000}" for n in range(60_000)]})
    small = pl.DataFrame({PLAN: ["v1"] * 50})
    (line,) = describe_profile(
        merge_profiles(profile(f, [PLAN]) for f in (large, small))
    ).to_dicts()
    assert line["filled"] == 60_050
    assert line["top"] == []


def test_a_long_value_is_cut():
    ((value, rows),) = top_of(look_at(["x" * 1000] * 3))
    assert (len(value), rows) == (LONGEST_VALUE, 3)


@pytest.mark.parametrize("distinct", [KEPT_HASHES - 1, 20_000, 150_000])
def test_many_different_values_are_estimated(distinct):
    frame = pl.select(pl.format("value-{}", pl.int_range(distinct)).alias(PLAN))
    parts = [profile(frame.slice(at, 30_000), [PLAN]) for at in range(0, distinct, 30_000)]
    (line,) = describe_profile(merge_profiles([*parts, *parts])).to_dicts()
    assert line["is_distinct_exact"] is (distinct < KEPT_HASHES)
    assert line["distinct"] == pytest.approx(distinct, rel=0 if distinct < KEPT_HASHES else 0.1)


TEXTS = st.none() | st.sampled_from(["", " ", "a", " a", "b", "é" * 101, "c" * 250])
ROWS = st.lists(st.tuples(TEXTS, TEXTS, st.none() | st.lists(TEXTS, max_size=3)), max_size=30)


@given(ROWS, st.lists(st.integers(0, 30), max_size=4))
def test_parts_merge_to_the_whole(rows, cuts):
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    whole = profile(frame, list(SCHEMA))
    places = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    parts = [frame.slice(a, b - a) for a, b in pairwise(places)] or [frame]
    merged = merge_profiles(profile(part, list(SCHEMA)) for part in parts)
    assert merged.equals(whole)
    assert merge_profiles([merged]).equals(merged)
    for at, line in enumerate(describe_profile(merged).to_dicts()):
        cells = [row[at] if at == 2 else [row[at]] for row in rows]
        counted = Counter(
            text.strip() for cell in cells for text in cell or () if text and text.strip()
        )
        assert line["filled"] == sum(
            any((text or "").strip() for text in cell or ()) for cell in cells
        )
        assert line["distinct"] == len(counted)
        assert line["longest"] == max(map(len, counted), default=0)
        over = sum(rows for text, rows in counted.items() if len(text) > 100)
        assert line["over_limit"] == (over if at else 0)


def test_columns_come_as_they_first_appear():
    frame = pl.DataFrame({"b": ["1"], "a": ["2"], "c": ["3"]})
    merged = merge_profiles([profile(frame, ["b", "a"]), profile(frame, ["c", "a"])])
    assert merged.select("name", "rows").rows() == [("b", 1), ("a", 2), ("c", 1)]
    assert merge_profiles([]).is_empty()


def test_another_process_keeps_the_same():
    """Partitions are prepared by several workers, and by whoever resumes a run."""
    code = (
        "import polars as pl; from pipelines.steps.profile import profile;"
        "print(*profile(pl.DataFrame({'a': ['x', 'yy' * 50, 'é']}), ['a'])['hashes'][0])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = profile(pl.DataFrame({"a": ["x", "yy" * 50, "é"]}), ["a"])["hashes"][0]
    assert told.stdout.split() == [str(value) for value in own]

import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.mapping_text import (
    check_date_format,
    check_pattern,
    fits_glob,
    has_time,
    is_iso_date,
    parse_template,
)


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("{a}", [("a", True)]),
        ("{a}{b c}!", [("a", True), ("b c", True), ("!", False)]),
        ("{{{a}}}", [("{", False), ("a", True), ("}", False)]),
    ],
)
def test_parse_template(template, parts):
    assert [tuple(part) for part in parse_template(template)] == parts


@pytest.mark.parametrize("template", ["", "x", "{", "}", "{a", "a}", "{}", "{a}{", "{{a}}"])
def test_templates_that_mean_nothing_are_refused(template):
    with pytest.raises(ValueError, match="brace"):
        parse_template(template)


@pytest.mark.parametrize(
    ("date_format", "expected"),
    [("%d/%m/%Y", False), ("%Y-%m-%d %H:%M", True), ("%+", True), ("%y", False), ("%D %-H", None)],
)
def test_date_formats(date_format, expected):
    if expected is None:
        with pytest.raises(ValueError, match="hour and minute"):
            check_date_format(date_format)
        return
    check_date_format(date_format)
    assert has_time(date_format) is expected


@pytest.mark.parametrize(
    ("date_format", "says"),
    [
        ("", "no year"),
        ("dd/mm/yyyy", "no year"),
        ("%d/%m", "no year"),
        ("%H:%M", "no year"),
        ("%Y %Z", "names of zones are ambiguous"),
        ("%Y %f", "write %.f"),
        ("%Y %q", "%q, which is not known"),
        ("%Y %", "%, which is not known"),
        ("%Y %I:%M", "12-hour"),
    ],
)
def test_date_formats_that_cannot_be_read_with_are_refused(date_format, says):
    with pytest.raises(ValueError, match=says):
        check_date_format(date_format)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "unclosed group"),
        ("(?=a)", "look-around"),
        (r"(a)\1", "backreferences"),
        ("a{1000}{1000}", "size limit"),
        ("a" * 1001, "more than 1000 characters"),
    ],
)
def test_patterns_that_are_refused(pattern, says):
    with pytest.raises(ValueError, match=says):
        check_pattern(pattern)


def test_a_pattern_that_explodes_elsewhere_takes_linear_time():
    check_pattern("^(a+)+$")
    began = time.monotonic()
    assert not pl.Series(["a" * 100_000 + "b"]).str.contains("^(a+)+$").any()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", True),
        ("2026-01-31T09:30Z", True),
        ("2026-01-31 09:30", True),
        ("2026-02-30", False),
        ("20260131", False),
        ("31/01/2026", False),
        ("2026-01-31x", False),
    ],
)
def test_is_iso_date(text, expected):
    assert is_iso_date(text) is expected


@pytest.mark.parametrize(
    ("name", "glob", "expected"),
    [
        ("Owner", " owner ", True),
        ("Owner", "own", False),
        ("Internal: Owner", "internal*", True),
        ("Owner ID", "* id", True),
        ("a-b-c", "a*b*c", True),
        ("ab", "ab*b", False),
        ("aba", "ab*ba", False),
        ("", "*", True),
        ("x.y", "x?y", False),
        ("[x]", "[x]", True),
    ],
)
def test_fits_glob(name, glob, expected):
    assert fits_glob(name, glob) is expected


@given(st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=4), st.data())
def test_a_glob_fits_whatever_stands_for_its_stars(parts, data):
    fill = [data.draw(st.text("ab", max_size=3)) for _ in parts[1:]]
    name = parts[0] + "".join(x + y for x, y in zip(fill, parts[1:], strict=True))
    assert fits_glob(name, "*".join(parts))


def test_a_glob_of_many_stars_takes_linear_time():
    began = time.monotonic()
    assert not fits_glob("a" * 100_000, "*a" * 2000 + "b")
    assert time.monotonic() - began < 5

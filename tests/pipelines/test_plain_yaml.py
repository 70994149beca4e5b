"""Files as people write them, and as nobody should."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ConfigurationError
from pipelines.plain_yaml import MOST_BYTES, read_yaml, show_path

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def read(text):
    return read_yaml(text.encode(), "m.yaml").content


@pytest.mark.parametrize(
    "text",
    ["NO", "yes", "on", "1", "0x1F", "1_000", "1e3", ".inf", "2026-01-31", "12:30:45", "=", "07"],
)
def test_what_yaml_would_make_something_of_stays_text(text):
    assert read(f"a: {text}\n{text}: [{text}]") == {"a": text, text: [text]}


@pytest.mark.parametrize("text", ["~", "null", "Null", "NULL", ""])
def test_null_is_nothing_and_a_text_in_quotes_or_before_a_colon(text):
    assert read(f"a: {text}") == {"a": None}
    assert read(f"a: '{text}'") == {"a": text}
    assert read(f"'{text}': b") == {text: "b"}


def test_values_know_their_lines():
    document = read_yaml(b"# mine\na:\n  - b\n  -\n    c: |\n      d\ne: {f: g}\n", "m.yaml")
    assert document.content == {"a": ["b", {"c": "d\n"}], "e": {"f": "g"}}
    lines = {show_path(path): line for path, line in document.lines.items()}
    assert lines == {"": 2, "a": 2, "a[1]": 3, "a[2]": 5, "a[2].c": 5, "e": 7, "e.f": 7}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(LAUGHS, "line 1: anchors (&) and aliases (*) are not read", id="bomb"),
        pytest.param("a: *b", "line 1: anchors (&) and aliases (*) are not read", id="alias"),
        pytest.param("a: 1\nb:\n  c: 1\n  c: 2", "line 4: b.c stands here a second", id="twice"),
        pytest.param("a: !!python/object/apply:os.system [x]", "line 1: tags (!) are", id="python"),
        pytest.param("a: !!timestamp 2026-01-31", "line 1: tags (!) are not read", id="tag"),
        pytest.param("[" * 500_000, "line 1: lists and tables are nested too deep", id="deep"),
        pytest.param("{a: " * 200_000, "line 1: lists and tables are nested", id="deep-tables"),
        pytest.param("- " * 400_000, "line 1: lists and tables are nested", id="deep-block"),
        pytest.param("---\na: 1\n---\nb: 1", "line 3: a second document", id="documents"),
        pytest.param("? [a]\n: b", "line 1: a name is expected here", id="key"),
        pytest.param("a: b: c", "line 1: this is no YAML: mapping values", id="colon"),
        pytest.param("a: @b", "line 1: this is no YAML: while scanning", id="at"),
        pytest.param("\n\ta: b", "line 2: indent with spaces, not tabs.", id="tab"),
        pytest.param("a:\n  b:\n \tc: d", "line 3: indent with spaces", id="tab-behind-space"),
        pytest.param("a:\n  b: 1\n\tc: d", "line 3: indent with spaces", id="tab-behind-value"),
        pytest.param("a:\n-\tb: c\n", "line 2: indent with spaces, not", id="tab-behind-dash"),
        pytest.param("a: 1\n\u00e9:\n\tb: 2", "line 3: indent with spaces", id="tab-later"),
        pytest.param("a: x\ty\nb: @", "line 2: this is no YAML", id="tab-elsewhere"),
        pytest.param('a: "b', "line 1: this is no YAML", id="quote"),
        pytest.param("a: \0", "m.yaml is no YAML: unacceptable character", id="nul"),
        pytest.param(b"a: b\nc: \xe9", "line 2: this is not UTF-8. Save", id="latin"),
        pytest.param("x: " + "y" * 10_000_000, "is larger than 1 MiB", id="large"),
    ],
)
def test_refused(content, says):
    began = time.monotonic()
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(content if isinstance(content, bytes) else content.encode(), "m.yaml")
    assert says in caught.value.message
    assert "m.yaml" in caught.value.message
    assert time.monotonic() - began < 5


def test_a_large_file_of_one_line_is_read_in_time():
    began = time.monotonic()
    text = "a: [" + "x, " * ((MOST_BYTES - 10) // 3) + "]"
    assert len(read(text)["a"]) == (MOST_BYTES - 10) // 3
    assert time.monotonic() - began < 20


# A next line (U+0085) is an end of line to YAML, but the writer leaves it as it is.
TEXTS = st.text(st.characters(exclude_characters="\x85"), max_size=8)
PLAIN = st.recursive(
    TEXTS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_is_read_back(value):
    document = yaml.safe_dump(value, allow_unicode=True, default_style=None)
    if "&" not in document:  # the writer's own aliases
        assert read_yaml(document.encode("utf-8", "surrogatepass"), "m").content == value


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_anything_is_read_or_refused(content):
    refused = None
    try:
        read_yaml(content, "m.yaml")
    except ConfigurationError as error:
        refused = error.message
    assert refused is None or refused.startswith("m.yaml")

"""The text of a mapping: what is read back is what was suggested, whatever the headers are."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from preset_support import PRESETS

from pipelines.suggesting.mapping_text import quote, write_mapping
from pipelines.suggesting.suggestion import SuggestedColumn, Suggestion
from schemas.mapping import AnyOf, ColumnRule, Condition, EndpointRule, Mapping


def read_back(text: str) -> Mapping:
    return Mapping.model_validate(yaml.safe_load(text))


def written(mapping: Mapping, *columns: SuggestedColumn) -> str:
    return write_mapping(Suggestion(mapping, columns), ("from a test",))


@pytest.mark.parametrize("name", PRESETS)
def test_preset_survives(name):
    assert read_back(written(PRESETS[name])) == PRESETS[name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EMAIL", "EMAIL"),
        ("Location.City", "Location.City"),
        ("First Name", '"First Name"'),
        ("no", '"no"'),
        ("NULL", '"NULL"'),
        ("1", '"1"'),
        ("", '""'),
        (' a: "b" # c ', '" a: \\"b\\" # c "'),
        ("back\\slash", '"back\\\\slash"'),
        ("line\nend\tand\x00nul", '"line\\x0aend\\x09and\\x00nul"'),
        ("\ufeff\u2028", '"\\ufeff\\u2028"'),
        ("Größe 👍", '"Größe 👍"'),
    ],
)
def test_quotes(text, expected):
    assert quote(text) == expected
    assert yaml.safe_load(quote(text)) == text


def test_what_is_told():
    mapping = Mapping(
        columns={"Location.City": ColumnRule(source=("Ort",))},
        endpoints=(
            EndpointRule(
                name="email",
                columns={"Address": ColumnRule(source=("Mail",))},
                where=(
                    Condition(column="Out", blank=True),
                    AnyOf(any_of=(Condition(column="In", one_of=("ja", "yes")),)),
                ),
            ),
        ),
        ignore=("Intern*",),
    )
    columns = (
        SuggestedColumn("Ort", "Location.City", "high", "the header says city"),
        SuggestedColumn("Note: a", None, None, "is empty in the sample"),
        SuggestedColumn("Intern 1", None, "high", "the preset leaves it out"),
    )
    assert written(mapping, *columns) == (
        "# from a test\n"
        "keep_canonical: true\n"
        "columns:\n"
        "  # high: the header says city\n"
        "  Location.City: Ort\n"
        "endpoints:\n"
        "  - name: email\n"
        "    columns:\n"
        "      Address: Mail\n"
        "    where:\n"
        "      - {column: Out, blank: true}\n"
        "      - any_of:\n"
        '          - {column: In, one_of: [ja, "yes"]}\n'
        "ignore:\n"
        '  - "Intern*"\n'
        "\n"
        "# Left open. Give each a line under columns, or name it under ignore:\n"
        '#   "Note: a": is empty in the sample\n'
    )


def test_rule_of_two_columns_has_its_comment_once():
    rule = ColumnRule(source=("Mobile", "Phone"))
    columns = [SuggestedColumn(name, "Address", "high", "by the preset") for name in rule.columns]
    text = written(Mapping(columns={"Address": rule}), *columns)
    assert text.count("# high: by the preset\n") == 1


HEADERS = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from(
        [" lead", 'say "hi"', "a: b", "# c", "👍🏽", "- x", "{a}", "*", "&x", "!t", "|"]
    ),
    st.sampled_from(["null", "~", "true", "No", "1e3", "0x1", "2026-01-31", "=", "<<", "a\x85b"]),
)
RULES = st.one_of(
    st.builds(lambda h: ColumnRule(source=(h,)), HEADERS),
    st.builds(lambda a, b: ColumnRule(source=(a, b), optional=True), HEADERS, HEADERS),
    st.builds(lambda h: ColumnRule(constant=h), HEADERS),
    st.builds(
        lambda h, v: ColumnRule(source=(h,), values=v, otherwise="error"),
        HEADERS,
        st.dictionaries(HEADERS.filter(str.strip), st.one_of(st.none(), HEADERS)),
    ),
)
CONDITIONS = st.one_of(
    st.builds(lambda h, b: Condition(column=h, blank=b), HEADERS, st.booleans()),
    st.builds(lambda h, t: Condition(column=h, one_of=(t, t)), HEADERS, HEADERS),
    st.builds(
        lambda h: AnyOf(any_of=(Condition(column=h, at_least=1.5), Condition(column=h, equals=h))),
        HEADERS,
    ),
)


@given(
    st.lists(RULES, max_size=4),
    st.lists(CONDITIONS, max_size=3),
    st.lists(HEADERS, max_size=3),
    st.text(),
)
def test_any_text_survives(rules, where, ignore, why):
    columns = {f"Attributes.{number}": rule for number, rule in enumerate(rules)}
    endpoint = EndpointRule(name="email", columns=columns, where=tuple(where))
    mapping = Mapping(description=why, columns=columns, endpoints=(endpoint,), ignore=tuple(ignore))
    told = [SuggestedColumn(name, "Attributes.0", "low", why) for name in ignore]
    told += [SuggestedColumn(rule.source[0], "x", "low", why) for rule in rules if rule.source]
    told.append(SuggestedColumn(why, None, None, why))
    assert read_back(written(mapping, *told)) == mapping

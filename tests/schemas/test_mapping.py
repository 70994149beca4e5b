"""The model of a mapping file, its JSON Schema, and that docs/mapping.md tells all of it."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.mapping_files import read_mapping
from schemas.columns import SCALAR_COLUMNS
from schemas.mapping import (
    NEVER_CLEARED,
    AnyOf,
    ColumnRule,
    Condition,
    EndpointRule,
    Mapping,
)

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "mapping.md").read_text(encoding="utf-8")
MODELS = (Mapping, EndpointRule, ColumnRule, Condition, AnyOf)
FIELDS = sorted({f.alias or name for model in MODELS for name, f in model.model_fields.items()})
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def refusal(**mapping):
    with pytest.raises(ValidationError) as caught:
        Mapping.model_validate(mapping)
    return str(caught.value)


def rule(**given):
    return {"columns": {"Attributes.A": {"from": "a", **given}}}


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"columns": {"Attributes.A": {}}}, "exactly one of `from`, `template` and `constant`"),
        (rule(constant="x"), "exactly one of `from`, `template` and `constant`"),
        ({"columns": {"Attributes.A": []}}, "at least 1 item"),
        ({"columns": {"Attributes.A": {"template": "{a"}}}, "without its other one"),
        (rule(otherwise="error"), "values that `values` does not name"),
        (rule(default="x", blank="clear"), "there is always a value"),
        (rule(values={" ": "x"}), "for `default` to fill"),
        (rule(split=""), "at least 1 character"),
        (rule(date_format=["%Y", "%Q"]), "%Q, which is not known"),
        (rule(timezone="Berlin"), "no name of the tz database"),
        (rule(phone_region="DE"), "is for Address"),
        ({"columns": {"Address": {"from": "a", "phone_region": "Germany"}}}, "two-letter code"),
        ({"columns": {"Metrics.M": {"from": "a", "split": ","}}}, "only attributes hold several"),
        ({"columns": {"Location.City": {"from": "a", "collect": True}}}, "only attributes hold"),
        ({"columns": {"Attributes." + "x" * 51: "a"}}, "50 characters at the most"),
        ({"columns": {"attributes.A": "a"}}, "write Attributes.A"),
        ({"columns": {"Location.Citty": "a"}}, "Location.City is near it"),
        ({"endpoints": [{"name": "a", "columns": {"Adress": "a"}}]}, "Address is near it"),
        ({"columns": {"Metrics.M": {"from": "a", "blank": "clear"}}}, "cannot be cleared"),
        ({"endpoints": [{"name": "a", "columns": {}}] * 2}, "two endpoints have this name"),
        ({"endpoints": [{"name": f"e{n}", "columns": {}} for n in range(17)]}, "at most 16"),
        (
            {"columns": {"Id": "a"}, "endpoints": [{"name": n, "columns": {}} for n in "ab"]},
            "would have one Id",
        ),
        (
            {"endpoints": [{"name": n, "columns": {"Id": "a"}} for n in "ab"]},
            "would have one Id",
        ),
        ({"columns": {"OptOut": {"from": "a", "case": "upper"}}}, "would make NONE, a consent"),
        ({"where": [{"column": "a"}]}, "compare in exactly one way"),
        ({"where": [{"column": "a", "equals": "x", "blank": False}]}, "exactly one way"),
        ({"where": [{"column": "a", "equals": " "}]}, "ask with `blank: true`"),
        ({"where": [{"column": "a", "one_of": ["No", " "]}]}, "a condition `blank: true`"),
        ({"where": [{"column": "a", "one_of": ""}]}, "a condition `blank: true`"),
        ({"where": [{"column": "a", "none_of": ["", "x"]}]}, "`blank: false`"),
        ({"where": [{"column": "a", "at_least": "soon"}]}, "neither a number nor a date"),
        ({"where": [{"column": "a", "at_most": "1e999"}]}, "too large a number"),
        ({"where": [{"any_of": []}]}, "at least 1 item"),
        ({"colour": "blue"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_work_is_refused(mapping, says):
    assert says in refusal(**mapping)


@pytest.mark.parametrize("target", sorted(NEVER_CLEARED))
def test_columns_that_keep_their_value_cannot_be_cleared(target):
    assert target in SCALAR_COLUMNS
    assert "cannot be cleared" in refusal(columns={target: {"from": "a", "blank": "clear"}})


def test_endpoints_may_have_ids_of_their_own():
    ids = [{"template": f"{{a}}-{n}"} for n in range(2)]
    rules = [{"name": f"e{n}", "columns": {"Id": i}} for n, i in enumerate(ids)]
    assert len(Mapping.model_validate({"endpoints": rules}).endpoints) == 2


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_mapping_is_the_same_again_as_it_is_written(block):
    mapping = read_mapping(block.encode(), "docs/mapping.md")
    written = json.loads(json.dumps(mapping.as_written()))
    assert Mapping.model_validate(written) == mapping


def test_the_guide_has_examples():
    assert len(BLOCKS) > 12


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_in_the_guide(field):
    assert f"`{field}`" in GUIDE
    assert any(re.search(rf"\b{field}:", block) for block in BLOCKS)


def test_the_schema_for_editors_is_that_of_the_model():
    """If this fails: write `schema` to the file, as below."""
    schema = Mapping.model_json_schema(by_alias=True)
    path = DOCS / "mapping.schema.json"
    assert path.read_text(encoding="utf-8") == json.dumps(schema, indent=2) + "\n"


def test_editors_are_told_of_short_forms():
    schema = Mapping.model_json_schema(by_alias=True)
    kinds = schema["properties"]["columns"]["additionalProperties"]["anyOf"]
    assert [kind.get("type", kind.get("$ref")) for kind in kinds] == [
        ["string", "number", "boolean"],
        "array",
        "#/$defs/ColumnRule",
    ]

"""The schema that Prefect makes of the settings, and by which it judges what a run is given."""

from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError, validate

from pipelines.flows import import_endpoints
from pipelines.settings import ImportSettings
from pipelines.settings_form import ORDER

SCHEMA = parameter_schema(import_endpoints).model_dump_for_openapi()
FIELDS: dict[str, Any] = SCHEMA["definitions"]["ImportSettings"]["properties"]


def judge(**settings: Any) -> None:
    """Judge settings as Prefect's API does when a run of a deployment is made."""
    given = {"settings": {"sources": ["a.csv"], **settings}}
    validate(given, SCHEMA, raise_on_error=True, preprocess=True)


def test_order_names_settings() -> None:
    assert set(ORDER) <= set(ImportSettings.model_fields)
    assert len(set(ORDER)) == len(ORDER)


def test_form_begins_with_what_every_run_says() -> None:
    shown = sorted(FIELDS, key=lambda name: FIELDS[name]["position"])
    assert shown[:3] == ["sources", "application_id", "feed"]


@pytest.mark.parametrize("name", FIELDS)
def test_field_says_what_it_is(name: str) -> None:
    field = FIELDS[name]
    assert field["title"][0].isupper()
    assert field["description"]
    assert "\n" not in field["description"]


def test_optional_field_has_one_input() -> None:
    choices = [name for name, field in FIELDS.items() if "anyOf" in field]
    assert choices == ["default_channel"]  # a list of values, or none
    assert FIELDS["application_id"]["title"] == "Application ID"
    assert FIELDS["rate"]["exclusiveMinimum"] == 0


def test_optional_setting_may_be_null() -> None:
    optional = [
        name for name, field in ImportSettings.model_fields.items() if field.default is None
    ]
    assert len(optional) > 10
    judge(**dict.fromkeys(optional))


@pytest.mark.parametrize("text", ["5%", "2.5 %", "100", "0"])
def test_threshold_is_taken(text: str) -> None:
    judge(max_invalid=text, max_shrink=text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_invalid": "many"},
        {"max_opt_ins": ""},
        {"rate": 0},
        {"max_in_flight": 65},
        {"sync_mode": "all"},
        {"colour": "blue"},
        {"sources": []},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_before_a_run_is_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        judge(**wrong)

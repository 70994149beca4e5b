"""Presets: each is a mapping, fits its vendor's header, and opts nobody in."""

import re

import pytest
import yaml
from preset_support import PRESETS, ROOT, SAMPLES, read_records

from pipelines.suggesting.recognizing import is_ignored, mentioned_columns, required_columns
from schemas.mapping import Mapping

FILES = sorted((ROOT / "pipelines/presets").glob("*.yaml"))
OWN_COLUMNS = {"Favorite Color", "Loyalty Tier", "Plan", "favorite_team"}
"""What the samples have beyond the vendor's own columns, as exports have."""
OPTING_IN = {("braze", "opted_in")}
"""The only state of a vendor that means an agreement."""


def all_rules(preset: Mapping):
    return [preset.columns, *(endpoint.columns for endpoint in preset.endpoints)]


def test_all_presets_are_there():
    assert list(PRESETS) == [
        *("braze", "hubspot", "klaviyo", "mailchimp", "pinpoint-export", "pinpoint-import"),
        "salesforce",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_preset_is_a_mapping_that_says_where_its_headers_were_found(path):
    text = path.read_text(encoding="utf-8")
    assert Mapping.model_validate(yaml.safe_load(text)) == PRESETS[path.stem]
    assert PRESETS[path.stem].description
    top = text[: text.index("\ndescription:")]
    assert all(line.startswith("#") for line in top.splitlines())
    assert re.search(r"ound in.*\(2026-\d\d-\d\d\)|\(2026-\d\d-\d\d\)", top)


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_documented_column_by_column(name):
    text = (ROOT / "docs/presets.md").read_text(encoding="utf-8")
    part = text[text.index(f"\n## {name}\n") + 1 :]
    part = part[: part.find("\n## ")] if "\n## " in part else part
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", part, re.MULTILINE))
    mapped = {
        source
        for table in all_rules(PRESETS[name])
        for r in table.values()
        for source in r.source or ()
    }
    assert {source for source, becomes in rows.items() if "which of" not in becomes} == mapped
    for table in all_rules(PRESETS[name]):
        for target, rule in table.items():
            assert all(target in rows[source] for source in rule.source or ())


@pytest.mark.parametrize("name", PRESETS)
def test_preset_has_a_sample(name):
    assert name in {path.stem for path in SAMPLES}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_preset_fits_the_header_of_its_sample(path):
    preset = PRESETS[path.stem]
    header, records = read_records(path)
    assert len(records) == 10
    assert required_columns(preset) <= set(header)
    if preset.keep_canonical:
        return
    mentioned = mentioned_columns(preset)
    unknown = {
        name for name in header if name.casefold() not in mentioned and not is_ignored(name, preset)
    }
    assert unknown <= OWN_COLUMNS


@pytest.mark.parametrize("name", PRESETS)
def test_nothing_that_is_ignored_is_mapped(name):
    mentioned = mentioned_columns(PRESETS[name])
    assert [column for column in mentioned if is_ignored(column, PRESETS[name])] == []


@pytest.mark.parametrize("name", PRESETS)
def test_preset_opts_nobody_in(name):
    rules = [table["OptOut"] for table in all_rules(PRESETS[name]) if "OptOut" in table]
    assert all(rule.constant in (None, "ALL") and rule.default is None for rule in rules)
    for rule in rules:
        values = rule.values or {}
        opting_in = {(name, value) for value, becomes in values.items() if becomes == "NONE"}
        assert opting_in <= OPTING_IN
        # A word that nobody thought of must not pass for an agreement.
        assert rule.constant is not None or rule.otherwise == "error"


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"pinpoint-import", "pinpoint-export"}))
def test_e_mail_and_phone_are_endpoints_of_one_user(name):
    preset = PRESETS[name]
    channels = {
        rule.constant
        for table in all_rules(preset)
        for target, rule in table.items()
        if target == "ChannelType"
    }
    assert channels == {"EMAIL", "SMS"}
    assert "User.UserId" in preset.columns
    assert "Id" not in preset.columns  # made of channel and address, so different for each


@pytest.mark.parametrize("name", PRESETS)
def test_columns_that_exports_may_lack_are_optional(name):
    """Only what every export of the vendor has is needed."""
    needed = {
        "hubspot": {"Email", "Unsubscribed from all email"},
        "klaviyo": {"Email", "Email Marketing Consent", "Email Suppressions"},
        "mailchimp": {"Email Address"},
        "salesforce": {"Email"},
    }
    assert required_columns(PRESETS[name]) == needed.get(name, set())


@pytest.mark.parametrize("name", ["hubspot", "klaviyo", "salesforce"])
def test_booleans_of_excel_in_other_languages_are_known(name):
    """A language's true and false mean what the English ones mean."""
    for rule in [table["OptOut"] for table in all_rules(PRESETS[name]) if "OptOut" in table]:
        values = {word.lower(): becomes for word, becomes in (rule.values or {}).items()}
        if not values:
            continue
        for word in ("wahr", "vrai", "verdadero", "vero", "verdadeiro", "waar"):
            assert values[word] == values["true"]
        for word in ("falsch", "faux", "falso", "onwaar"):
            assert values[word] == values["false"]

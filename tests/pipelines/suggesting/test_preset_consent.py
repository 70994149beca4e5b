"""Consent of a preset: what an export spells otherwise, or says besides, is not lost."""

import pytest
from preset_support import PRESETS, SAMPLES, as_frame, read_records

from pipelines.suggesting.suggest import suggest
from pipelines.suggesting.suggestion import Suggestion

OWN = "Unsubscribed from all email"


def suggest_with(vendor: str, columns: dict[str, list[str]], without: str = "") -> Suggestion:
    """Suggest for the sample of a vendor with further columns, whose values repeat."""
    header, records = read_records(next(path for path in SAMPLES if path.stem == vendor))
    rows = [dict(zip(header, record, strict=True)) for record in records]
    header = [name for name in [*header, *columns] if name != without]
    for number, row in enumerate(rows):
        row |= {name: values[number % len(values)] for name, values in columns.items()}
    frame = as_frame(len(header), [[row[name] for name in header] for row in rows])
    return suggest(header, frame, PRESETS)


def opt_out(suggestion: Suggestion, endpoint: str):
    (rule,) = (e.columns for e in suggestion.mapping.endpoints if e.name == endpoint)
    return rule.get("OptOut")


def column(suggestion: Suggestion, header: str):
    (found,) = (column for column in suggestion.columns if column.header == header)
    return found


def test_another_spelling_of_the_consent_is_taken_and_told_first():
    found = suggest_with("hubspot", {"Unsubscribed from all emails": ["true", ""]}, without=OWN)
    assert found.preset == "hubspot"
    rule = opt_out(found, "email")
    assert (rule.source, rule.optional) == (("Unsubscribed from all emails",), False)
    assert rule.values["true"] == "ALL"
    assert found.warnings[0].startswith(
        f"The preset reads OptOut of email from a column {OWN}, which this source lacks"
    )
    assert "Taken instead: Unsubscribed from all emails." in found.warnings[0]


def test_consent_that_is_not_understood_is_named_and_the_mapping_needs_the_presets_own():
    found = suggest_with("hubspot", {"Unsubscribed from all emails": ["perhaps"]}, without=OWN)
    assert "It may be Unsubscribed from all emails: name it" in found.warnings[0]
    rule = opt_out(found, "email")
    assert (rule.source, rule.optional) == ((OWN,), False)


def test_export_without_any_consent_is_told():
    found = suggest_with("hubspot", {}, without=OWN)
    assert "whoever opted out could be written to. If another column" in found.warnings[0]
    found = suggest_with("salesforce", {}, without="Email Opt Out")
    assert "OptOut of email from a column Email Opt Out" in found.warnings[0]


def test_export_without_its_suppressions_is_recognized_and_told():
    found = suggest_with("klaviyo", {}, without="Email Suppressions")
    assert found.preset == "klaviyo"
    assert "The preset needs a column Email Suppressions" in " ".join(found.warnings)


def test_every_column_that_is_needed_is_told():
    found = suggest(["Klaviyo ID"], as_frame(1, [["k1"]]), PRESETS, preset="klaviyo")
    assert "from a column Email Marketing Consent, which" in found.warnings[0]
    assert [warning.partition(",")[0] for warning in found.warnings[1:]] == [
        "The preset needs a column Email", "The preset needs a column Email Suppressions"
    ]  # fmt: skip


def test_second_column_of_consent_is_added():
    header = "Opted out of email: One to One"
    found = suggest_with("hubspot", {header: ["ja", "nein"]})
    rule = opt_out(found, "email")
    assert (rule.source, rule.otherwise) == ((OWN, header), "error")
    assert (rule.values["ja"], rule.values["nein"], rule.values["true"]) == ("ALL", None, "ALL")
    assert opt_out(found, "mobile") is None
    told = column(found, header)
    assert (told.becomes, told.confidence) == ("OptOut of email", "medium")
    assert told.why == "to ALL: ja; to NONE: nothing; look whether it counts"
    assert found.warnings == ()


def test_consent_about_everything_is_added_to_each_endpoint():
    found = suggest_with("hubspot", {"Do not contact": ["yes", "no"]})
    assert opt_out(found, "email").source == (OWN, "Do not contact")
    assert opt_out(found, "mobile").source == ("Do not contact",)
    assert column(found, "Do not contact").becomes == "OptOut of email and mobile"


def test_endpoints_of_one_channel_are_found_by_the_channel():
    found = suggest_with("mailchimp", {"Do not email": ["yes", "no"]})
    assert opt_out(found, "email").source == ("Do not email",)
    assert opt_out(found, "email_cleaned").source == ("Do not email",)
    assert opt_out(found, "email_unsubscribed").constant == "ALL"


def test_words_that_mean_the_opposite_are_left_open():
    found = suggest_with("hubspot", {"Email opt in": ["true", "false"]})
    assert opt_out(found, "email") == PRESETS["hubspot"].endpoints[0].columns["OptOut"]
    assert "mean something else in the preset's OptOut" in column(found, "Email opt in").why


def test_a_date_of_refusing_is_left_open():
    found = suggest_with("hubspot", {"Unsubscribed at": ["2026-01-31", ""]})
    assert column(found, "Unsubscribed at").becomes is None
    assert "an endpoint of their own" in column(found, "Unsubscribed at").why


@pytest.mark.parametrize(
    ("word", "shown"), [("jein", "'jein'"), ("ana@example.com", "'a\u2022\u2022@example.com'")]
)
def test_word_that_the_preset_does_not_know_is_told(word, shown):
    header, records = read_records(next(path for path in SAMPLES if path.stem == "hubspot"))
    place = header.index(OWN)
    records = [[*r[:place], word, *r[place + 1 :]] for r in records]
    found = suggest(header, as_frame(len(header), records), PRESETS)
    assert found.warnings == (
        f"OptOut of the preset does not know what {shown} in the column {OWN} means: such rows "
        "are invalid. Add the word to its values.",
    )


def test_words_that_the_preset_knows_are_not_told():
    found = suggest_with("braze", {})
    assert found.warnings == ()

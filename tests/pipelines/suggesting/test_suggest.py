"""Suggestions: tables as people have them, and what becomes of every column."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preset_support import PRESETS, SAMPLES, as_frame, read_records

from pipelines.suggesting.suggest import suggest
from pipelines.suggesting.suggestion import Suggestion
from schemas.mapping import ColumnRule, Mapping

GERMAN = [
    ["Kundennummer", "Vorname", "Nachname", "E-Mail-Adresse", "Handynummer", "Land", "PLZ", "Ort",
     "Newsletter", "Abgemeldet am", "Kategorie", "Bemerkung", "Umsatz", "Passwort-Hash"],
    ["K1", "Ana", "Silva", "ana@example.com", "+49 1512 3456789", "Deutschland", "10115", "Berlin",
     "ja", "", "A", "", "12.5", "d41d8cd98f00b204e9800998ecf8427e"],
    ["K2", "Bo", "Ols", "bo@example.com", "", "Österreich", "1010", "Wien",
     "nein", "01.02.2026", "B", "", "7", "d41d8cd98f00b204e9800998ecf8427f"],
    ["K3", "Eva", "Gut", "eva@example.org", "+49 1512 3456780", "DE", "20095", "Hamburg",
     "ja", "", "A", "", "8", "d41d8cd98f00b204e9800998ecf84270"],
]  # fmt: skip


def suggest_for(header, *records, **options) -> Suggestion:
    return suggest(header, as_frame(len(header), [list(r) for r in records]), PRESETS, **options)


def becomes(suggestion: Suggestion) -> dict[str, str | None]:
    return {column.header: column.becomes for column in suggestion.columns}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_export_of_a_vendor_is_recognized(path):
    header, records = read_records(path)
    suggestion = suggest_for(header, *records)
    assert suggestion.preset == path.stem
    assert [column.header for column in suggestion.columns] == header
    preset, mapping = PRESETS[path.stem], suggestion.mapping
    assert (mapping.endpoints, mapping.ignore) == (preset.endpoints, preset.ignore)
    assert mapping.columns.items() >= preset.columns.items()


def test_custom_property_of_a_vendor_is_added():
    header, records = read_records(next(path for path in SAMPLES if path.stem == "salesforce"))
    suggestion = suggest_for(header, *records)
    assert becomes(suggestion)["Loyalty Tier"] == "Attributes.Loyalty Tier"
    assert suggestion.mapping.columns["Attributes.Loyalty Tier"] == ColumnRule(
        source=("Loyalty Tier",)
    )


def test_column_that_a_preset_misses_is_told():
    suggestion = suggest_for(["E-Mail", "Record ID"], ["ana@example.com", "1"], preset="hubspot")
    consent, address = suggestion.warnings
    assert consent.startswith("The preset reads OptOut of email from a column Unsubscribed from")
    assert address == "The preset needs a column Email, which this source calls otherwise."


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_without_its_preset_an_export_still_gives_addresses(path):
    header, records = read_records(path)
    suggestion = suggest_for(header, *records, preset="")
    assert suggestion.preset is None
    if suggestion.mapping.keep_canonical:
        return
    names = {endpoint.name for endpoint in suggestion.mapping.endpoints}
    assert {"email", "mobile"} <= names


def test_german_spreadsheet():
    suggestion = suggest_for(*GERMAN)
    assert suggestion.preset is None
    assert becomes(suggestion) == {
        "Kundennummer": "User.UserId",
        "Vorname": "User.UserAttributes.FirstName",
        "Nachname": "User.UserAttributes.LastName",
        "E-Mail-Adresse": "Address of email",
        "Handynummer": "Address of mobile",
        "Land": "Location.Country",
        "PLZ": "Location.PostalCode",
        "Ort": "Location.City",
        "Newsletter": "OptOut of email",
        "Abgemeldet am": "OptOut of email and mobile",
        "Kategorie": "Attributes.Kategorie",
        "Bemerkung": None,
        "Umsatz": "Metrics.Umsatz",
        "Passwort-Hash": None,
    }
    assert [(c.header, c.why) for c in suggestion.left_open] == [
        ("Bemerkung", "is empty in the sample"),
        ("Passwort-Hash", "looks like a secret"),
    ]
    assert suggestion.mapping.columns["Location.Country"].values == {
        "Deutschland": "DE", "Österreich": "AT"
    }  # fmt: skip
    assert [endpoint.name for endpoint in suggestion.mapping.endpoints] == [
        "email", "email_opted_out", "mobile", "mobile_opted_out"
    ]  # fmt: skip
    confidences = {c.header: c.confidence for c in suggestion.columns}
    assert confidences["E-Mail-Adresse"] == confidences["Land"] == "high"
    assert confidences["Kategorie"] == "medium"


def test_nothing_useful():
    suggestion = suggest_for(["a", "b"], ["", "x" * 200], ["", "y" * 200])
    assert suggestion.mapping == Mapping(keep_canonical=False)
    assert [column.why for column in suggestion.left_open] == [
        "is empty in the sample", "has values of 200 characters; 100 are allowed"
    ]  # fmt: skip
    assert suggestion.warnings[0].startswith("No column of e-mail addresses or phone numbers")


def test_states_of_a_subscription_are_consent_whatever_the_header_says():
    header = ["Email", "Status"]
    suggestion = suggest_for(header, ["ana@example.com", "Subscribed"], ["b@x.org", "Unsubscribed"])
    (endpoint,) = suggestion.mapping.endpoints
    assert endpoint.columns["OptOut"].values == {"Unsubscribed": "ALL", "Subscribed": None}


def test_header_without_records_is_read_by_its_words():
    suggestion = suggest_for(["Email", "Mobile", "Country", "Colour", "Opt out"])
    assert becomes(suggestion) == {
        "Email": "Address of email", "Mobile": "Address of mobile", "Country": "Location.Country",
        "Colour": None, "Opt out": None,
    }  # fmt: skip
    assert {c.confidence for c in suggestion.columns} == {"medium", None}


def test_better_one_of_two_wins_and_the_other_is_told():
    header = ["Contact", "Email", "Phone", "Mobile"]
    record = ["ana@example.com", "ana@example.org", "+12065550190", "+12065550101"]
    suggestion = suggest_for(header, record, ["bo@example.com", "-", "+12065550191", ""])
    addresses = [e.columns["Address"].source for e in suggestion.mapping.endpoints]
    assert addresses == [("Contact",), ("Mobile",)]
    whys = {column.header: column.why for column in suggestion.left_open}
    assert whys == {
        "Email": "Contact is the better one for Address of email",
        "Phone": "Mobile is the better one for Address of mobile",
    }


def test_name_that_is_no_address_is_no_endpoint():
    suggestion = suggest_for(["Email", "Email Domain"], ["ana@example.com", "example.com"])
    assert becomes(suggestion) == {
        "Email": "Address of email", "Email Domain": "Attributes.Email Domain"
    }  # fmt: skip


def test_national_numbers_are_medium_until_the_country_is_given():
    header, record = ["Mobile"], ["(206) 555-0101"]
    (column,) = suggest_for(header, record).columns
    assert (column.becomes, column.confidence) == ("Address of mobile", "medium")
    assert "--default-country" in column.why
    (column,) = suggest_for(header, record, default_country="US").columns
    assert (column.becomes, column.confidence) == ("Address of mobile", "high")


@pytest.mark.parametrize(
    ("header", "values", "why"),
    [
        ("API key", ("k1", "k2"), "looks like a secret"),
        ("Session", ("d41d8cd98f00b204e9800998ecf8427e",) * 2, "looks like an internal id"),
        ("Sequence", tuple(str(n) for n in range(60)), "looks like an internal id"),
        ("Remark", tuple(f"text {n}" for n in range(60)), "60 different values in 60 rows"),
        ("Consent", ("perhaps", "yes"), "neither yes nor no"),
        ("Last IP address", ("192.0.2.1",), "looks like an internal value"),
        ("   ", ("x",), "has no name"),
        ("CohortId", ("7",), "is never imported"),
    ],
)
def test_why_a_column_is_left(header, values, why):
    (column,) = suggest_for([header], *([value] for value in values)).columns
    assert column.becomes is None
    assert why in column.why


def test_repeated_header_is_left_open():
    suggestion = suggest_for(["Email", "Note", "Note"], ["ana@example.com", "a", "b"])
    assert [c.why for c in suggestion.left_open] == [
        "several columns have this name: rename them"
    ] * 2


def test_without_a_number_of_the_person_what_is_known_stays_with_the_endpoint():
    suggestion = suggest_for(["Email", "First name"], ["ana@example.com", "Ana"])
    assert becomes(suggestion)["First name"] == "Attributes.FirstName"
    assert suggestion.warnings == (
        "No column numbers the people: what is known of a person is kept with each endpoint.",
    )


def test_names_of_pinpoint_are_taken_as_they_are():
    header = ["Id", "ChannelType", "Address", "E-mail", "Plan"]
    suggestion = suggest_for(header, ["a", "EMAIL", "ana@example.com", "ana@example.com", "Plus"])
    assert suggestion.preset == "pinpoint-import"
    assert becomes(suggestion) == {
        "Id": "Id", "ChannelType": "ChannelType", "Address": "Address", "E-mail": None,
        "Plan": "Attributes.Plan",
    }  # fmt: skip


def test_columns_that_are_looked_at_are_bounded(monkeypatch):
    monkeypatch.setattr("pipelines.suggesting.suggest.MOST_COLUMNS", 2)
    suggestion = suggest_for(["a", "b", "Email"], ["x", "y", "ana@example.com"])
    assert [column.why for column in suggestion.left_open] == [
        "is not looked at: it is behind the first 2"
    ]


def test_number_of_attributes_is_bounded():
    header = ["Email", *(f"Choice {n}" for n in range(300))]
    suggestion = suggest_for(header, ["ana@example.com", *(["a"] * 300)])
    assert len(suggestion.mapping.columns) == 250
    assert "the service keeps no more" in suggestion.left_open[-1].why


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["ana@example.com", "+12065550101", "yes", "no", "2026-01-31", "US", "12", ""]),
)
NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["Email", "Phone", "Id", "Opt out", "Newsletter", "Tags", "Country", "Lat"]),
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_column_is_decided_or_left_open_and_nobody_is_opted_in(data):
    header = data.draw(st.lists(NAMES, min_size=1, max_size=6))
    records = data.draw(st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header))))
    suggestion = suggest_for(header, *records)
    assert [column.header for column in suggestion.columns] == header
    assert all(column.why for column in suggestion.columns)
    assert '"NONE"' not in suggestion.mapping.model_dump_json()


@pytest.mark.parametrize(
    "header",
    ["Not subscribed", "No consent", "Not opted out", "Kein Newsletter", "Opt out (0=out, 1=in)"],
)
def test_consent_that_may_be_meant_the_other_way_round_is_left_open(header):
    records = [["ana@example.com", "1"], ["bo@example.com", "0"]]
    suggestion = suggest_for(["Email", header], *records, preset="")
    assert becomes(suggestion)[header] is None
    assert all("OptOut" not in rule.columns for rule in suggestion.mapping.endpoints)


@pytest.mark.parametrize("header", ["No marketing", "Do not contact (mail)", "Keine Werbung"])
def test_a_phrase_that_says_no_is_known_as_such(header):
    records = [["ana@example.com", "1"], ["bo@example.com", "0"]]
    suggestion = suggest_for(["Email", header], *records, preset="")
    (rule,) = suggestion.mapping.endpoints
    assert rule.columns["OptOut"].values == {"1": "ALL", "0": None}


MOBILES = [f"0151 234567{n:02}" for n in range(60)]


@pytest.mark.parametrize(("full", "country"), [("Mobiltelefonnummer", None), ("Nummer 2", "DE")])
def test_empty_column_never_wins_over_one_with_values(full, country):
    header = ["E-Mail", "Mobilnummer", "Vorname", "Vorname kurz", full]
    records = [[f"a{n}@example.com", "", "", "Ana", mobile] for n, mobile in enumerate(MOBILES)]
    suggestion = suggest_for(header, *records, default_country=country)
    mobile = suggestion.mapping.endpoints[1]
    assert mobile.columns["Address"].source == (full,)
    assert becomes(suggestion)["Mobilnummer"] is None
    assert suggestion.mapping.columns["Attributes.FirstName"].source == ("Vorname kurz",)


def test_numbers_without_a_country_are_told_to_be_numbers():
    (column,) = suggest_for(["Nummer 2"], *([mobile] for mobile in MOBILES)).columns
    assert column.why == "looks like phone numbers without a country: give --default-country"


def test_addresses_among_something_else_are_not_called_different_values():
    values = [f"a{n}@example.com" for n in range(80)] + [f"a{n}" for n in range(40)]
    (column,) = suggest_for(["Login"], *([value] for value in values)).columns
    assert (column.becomes, column.confidence) == ("Address of email", "low")
    assert column.why == "66 % of the values are e-mail addresses"


def test_number_of_the_person_that_often_is_an_address_stays_one():
    values = [f"a{n}@example.com" for n in range(80)] + [f"a{n}" for n in range(40)]
    (column,) = suggest_for(["Customer ID"], *([value] for value in values)).columns
    assert column.becomes == "User.UserId"


def test_choices_in_one_cell_are_split():
    products = ["Tea", "Coffee", "Milk", "Juice", "Water"]
    cells = [";".join(products[i] for i in range(5) if bits >> i & 1) for bits in range(1, 32)]
    cells += [";".join(reversed(cell.split(";"))) for cell in cells if ";" in cell]
    suggestion = suggest_for(["Favorite Products"], *([cell] for cell in cells))
    assert suggestion.mapping.columns["Attributes.Favorite Products"].split == ";"
    (column,) = suggestion.columns
    assert (column.confidence, column.why) == (
        "medium", "cells hold several of 5 values, apart by ;"
    )  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [
        ("Berlin, Germany", "Paris, France", "Lyon, France"),
        ("12,5", "13,5", "12,6"),
        ('["Tea","Coffee"]', '["Tea"]', '["Coffee","Tea"]'),
        ("Doe, Ana", "Doe, Bo"),
    ],
)
def test_one_value_with_a_comma_is_not_split(values):
    suggestion = suggest_for(["Thing"], *([value] for value in values))
    assert all(rule.split is None for rule in suggestion.mapping.columns.values())


def test_numbers_with_a_decimal_comma_are_a_metric():
    suggestion = suggest_for(["Umsatz"], ["1.234,50"], ["12,5"], ["7,25"], ["3"])
    assert becomes(suggestion) == {"Umsatz": "Metrics.Umsatz"}


def test_notes_are_left_open_though_few():
    suggestion = suggest_for(["Internal Notes"], ["called twice"], ["nice"])
    assert [column.why for column in suggestion.left_open] == [
        "looks like notes, which are written freely"
    ]


def test_only_words_of_the_sample_are_told_and_e_mails_are_e_mail():
    header = ["E-Mail", "Handynummer", "Von allen E-Mails abgemeldet"]
    number = "+49 1512 3456789"
    suggestion = suggest_for(
        header, ["ana@example.com", number, "ja"], ["bo@example.com", number, "nein"]
    )
    column = suggestion.columns[2]
    assert (column.becomes, column.why) == ("OptOut of email", "to ALL: ja; to NONE: nothing")
    suggestion = suggest_for(["E-Mail", "Einwilligung"], ["ana@example.com", "ja"])
    assert suggestion.columns[1].why == "to ALL: no value of the sample; to NONE: nothing"

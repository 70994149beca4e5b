import polars as pl
import pytest

from pipelines.steps.suggest_repairs import suggest_repairs
from schemas.issues import ISSUE_KINDS
from schemas.repairs import REPAIRS

SCHEMA = dict.fromkeys(("code", "column", "value", "region"), pl.String)
CASES = [
    ("address.scientific_notation", "Address", "4.47946E+11", "GB", None),
    ("address.scientific_notation", "Address", "1.2065550100E+10", None, "+12065550100"),
    ("address.scientific_notation", "Address", "2.065550100E+09", "US", "+12065550100"),
    ("address.scientific_notation", "Address", "1.2001234567E+10", None, None),
    ("id.scientific_notation", "Id", "1.23457E+11", None, None),
    ("id.scientific_notation", "Id", "1.23456789012E+11", None, "123456789012"),
    ("user.id_scientific_notation", "User.UserId", "1,234567E+06", None, "1234567"),
    ("location.postal_code_scientific_notation", "Location.PostalCode", "1E+05", "US", None),
    ("address.plus_lost", "Address", "12065550100", None, "+12065550100"),
    ("address.zero_lost", "Address", "+39612345678", None, "+390612345678"),
    ("address.zero_lost", "Address", "123456789", "CI", "+2250123456789"),
    ("location.postal_code_zero_lost", "Location.PostalCode", "501", "US", "00501"),
    ("location.postal_code_zero_lost", "Location.PostalCode", "150", "NO", "0150"),
    ("effective_date.serial_number", "EffectiveDate", "46053", None, "2026-01-31"),
    ("effective_date.serial_number", "EffectiveDate", "46053.395833", None, "2026-01-31T09:30:00"),
    ("metric.not_a_number", "Metrics.M", "1,200", None, "1200"),
    ("metric.not_a_number", "Metrics.M", "n/a", None, None),
    ("metric.not_a_number", "Metrics.M", "$12.50", None, "12.50"),
    ("address.email_invalid", "Address", "ana@example,com", None, "ana@example.com"),
    ("address.email_invalid", "Address", "nobody", None, None),
    ("address.phone_invalid", "Address", "0012065550100", None, "+12065550100"),
    ("address.phone_invalid", "Address", "12", "US", None),
    ("effective_date.invalid", "EffectiveDate", "31.01.2026", None, "2026-01-31"),
    ("demographic.locale_invalid", "Demographic.Locale", "en_UK", None, "en_GB"),
    ("demographic.timezone_unknown", "Demographic.Timezone", "Berlin", None, "Europe/Berlin"),
    ("location.country_unknown", "Location.Country", "Germnay", None, "DE"),
    ("channel_type.unknown", "ChannelType", "EMIAL", None, "EMAIL"),
    ("endpoint_status.unknown", "EndpointStatus", "activ", None, "ACTIVE"),
    ("id.character_not_allowed", "Id", "{3F25}", None, "3F25"),
    ("text.control_character", "Location.City", "Ro\0me", None, "Rome"),
    ("text.mojibake", "Location.City", "MÃ¼nchen", None, "München"),
    ("text.mojibake", "Location.City", "MÃƒÂ¼nchen", None, "München"),
    ("text.mojibake", "Attributes.A", '["x","â‚¬ 5","Ã©"]', None, "€ 5; é"),
    ("text.mojibake", "Attributes.A", "[Ã©", None, "[é"),
    ("text.spreadsheet_error", "Location.City", "#N/A", None, ""),
    ("text.spreadsheet_error", "OptOut", "#N/A", None, None),
    ("text.spreadsheet_error", "Address", "#N/A", None, None),
    ("text.spreadsheet_error", "Id", "#N/A", None, None),
    ("text.replacement_character", "Location.City", "M\ufffdnchen", None, None),
    ("opt_out.unknown", "OptOut", "yes", "US", None),
    ("record.malformed", None, "a,b", None, None),
]


def suggest(*rows):
    found = pl.DataFrame(list(rows), schema=SCHEMA, orient="row").with_columns(country="region")
    return suggest_repairs(found).to_list()


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_suggestion(case):
    *asked, suggestion = case
    assert suggest(asked) == [suggestion]


def test_each_suggestion_stands_with_its_issue():
    rows = [case[:4] for case in CASES] * 2
    assert suggest(*rows) == [case[4] for case in CASES] * 2


def test_the_country_of_a_phone_number_says_nothing_of_a_postal_code():
    case = ("location.postal_code_zero_lost", "Location.PostalCode", "150", "DE", "NO")
    found = pl.DataFrame([case], schema={**SCHEMA, "country": pl.String}, orient="row")
    assert suggest_repairs(found).to_list() == ["0150"]


def test_no_issues_have_no_suggestions():
    assert suggest() == []


def test_only_errors_have_repairs():
    assert {ISSUE_KINDS[code].severity for code in REPAIRS} == {"error"}
    assert set(REPAIRS) <= {code for code, *_ in CASES}

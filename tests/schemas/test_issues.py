import re

import pytest

from schemas import issues
from schemas.issues import ISSUE_KINDS, ISSUE_SCHEMA, IssueKind, Severity

KINDS = [pytest.param(kind, id=kind.code) for kind in ISSUE_KINDS.values()]


def test_every_kind_is_in_the_table_under_its_own_code():
    named = [value for value in vars(issues).values() if isinstance(value, IssueKind)]
    assert list(ISSUE_KINDS.values()) == named
    assert all(kind.code == code for code, kind in ISSUE_KINDS.items())


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_remedy_are_sentences(kind):
    assert re.fullmatch(r"[A-Z].*[.]", kind.text)
    assert re.fullmatch(r"[A-Z].*[.]", kind.remedy)
    assert kind.message == f"{kind.text} {kind.remedy}"


def test_codes_of_outcomes_are_no_issues():
    assert not {issues.DUPLICATE_ID, issues.SERVICE_REFUSED} & set(ISSUE_KINDS)


def test_severities_are_part_of_the_contract():
    warnings = {kind.code for kind in ISSUE_KINDS.values() if kind.severity is Severity.WARNING}
    assert warnings == {
        "column.unmapped",
        "address.token_not_hex",
        "address.shared",
        "opt_out.kept",
        "opt_out.column_missing",
        "effective_date.zone_missing",
        "effective_date.epoch_time",
        "attribute.name_discouraged",
        "user.id_missing",
        "user.endpoint_displaces",
        "number.format",
        "text.odd_space",
        "text.invisible_character",
        "text.quotes_removed",
    }


def test_columns_of_the_issue_file_are_part_of_the_contract():
    assert ISSUE_SCHEMA.names() == [
        *("source_file", "source_row", "endpoint_id", "column"),
        *("code", "severity", "value", "message", "suggestion"),
    ]

from schemas.outcomes import IMPORTED, OUTCOME_SCHEMA, TO_FIX, Outcome


def test_outcomes_are_part_of_the_contract():
    assert [outcome.value for outcome in Outcome] == [
        *("accepted", "unchanged", "invalid", "duplicate", "held", "rejected", "unprocessed")
    ]


def test_no_outcome_is_both_imported_and_to_fix():
    assert set(Outcome) > IMPORTED | TO_FIX
    assert not IMPORTED & TO_FIX


def test_columns_of_the_outcome_file_are_part_of_the_contract():
    assert OUTCOME_SCHEMA.names() == [
        *("source_file", "source_row", "endpoint_id", "outcome"),
        *("code", "message", "request_id"),
    ]

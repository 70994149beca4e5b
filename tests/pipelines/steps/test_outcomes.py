import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.errors import BooksError
from pipelines.steps.outcomes import (
    DELIVERY_SCHEMA,
    count_outcomes,
    settle_delivered,
    settle_partition,
    settle_refused,
)
from pipelines.steps.result import FOUND_SCHEMA
from schemas import issues
from schemas.outcomes import OUTCOME_SCHEMA, Outcome


def rows_of(*numbers):
    return pl.DataFrame(
        {"source_row": numbers, "endpoint_id": [f"e-{number}" for number in numbers]},
        schema={"source_row": pl.Int64, "endpoint_id": pl.String},
    )


def verdict(outcome, *numbers):
    return pl.DataFrame(
        {"source_row": numbers, "outcome": [outcome] * len(numbers)},
        schema={"source_row": pl.Int64, "outcome": pl.String},
    )


def found(*rows):
    return pl.DataFrame(rows, schema=FOUND_SCHEMA, orient="row")


def deliveries(*rows):
    return pl.DataFrame(rows, schema=DELIVERY_SCHEMA, orient="row")


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(st.integers(1, 60), st.none() | st.sampled_from(sorted(Outcome)), max_size=40)
)
def test_every_row_has_one_outcome_and_the_counts_add_up(fates):
    rows = rows_of(*fates)
    verdicts = [
        verdict(outcome, *(row for row, fate in fates.items() if fate == outcome))
        for outcome in Outcome
    ]
    outcomes = settle_partition(rows, verdicts, "list.csv")
    expected = [(row, fate or "unprocessed") for row, fate in fates.items()]
    assert outcomes.select("source_row", "outcome").rows() == expected
    counts = count_outcomes(outcomes)
    assert set(counts) == set(Outcome)
    assert sum(counts.values()) == len(fates)
    for outcome in Outcome:
        assert counts[outcome] == [fate for _, fate in expected].count(outcome)


@pytest.mark.parametrize(
    "verdicts",
    [
        pytest.param([verdict("accepted", 1), verdict("invalid", 1)], id="two-for-one-row"),
        pytest.param([verdict("accepted", 1, 1)], id="two-in-one-frame"),
        pytest.param([verdict("accepted", 1, 2, 3), verdict("held", 3)], id="two-for-the-last"),
        pytest.param([verdict("accepted", 4)], id="no-such-row"),
        pytest.param([verdict("accepted", None)], id="no-row"),
        pytest.param([verdict("accepted", 1, 1, 4)], id="both"),
    ],
)
def test_books_that_do_not_balance_are_an_error(verdicts):
    with pytest.raises(BooksError, match=r"list\.csv"):
        settle_partition(rows_of(1, 2, 3), verdicts, "list.csv")


def test_outcomes_have_the_shape_of_the_file():
    verdicts = [
        pl.DataFrame(
            {
                "source_row": pl.Series([2], dtype=pl.UInt32),
                "outcome": ["rejected"],
                "code": ["service.refused"],
                "message": ["Missing Address"],
                "request_id": ["r-1"],
            }
        ),
        verdict("accepted", 1),
    ]
    expected = pl.DataFrame(
        [
            ("list.csv", 1, "e-1", "accepted", None, None, None),
            ("list.csv", 2, "e-2", "rejected", "service.refused", "Missing Address", "r-1"),
            ("list.csv", 3, "e-3", "unprocessed", None, None, None),
        ],
        schema=OUTCOME_SCHEMA,
        orient="row",
    )
    assert_frame_equal(settle_partition(rows_of(1, 2, 3), verdicts, "list.csv"), expected)


def test_no_rows_have_no_outcomes():
    outcomes = settle_partition(rows_of(), [], "list.csv")
    assert_frame_equal(outcomes, OUTCOME_SCHEMA.to_frame())
    assert count_outcomes(outcomes) == dict.fromkeys(Outcome, 0)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param(found(), [], id="none"),
        pytest.param(found((1, "Address", "address.shared", "x")), [], id="warning"),
        pytest.param(found((None, "Note", "column.unmapped", "x")), [], id="whole-column"),
        pytest.param(
            found((1, "Address", "address.missing", None)), [(1, "address.missing")], id="error"
        ),
        pytest.param(
            found(
                (1, "A", "text.mojibake", None),
                (1, "B", "opt_out.unknown", None),
                (1, "C", "address.missing", None),
                (4, "A", "record.malformed", None),
            ),
            [(1, "opt_out.unknown"), (4, "record.malformed")],
            id="first-error-names-the-row",
        ),
    ],
)
def test_settle_refused(table, expected):
    refused = settle_refused(table)
    assert refused.select("source_row", "code").rows() == expected
    assert refused["outcome"].to_list() == ["invalid"] * len(expected)
    messages = [issues.ISSUE_KINDS[code].message for _, code in expected]
    assert refused["message"].to_list() == messages


def test_settle_delivered_spreads_answers_over_rows():
    sent = pl.DataFrame({"source_row": [3, 7, 8, 9]})
    answers = deliveries(
        (0, 2, "accepted", None, None, "r-1"),
        (2, 2, "unprocessed", None, None, None),
        (2, 3, "rejected", "service.refused", "Missing Address", "r-2"),
    )
    expected = [
        (3, "accepted", None, None, "r-1"),
        (7, "accepted", None, None, "r-1"),
        (8, "rejected", "service.refused", "Missing Address", "r-2"),
    ]
    assert settle_delivered(sent, answers).rows() == expected


@pytest.mark.parametrize(
    "answers",
    [deliveries(), deliveries((0, 0, "accepted", None, None, "r"))],
    ids=["none", "empty"],
)
def test_settle_delivered_without_answers(answers):
    assert settle_delivered(pl.DataFrame({"source_row": [3]}), answers).is_empty()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 5))
def test_each_sent_row_is_settled_once(sizes, unanswered):
    total = sum(sizes) + unanswered
    sent = pl.DataFrame({"source_row": range(100, 100 + 2 * total, 2)})
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    answers = deliveries(
        *(
            (start, start + size, "accepted", None, None, f"r-{start}")
            for start, size in zip(starts, sizes, strict=True)
        )
    )
    settled = settle_delivered(sent.cast(pl.Int64), answers)
    assert sorted(settled["source_row"]) == sent["source_row"].to_list()[: sum(sizes)]


def test_overlapping_answers_do_not_balance():
    sent = pl.DataFrame({"source_row": [1, 2, 3]})
    answers = deliveries((0, 2, "accepted", None, None, ""), (1, 3, "rejected", None, None, ""))
    with pytest.raises(BooksError):
        settle_partition(rows_of(1, 2, 3), [settle_delivered(sent, answers)], "list.csv")


def test_answer_for_more_than_was_sent_does_not_balance():
    settled = settle_delivered(
        pl.DataFrame({"source_row": [1]}), deliveries((0, 2, "accepted", None, None, ""))
    )
    with pytest.raises(BooksError):
        settle_partition(rows_of(1, 2, 3), [settled], "list.csv")

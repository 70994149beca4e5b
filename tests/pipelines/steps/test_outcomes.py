import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.errors import BooksError
from pipelines.steps.outcomes import (
    DELIVERY_SCHEMA,
    count_outcomes,
    fold_endpoints,
    name_endpoints,
    settle_delivered,
    settle_partition,
    settle_refused,
)
from pipelines.steps.result import FOUND_SCHEMA
from schemas import issues
from schemas.outcomes import ENDPOINT_OUTCOME_SCHEMA, OUTCOME_SCHEMA, WORST_FIRST, Outcome
from schemas.row_keys import MOST_ENDPOINTS


def rows_of(*numbers):
    return pl.DataFrame(
        {"row_key": numbers, "endpoint_id": [f"e-{number}" for number in numbers]},
        schema={"row_key": pl.Int64, "endpoint_id": pl.String},
    )


def verdict(outcome, *numbers):
    return pl.DataFrame(
        {"row_key": numbers, "outcome": [outcome] * len(numbers)},
        schema={"row_key": pl.Int64, "outcome": pl.String},
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
    assert outcomes.select("row_key", "outcome").rows() == expected
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


def key(row, endpoint=0):
    return row * MOST_ENDPOINTS + endpoint


def test_outcomes_have_the_shape_of_the_file():
    verdicts = [
        pl.DataFrame(
            {
                "row_key": pl.Series([key(2)], dtype=pl.UInt32),
                "outcome": ["rejected"],
                "code": ["service.refused"],
                "message": ["Missing Address"],
                "request_id": ["r-1"],
            }
        ),
        verdict("accepted", key(1)),
    ]
    ids = ["e-1", "e-2", "e-3"]
    rows = pl.DataFrame({"row_key": [key(1), key(2), key(3)], "endpoint_id": ids})
    expected = pl.DataFrame(
        [
            ("list.csv", 1, "e-1", "accepted", None, None, None),
            ("list.csv", 2, "e-2", "rejected", "service.refused", "Missing Address", "r-1"),
            ("list.csv", 3, "e-3", "unprocessed", None, None, None),
        ],
        schema=OUTCOME_SCHEMA,
        orient="row",
    )
    assert_frame_equal(
        fold_endpoints(settle_partition(rows, verdicts, "list.csv"), "list.csv"), expected
    )


@given(st.lists(st.lists(st.sampled_from(sorted(Outcome)), min_size=1, max_size=4), max_size=20))
def test_a_row_has_the_outcome_of_its_endpoint_that_fared_worst(fates):
    places = [
        (key(row, n), fate) for row, each in enumerate(fates, 1) for n, fate in enumerate(each)
    ]
    rows = rows_of(*(number for number, _ in places))
    verdicts = [verdict(fate, number) for number, fate in places]
    folded = fold_endpoints(settle_partition(rows, verdicts, "list.csv"), "list.csv")
    worst = [min(each, key=WORST_FIRST.index) for each in fates]
    assert folded.select("source_row", "outcome").rows() == list(enumerate(worst, 1))
    told = zip(folded["endpoint_id"], fates, worst, strict=True)
    for row, (endpoint_id, each, fate) in enumerate(told, 1):
        assert endpoint_id == f"e-{key(row, each.index(fate))}"


def test_endpoints_have_the_names_of_the_mapping():
    ids = ["e-1", "e-2", None]
    rows = pl.DataFrame({"row_key": [key(1), key(1, 1), key(2)], "endpoint_id": ids})
    verdicts = [verdict("accepted", key(1)), verdict("invalid", key(1, 1), key(2))]
    settled = settle_partition(rows, verdicts, "list.csv")
    named = name_endpoints(settled, "list.csv", ["email", "mobile"])
    assert named.schema == ENDPOINT_OUTCOME_SCHEMA
    assert named.select("source_row", "endpoint", "endpoint_id", "outcome").rows() == [
        (1, "email", "e-1", "accepted"),
        (1, "mobile", "e-2", "invalid"),
        (2, None, None, "invalid"),
    ]


def test_the_worst_of_all_outcomes_is_known():
    assert sorted(WORST_FIRST) == sorted(Outcome)


def test_no_rows_have_no_outcomes():
    outcomes = fold_endpoints(settle_partition(rows_of(), [], "list.csv"), "list.csv")
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
                (1, "A", "text.odd_space", None),
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
    assert refused.select("row_key", "code").rows() == expected
    assert refused["outcome"].to_list() == ["invalid"] * len(expected)
    messages = [issues.ISSUE_KINDS[code].message for _, code in expected]
    assert refused["message"].to_list() == messages


def test_settle_delivered_spreads_answers_over_rows():
    sent = pl.DataFrame({"row_key": [3, 7, 8, 9]})
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
    assert settle_delivered(pl.DataFrame({"row_key": [3]}), answers).is_empty()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 5))
def test_each_sent_row_is_settled_once(sizes, unanswered):
    total = sum(sizes) + unanswered
    sent = pl.DataFrame({"row_key": range(100, 100 + 2 * total, 2)})
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    answers = deliveries(
        *(
            (start, start + size, "accepted", None, None, f"r-{start}")
            for start, size in zip(starts, sizes, strict=True)
        )
    )
    settled = settle_delivered(sent.cast(pl.Int64), answers)
    assert sorted(settled["row_key"]) == sent["row_key"].to_list()[: sum(sizes)]


def test_overlapping_answers_do_not_balance():
    sent = pl.DataFrame({"row_key": [1, 2, 3]})
    answers = deliveries((0, 2, "accepted", None, None, ""), (1, 3, "rejected", None, None, ""))
    with pytest.raises(BooksError):
        settle_partition(rows_of(1, 2, 3), [settle_delivered(sent, answers)], "list.csv")


def test_answer_for_more_than_was_sent_does_not_balance():
    settled = settle_delivered(
        pl.DataFrame({"row_key": [1]}), deliveries((0, 2, "accepted", None, None, ""))
    )
    with pytest.raises(BooksError):
        settle_partition(rows_of(1, 2, 3), [settled], "list.csv")

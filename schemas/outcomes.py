"""Outcomes: each row of the input ends in exactly one of them."""

from enum import StrEnum

import polars as pl


class Outcome(StrEnum):
    """What became of a row. The docstrings of the members are the documentation's words."""

    ACCEPTED = "accepted"
    """The service answered 202 for a request that held the row."""
    UNCHANGED = "unchanged"
    """Not sent: the service already accepted exactly this content."""
    INVALID = "invalid"
    """Our rules refused the row before sending."""
    DUPLICATE = "duplicate"
    """Another row of this run with the same endpoint Id won."""
    HELD = "held"
    """A consent or safety guard kept the row back."""
    REJECTED = "rejected"
    """The service refused this very row."""
    UNPROCESSED = "unprocessed"
    """Never tried, or tried and never answered, because the run stopped."""


MEANINGS = {
    Outcome.ACCEPTED: "the service took it",
    Outcome.UNCHANGED: "not sent, the service has it already",
    Outcome.INVALID: "breaks a rule, was not sent",
    Outcome.DUPLICATE: "another row with the same Id won",
    Outcome.HELD: "kept back by a guard",
    Outcome.REJECTED: "the service refused it",
    Outcome.UNPROCESSED: "not sent, or sent and never answered",
}
"""What people are told that an outcome means."""

IMPORTED = frozenset({Outcome.ACCEPTED, Outcome.UNCHANGED})
"""Outcomes that leave nothing to do."""
TO_FIX = frozenset({Outcome.INVALID, Outcome.REJECTED})
"""Outcomes whose rows are written to errors.csv."""

WORST_FIRST = (
    Outcome.REJECTED,
    Outcome.INVALID,
    Outcome.HELD,
    Outcome.UNPROCESSED,
    Outcome.DUPLICATE,
    Outcome.ACCEPTED,
    Outcome.UNCHANGED,
)
"""A row that gives several endpoints has the outcome of the one that comes first here.

What is to be corrected comes before what is left to do: the corrected row sends all its endpoints.
"""
WORST_FIRST_UNSENT = (
    Outcome.INVALID,
    Outcome.HELD,
    Outcome.DUPLICATE,
    Outcome.UNPROCESSED,
    *(Outcome.REJECTED, Outcome.ACCEPTED, Outcome.UNCHANGED),
)
"""The same where nothing is to be sent: unprocessed stands for what would be accepted."""

OUTCOME_SCHEMA = pl.Schema(
    {
        "source_file": pl.String,
        "source_row": pl.Int64,
        "endpoint_id": pl.String,
        "outcome": pl.String,
        "code": pl.String,
        "message": pl.String,
        "request_id": pl.String,
    }
)
"""Columns of outcomes/part-*.parquet; `source_row` is 1-based over the records of its file."""
ENDPOINT_OUTCOME_SCHEMA = pl.Schema(
    {
        "source_file": pl.String,
        "source_row": pl.Int64,
        "endpoint": pl.String,
        "endpoint_id": pl.String,
        "outcome": pl.String,
        "code": pl.String,
        "message": pl.String,
        "request_id": pl.String,
    }
)
"""Columns of endpoints/part-*.parquet, which there is if a mapping makes several endpoints of a
row: a line for each of them, or for a row that gave none; `endpoint` is its
name in the mapping."""

"""Sync records: what the state is to remember of rows before they are sent, and after.

Works on the rows and the records of one range of hashes at a time. All frames that are given are
sorted by `key_hash`.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and by which run."""

    at: datetime
    run_id: str
    feed: int
    """Number of the feed that the run brings."""


def intend(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Give the records of rows that are about to be sent: their content is not known any more.

    Until it is known whether the service takes a row, the state is careful: an OptOut ALL or a status
    INACTIVE counts from now on, NONE and ACTIVE do not count yet.

    Args:
        rows: Those that are due, in the shape of `KEYED_SCHEMA`.
        known: Records of their Ids, and others, in the shape of `RECORD_SCHEMA`.

    Returns:
        In the shape of `RECORD_SCHEMA`.
    """
    raise NotImplementedError


def accept(rows: pl.DataFrame, known: pl.DataFrame, occasion: Occasion) -> pl.DataFrame:
    """Give the records of rows that the service took; what a row leaves out stays as it was.

    A row without a status activates its endpoint (API reference, Endpoint). See `intend` for the rest.
    """
    raise NotImplementedError


def join_feed(rows: pl.DataFrame, known: pl.DataFrame, occasion: Occasion) -> pl.DataFrame:
    """Give the records of rows that stand in a feed for the first time, though nothing is sent."""
    raise NotImplementedError


def find_gone(known: pl.DataFrame, present: pl.Series, feed: int) -> pl.DataFrame:
    """Give the records of this tool's endpoints that were in the feed and are in none any more.

    Those that are in another feed too are not gone.

    Args:
        known: In the shape of `RECORD_SCHEMA`.
        present: Ids that stand in the source, in lower case, valid or not.
        feed: Number of the feed.
    """
    raise NotImplementedError


def leave_feed(known: pl.DataFrame, present: pl.Series, feed: int) -> pl.DataFrame:
    """Give the records of endpoints that are gone from this feed and still in another one, without it."""
    raise NotImplementedError


def retire(gone: pl.DataFrame, policy: str, occasion: Occasion) -> pl.DataFrame:
    """Give the records of endpoints that were retired.

    They keep what was said of consent: also the record of a deleted endpoint stays, so that one
    that comes back is not opted in by that.
    """
    raise NotImplementedError

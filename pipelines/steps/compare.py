"""Compare: how rows stand to what the service last accepted, and which are held back.

Works on the rows and the records of one range of hashes at a time.
"""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class CompareParams:
    """What is allowed."""

    is_full_refresh: bool = False
    """Whether unchanged rows are sent too (they count as changed)."""
    may_opt_in: bool = False
    """Whether rows may undo an opt-out or activate an endpoint."""
    consenting: frozenset[int] = frozenset()
    """Numbers of the endpoints (`row_keys.endpoint_of`) whose OptOut the mapping takes from a column
    of the source: what that says is taken as consent."""
    activating: frozenset[int] = frozenset()
    """The same for EndpointStatus."""


def compare(rows: pl.DataFrame, known: pl.DataFrame, params: CompareParams) -> pl.DataFrame:
    """Say how each row stands.

    Args:
        rows: In the shape of `KEYED_SCHEMA`; an Id stands in them once.
        known: Records of their Ids, and others, in the shape of `RECORD_SCHEMA`.
        params: What is allowed.

    Returns:
        In the shape of `COMPARED_SCHEMA`, a line for each row, in their order.
    """
    raise NotImplementedError


def find_changed_columns(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Tell which columns of changed rows differ from what was last accepted.

    Returns:
        `partition row_key columns`: names of the columns (List(String)); an empty list where all
        known marks are equal, null where the record has no marks.
    """
    raise NotImplementedError

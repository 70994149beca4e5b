"""Row keys: one number for each endpoint of a partition, made of its record's number.

A record may give several endpoints (a contact with an e-mail address and a mobile phone). From the
mapping to the books each of them goes its own way, under a key of its own; in the order of the keys
they stand as in the file.
"""

from typing import Final

import polars as pl

MOST_ENDPOINTS: Final = 16
"""Endpoints that one record may give: the service keeps 15 of one user."""


def first_key(source_row: pl.Expr) -> pl.Expr:
    """Give the key of a record's first endpoint, which is also the record's own."""
    return source_row.cast(pl.Int64) * MOST_ENDPOINTS


def row_of(key: pl.Expr) -> pl.Expr:
    """Give the number of the record that an endpoint came from."""
    return key // MOST_ENDPOINTS


def endpoint_of(key: pl.Expr) -> pl.Expr:
    """Give which of its record's endpoints it is, from 0."""
    return key % MOST_ENDPOINTS

"""Fingerprint: hashes of rows that stay the same over years, machines and versions of libraries.

The sync state keeps these instead of values. xxh3 in 64 bits, by polars-hash: a row is only ever compared
with the row that had its Id before, so two contents are taken for one once in 10^19 changes.
"""

import polars as pl


def hash_ids(ids: pl.Series) -> pl.Series:
    """Hash Ids; those that differ only in case are the same endpoint."""
    raise NotImplementedError


def hash_items(items: pl.Series) -> pl.Series:
    """Hash encoded items; equal items give equal numbers in every version of this program."""
    raise NotImplementedError


def mark_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Hash what each column of valid rows, or of stored endpoints, holds.

    Args:
        frame: Rows with canonical columns; `row_key` and `Id` are left out.

    Returns:
        `layout marks` in the shape of `schemas.sync_records.CONTENT_SCHEMA`.
    """
    raise NotImplementedError

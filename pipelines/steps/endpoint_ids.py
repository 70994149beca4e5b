"""Endpoint Ids for rows that have none: made from channel and address, the same every time."""

import hashlib
import uuid

import polars as pl

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "endpoint-import:endpoint-id")
"""Part of the contract: another namespace would make every import add new endpoints."""


def derive_endpoint_ids(frame: pl.DataFrame) -> pl.Series:
    """Give the Id column with gaps filled by UUIDs (version 5) of channel and address.

    A row without channel or address keeps its gap: it is invalid for another reason.

    Args:
        frame: Normalized `Id`, `ChannelType` and `Address`; normalized, because two spellings of
            one phone number must give one Id.
    """
    ids = frame["Id"]
    if not ids.has_nulls():
        return ids
    names = frame.select(
        pl.when(pl.col("Id").is_null()).then(pl.concat_str("ChannelType", pl.lit(":"), "Address"))
    ).to_series()
    digests = pl.Series("Id", [_digest(name) for name in names.to_list()], dtype=pl.String)
    return frame.select(pl.col("Id").fill_null(_as_uuid(digests))).to_series()


def _digest(name: str | None) -> str | None:
    # uuid.uuid5 spends most of its time on building UUID objects: hash here, format in polars.
    if name is None:
        return None
    return hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).hexdigest()


def _as_uuid(digest: pl.Series) -> pl.Series:
    """Format SHA-1 digests as RFC 9562 version 5 UUIDs."""
    variant = digest.str.slice(16, 1).replace(
        {f"{digit:x}": f"{(digit & 0b0011) | 0b1000:x}" for digit in range(16)}
    )
    return (
        digest.str.slice(0, 8)
        + "-"
        + digest.str.slice(8, 4)
        + "-5"
        + digest.str.slice(13, 3)
        + "-"
        + variant
        + digest.str.slice(17, 3)
        + "-"
        + digest.str.slice(20, 12)
    )

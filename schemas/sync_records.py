"""Frames of the sync: records of the state, rows as they are compared with them, and verdicts."""

from typing import Final

import polars as pl

LAYOUT_SEPARATOR: Final = "\x1f"
"""Between the column names of a layout; no column name may hold it."""

CONTENT_SCHEMA: Final = pl.Schema(
    {
        "key_hash": pl.UInt64(),
        "content": pl.UInt64(),
        "layout": pl.String(),
        "marks": pl.List(pl.UInt32),
    }
)
"""What is kept of a row instead of its values (`steps.fingerprint`).

`key_hash` is of the Id in lower case, `content` of the whole encoded item. `layout` names the
columns, sorted and joined by `LAYOUT_SEPARATOR`, and `marks` has one hash for each of them, null
where nothing is sent.
"""

KEYED_SCHEMA: Final = pl.Schema(
    {
        "key_hash": pl.UInt64(),
        "partition": pl.Int64(),
        "row_key": pl.Int64(),
        "endpoint_id": pl.String(),
        "user_id": pl.String(),
        "opt_out": pl.String(),
        "status": pl.String(),
        "content": pl.UInt64(),
        "layout": pl.String(),
        "marks": pl.List(pl.UInt32),
    }
)
"""A row that could be sent, as it is compared with the state."""

COMPARED_SCHEMA: Final = pl.Schema(
    {
        "partition": pl.Int64(),
        "row_key": pl.Int64(),
        "standing": pl.UInt8(),
        "is_known_opt_in": pl.Boolean(),
        "takes_back": pl.Boolean(),
    }
)
"""How a row stands; `is_known_opt_in` where it says OptOut NONE and that was accepted before, so
that it need not be said again: whoever opted out at the service meanwhile stays so. `takes_back`
where a row that is due turns a known OptOut ALL into NONE, as it may."""

SOURCE: Final = "source"
MIRROR: Final = "mirror"
SERVICE: Final = "service"
"""Who said OptOut ALL."""

RECORD_SCHEMA: Final = pl.Schema(
    {
        "key_hash": pl.UInt64(),
        "endpoint_id": pl.String(),
        "user_id": pl.String(),
        "opt_out": pl.String(),
        "opt_out_by": pl.String(),
        "status": pl.String(),
        "content": pl.UInt64(),
        "layout": pl.String(),
        "marks": pl.List(pl.UInt32),
        "feeds": pl.UInt64(),
        "is_ours": pl.Boolean(),
        "retired": pl.String(),
        "accepted_at": pl.Datetime("ms", "UTC"),
        "run_id": pl.String(),
        "is_forgotten": pl.Boolean(),
    }
)
"""A record of the state.

`opt_out` and `status` are what was last said of them, never null again once said (the service
keeps what an update leaves out). `opt_out_by` tells who said ALL: `source`, `mirror`, or the
`service` itself, where it was asked; a column of the source can only take back what that said.
`content` is null where it is not known. `feeds` has a bit for each feed that the endpoint stands
in, by its number. `is_ours` is false for records that an export of the service gave. `retired` is
the policy by which it was retired, null while it is not; `status` is not changed by that, as an
endpoint that is INACTIVE for being gone may be activated when it is back. `accepted_at` and
`run_id` tell of the last 202, null if there was none since it was made: then it is not sure that it
is there. `is_forgotten` takes the record out of the state.
"""

"""Retire: what is sent of endpoints that are gone from the source."""

import polars as pl

from pipelines.steps.json_text import JsonText, join_members, write_strings
from schemas.sync import RetirePolicy

_OPT_OUT = JsonText(('"OptOut":"ALL"',), is_always=True)
_INACTIVE = '"EndpointStatus":"INACTIVE"'


def retire_items(gone: pl.DataFrame, policy: RetirePolicy) -> pl.Series:
    """Write the JSON of what retires each endpoint; the series is called `item`.

    An opt-out says INACTIVE of an endpoint that was set so, as any other update would activate it.

    Args:
        gone: Records in the shape of `RECORD_SCHEMA`.
        policy: What becomes of them. Items of `delete` are for a destination that takes deletes.
    """
    members = [write_strings("Id", gone["endpoint_id"])]
    if policy is RetirePolicy.OPTOUT:
        is_inactive = pl.col("status") == "INACTIVE"
        kept = pl.when(is_inactive).then(pl.lit(_INACTIVE))
        members += [_OPT_OUT, JsonText((kept,), is_always=False)]
    elif policy is RetirePolicy.INACTIVE:
        members.append(JsonText((_INACTIVE,), is_always=True))
    item = join_members(members).within("{", "}")
    return gone.select(item.as_expression().alias("item")).to_series()

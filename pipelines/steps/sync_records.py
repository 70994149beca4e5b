"""Sync records: what the state is to remember of rows before they are sent, and after.

Works on the rows and the records of one range of hashes at a time. Frames that are given back are
sorted by `key_hash`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from schemas.sync import RetirePolicy
from schemas.sync_records import MIRROR, RECORD_SCHEMA, SOURCE

_UNKNOWN = {name: pl.lit(None) for name in ("content", "layout", "marks")}
"""What is remembered of an endpoint of which it is not known what the service has."""
_UNCONFIRMED = {name: pl.lit(None) for name in ("accepted_at", "run_id")}


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and by which run."""

    at: datetime
    run_id: str
    feed: int
    """Number of the feed that the run brings."""


def intend(rows: pl.DataFrame, known: pl.DataFrame, occasion: Occasion) -> pl.DataFrame:
    """Give the records of rows that are about to be sent: their content is not known any more.

    Until it is known whether the service takes a row, the state is careful: an OptOut ALL or a
    status INACTIVE counts from now on, NONE and ACTIVE do not count yet. The endpoint stands in the
    feed if something of it was ever accepted: what was only tried may be somebody else's, and is
    not retired. That one was deleted shows in that nothing of it was accepted.

    Args:
        rows: Those that are due, in the shape of `KEYED_SCHEMA`.
        known: Records of their Ids, and others, in the shape of `RECORD_SCHEMA`.
        occasion: The run that sends them.

    Returns:
        In the shape of `RECORD_SCHEMA`.
    """
    is_deleted = pl.col("known_retired").eq_missing(RetirePolicy.DELETE.value)
    confirmed = {name: pl.when(~is_deleted).then(pl.col(f"known_{name}")) for name in _UNCONFIRMED}
    return _replace(
        _join_known(rows, known),
        {
            "user_id": pl.coalesce("user_id", "known_user_id"),
            "opt_out": _only_careful("opt_out", "ALL"),
            "opt_out_by": pl.when(_says_all()).then(pl.lit(SOURCE)).otherwise("known_opt_out_by"),
            "status": _only_careful("status", "INACTIVE"),
            **_UNKNOWN,
            "feeds": pl.when(pl.col("known_accepted_at").is_not_null())
            .then(_with_feed(pl.col("known_feeds"), occasion.feed))
            .otherwise(pl.col("known_feeds").fill_null(0)),
            "is_ours": pl.col("known_is_ours").fill_null(value=True),
            "retired": pl.lit(None),
            **confirmed,
        },
    )


def accept(rows: pl.DataFrame, known: pl.DataFrame, occasion: Occasion) -> pl.DataFrame:
    """Give the records of rows that the service took; what a row leaves out stays as it was.

    A row without a status activates its endpoint (API reference, Endpoint).

    Args:
        rows: Those that the service took, in the shape of `KEYED_SCHEMA`.
        known: Records of their Ids, and others, as they were before or after `intend`.
        occasion: The run that sent them.
    """
    return _replace(
        _join_known(rows, known),
        {
            "user_id": pl.coalesce("user_id", "known_user_id"),
            "opt_out": pl.coalesce("opt_out", "known_opt_out"),
            "opt_out_by": pl.when(_says_all())
            .then(pl.lit(SOURCE))
            .when(pl.col("opt_out").is_null())
            .then("known_opt_out_by"),
            "status": pl.col("status").fill_null("ACTIVE"),
            "feeds": _with_feed(pl.col("known_feeds").fill_null(0), occasion.feed),
            "is_ours": pl.lit(value=True),
            "retired": pl.lit(None),
            **_confirm(occasion),
        },
    )


def join_feed(rows: pl.DataFrame, known: pl.DataFrame, occasion: Occasion) -> pl.DataFrame:
    """Give the records of rows that stand in a feed for the first time, though nothing is sent."""
    others = known.filter(~pl.col("is_forgotten") & ~_is_in_feed(occasion.feed))
    present = rows.select(id_key=_fold("endpoint_id"))
    joined = others.join(present, left_on=_fold("endpoint_id"), right_on="id_key", how="semi")
    return _replace(joined, {"feeds": _with_feed(pl.col("feeds"), occasion.feed)})


def find_gone(known: pl.DataFrame, present: pl.Series, feed: int) -> pl.DataFrame:
    """Give the records of this tool's endpoints that were in the feed and are in none any more.

    Those that are in another feed too are not gone, and those that were retired already.

    Args:
        known: In the shape of `RECORD_SCHEMA`.
        present: Ids that stand in the source, in lower case, valid or not.
        feed: Number of the feed.
    """
    return _find_absent(known, present, feed).filter(_is_removable(feed)).sort("key_hash")


def leave_feed(known: pl.DataFrame, present: pl.Series, feed: int) -> pl.DataFrame:
    """Give the records of endpoints that are gone from this feed and not retired, without it.

    They are in another feed, or not this tool's.
    """
    left = _find_absent(known, present, feed).filter(~_is_removable(feed))
    return _replace(left, {"feeds": _without_feed(feed)})


def intend_to_retire(gone: pl.DataFrame, policy: str) -> pl.DataFrame:
    """Give the records of endpoints that are about to be retired, as carefully as `intend` does.

    One that comes back after a crash is due, whatever became of it; and as long as it is gone it is
    found so again.
    """
    deleted = _UNCONFIRMED if policy == RetirePolicy.DELETE else {}
    return _replace(gone, {**_opt_out_by(policy), **_UNKNOWN, **deleted})


def retire(gone: pl.DataFrame, policy: str, occasion: Occasion) -> pl.DataFrame:
    """Give the records of endpoints that were retired.

    They keep what was said of consent: also the record of a deleted endpoint stays, so that one
    that comes back is not opted in by that. `status` stays what it was before, which tells an
    endpoint that is INACTIVE only for being gone from one that was set so.
    """
    return _replace(
        gone,
        {
            **_opt_out_by(policy),
            **_UNKNOWN,
            "feeds": _without_feed(occasion.feed),
            "retired": pl.lit(policy),
            **_confirm(occasion),
        },
    )


def _fold(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase()


def _join_known(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Put its record beside each row, its members as `known_...`."""
    records = known.filter(~pl.col("is_forgotten")).select(
        _fold("endpoint_id").alias("id_key"),
        pl.exclude("key_hash", "endpoint_id").name.prefix("known_"),
    )
    return rows.with_columns(id_key=_fold("endpoint_id")).join(records, on="id_key", how="left")


def _replace(frame: pl.DataFrame, changed: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Make records of a frame, with some members changed."""
    members = {"is_forgotten": pl.lit(value=False), **changed}
    records = frame.with_columns(**members).select(RECORD_SCHEMA.names())
    return records.cast(RECORD_SCHEMA).sort("key_hash")


def _only_careful(name: str, careful: str) -> pl.Expr:
    is_said = (pl.col(name) == careful).fill_null(value=False)
    return pl.when(is_said).then(pl.lit(careful)).otherwise(f"known_{name}")


def _says_all() -> pl.Expr:
    return pl.col("opt_out").eq_missing("ALL")


def _opt_out_by(policy: str) -> dict[str, pl.Expr]:
    if policy != RetirePolicy.OPTOUT:
        return {}
    by = pl.when(_says_all()).then("opt_out_by").otherwise(pl.lit(MIRROR))
    return {"opt_out": pl.lit("ALL"), "opt_out_by": by}


def _confirm(occasion: Occasion) -> dict[str, pl.Expr]:
    return {"accepted_at": pl.lit(occasion.at), "run_id": pl.lit(occasion.run_id)}


def _bit(feed: int) -> pl.Expr:
    return pl.lit(1 << feed, pl.UInt64)


def _with_feed(feeds: pl.Expr, feed: int) -> pl.Expr:
    return feeds.cast(pl.UInt64) | _bit(feed)


def _without_feed(feed: int) -> pl.Expr:
    return pl.col("feeds") & ~_bit(feed)


def _is_in_feed(feed: int) -> pl.Expr:
    return (pl.col("feeds") & _bit(feed)) > 0


def _find_absent(known: pl.DataFrame, present: pl.Series, feed: int) -> pl.DataFrame:
    in_feed = known.filter(~pl.col("is_forgotten") & _is_in_feed(feed))
    ids = present.to_frame("id_key")
    return in_feed.join(ids, left_on=_fold("endpoint_id"), right_on="id_key", how="anti")


def _is_removable(feed: int) -> pl.Expr:
    return pl.col("is_ours") & pl.col("retired").is_null() & (pl.col("feeds") == _bit(feed))

"""Resolve: what can only be decided with the rows of the whole run side by side.

Works on the keys of valid rows, which are read partition by partition, a column or two at a time:
`row_key id_key channel_type address user_id effective_date`. Partitions are numbered in the
order of the input, so (partition, row_key) is file order.

Of every row only a hash is kept (8 bytes), of the few that share one with another row two hashes
and their place. That two different texts have equal pairs happens once in 10^20 runs of a billion
rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.steps.result import FOUND_SCHEMA, find_issues
from schemas import issues, limits
from schemas.channels import EVICTING_CHANNELS
from schemas.endpoint import DATE_FORMAT
from schemas.outcomes import Outcome
from schemas.row_keys import row_of

KEY_COLUMNS = (
    *("row_key", "id_key", "channel_type", "address", "user_id", "effective_date"),
    "opt_out",
)
"""What `resolve` needs of every valid row."""
DECISION_SCHEMA = pl.Schema(
    {
        "partition": pl.Int64,
        "row_key": pl.Int64,
        "outcome": pl.String,
        "code": pl.String,
        "winner_partition": pl.Int64,
        "winner_key": pl.Int64,
    }
)
"""A row that is not sent, and why; the row with the same Id that won, if it is a duplicate."""
RUN_ISSUE_SCHEMA = pl.Schema([("partition", pl.Int64()), *FOUND_SCHEMA.items()])
"""An issue as `resolve` finds it: as the other steps do, with its partition."""
MOST_CROWDED = 10
"""Users with many endpoints that are named."""
_ORDER = ("partition", "row_key")
_KEY = ("key", "check")

ReadKeys = Callable[[int, Sequence[str]], pl.DataFrame]
"""Gives some of the `KEY_COLUMNS` of a partition's valid rows, always in the same order."""


@dataclass(frozen=True, slots=True)
class UserCounts:
    """How many endpoints users have, without duplicates; those over the limit count, too."""

    by_endpoints: list[tuple[int, int]]
    """Numbers of endpoints, and how many users have so many."""
    most: list[tuple[str, int]]
    """Users with most endpoints, of those with more than one."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Decisions and issues of one run."""

    decisions: pl.DataFrame
    """Rows that are not sent, in the shape of `DECISION_SCHEMA`; a row stands here once."""
    issues: pl.DataFrame
    """Errors and warnings across rows, in the shape of `RUN_ISSUE_SCHEMA`."""
    opt_outs: pl.DataFrame
    """`partition` and `row_key` of rows that are sent with OptOut ALL, which a duplicate has."""
    users: UserCounts


@dataclass(frozen=True, slots=True)
class _Hashes:
    """What rows have in some columns."""

    parts: list[pl.Series]
    """Of each partition, in the order of its rows; null where the first column is."""
    ordered: pl.Series
    """All of them in order, without nulls."""


def resolve(partitions: Sequence[int], read_keys: ReadKeys) -> Resolution:
    """Decide duplicates, then look at shared addresses and endpoints per user among the winners.

    Args:
        partitions: Their numbers, in order.
        read_keys: Reads keys of one of them.
    """
    rows = _Rows(partitions, read_keys)
    duplicates, kept = find_duplicates(rows)
    rows.drop(duplicates)
    by_user = rows.hash(["user_id"])
    users = count_users(rows, by_user)
    over_limit = find_user_excess(rows, by_user)
    del by_user
    refused = over_limit.filter(pl.col("code") == issues.USER_ENDPOINTS_OVER.code)
    decisions = pl.concat([duplicates, _decide(refused, Outcome.INVALID, pl.col("code"))])
    rows.drop(decisions)
    kept = kept.join(decisions, on=_ORDER, how="anti", maintain_order="left")
    opted_out = _find(rows, kept, "OptOut", issues.OPT_OUT_KEPT, "opt_out")
    found = pl.concat([over_limit, find_shared_addresses(rows), opted_out])
    found = found.sort(*_ORDER, "column", "code")
    return Resolution(decisions.sort(_ORDER), found, kept, users)


class _Rows:
    """The rows of a run that are still in question."""

    def __init__(self, partitions: Sequence[int], read_keys: ReadKeys) -> None:
        self.partitions = partitions
        self._read_keys = read_keys
        self._dropped = pl.DataFrame(schema=dict.fromkeys(_ORDER, pl.Int64))

    def drop(self, decided: pl.DataFrame) -> None:
        """Leave these out from now on, besides what is left out already."""
        self._dropped = pl.concat([self._dropped, decided.select(_ORDER)]).unique()

    def read(self, partition: int, columns: Sequence[str]) -> pl.DataFrame:
        """Read columns of a partition; `row_key` comes with them."""
        keys = self._read_keys(partition, ["row_key", *columns])
        dropped = self._dropped.filter(pl.col("partition") == partition)
        if dropped.is_empty():
            return keys
        return keys.join(dropped, on="row_key", how="anti", maintain_order="left")

    def hash(self, columns: Sequence[str]) -> _Hashes:
        """Hash what the rows have in some columns together."""
        parts = [_hash(self.read(p, columns), columns, seed=0) for p in self.partitions]
        none = pl.Series([], dtype=pl.UInt64)
        return _Hashes(parts, pl.concat([none, *parts]).drop_nulls().sort())

    def find_shared(
        self,
        columns: Sequence[str],
        extra: Mapping[str, pl.Expr],
        *,
        by_more_than: int,
        hashes: _Hashes | None = None,
    ) -> pl.DataFrame:
        """Find the rows that have the same in some columns as so many others.

        Args:
            columns: The columns; a row with a null in the first one shares nothing.
            extra: More columns to give.
            by_more_than: How many rows may share a value.
            hashes: What `hash` gave for the columns, if that is known.

        Returns:
            `partition row_key key check` and the extra columns; rows with equal `key` and
            `check` share a value.
        """
        hashes = hashes or self.hash(columns)
        repeated = _find_repeated(hashes.ordered, by_more_than).implode()
        others = [name for value in extra.values() for name in value.meta.root_names()]
        wanted = list(dict.fromkeys([*columns, *others]))
        found = []
        for partition, keys in zip(self.partitions, hashes.parts, strict=True):
            is_shared = keys.is_in(repeated)
            if not is_shared.any():
                continue
            rows = self.read(partition, wanted).filter(is_shared)
            found.append(
                rows.select(
                    pl.lit(partition, pl.Int64).alias("partition"),
                    pl.col("row_key").cast(pl.Int64),
                    keys.filter(is_shared).alias("key"),
                    _hash(rows, columns, seed=1).alias("check"),
                    **extra,
                )
            )
        return pl.concat(found) if found else pl.DataFrame()

    def read_texts(self, places: pl.DataFrame, column: str) -> pl.DataFrame:
        """Add a column of the keys to rows given by their place."""
        parts = [
            part.join(self.read(int(number), [column]), on="row_key", maintain_order="left")
            for (number,), part in places.partition_by(
                "partition", as_dict=True, maintain_order=True
            ).items()
        ]
        return pl.concat(parts) if parts else places.with_columns(pl.lit("").alias(column))


def _hash(rows: pl.DataFrame, columns: Sequence[str], *, seed: int) -> pl.Series:
    """Give a hash of some columns together; null where the first is null."""
    first, *others = (rows[name] for name in columns)
    hashed = first.hash(seed)
    for other in others:
        hashed = pl.DataFrame([hashed.alias("a"), other.hash(seed).alias("b")]).hash_rows(seed)
    return hashed.set(first.is_null(), None) if first.has_nulls() else hashed


def _find_repeated(ordered: pl.Series, times: int) -> pl.Series:
    """Give the values that stand there more often than so many times."""
    return ordered.filter((ordered == ordered.shift(times)).fill_null(value=False)).unique()


def find_duplicates(rows: _Rows) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find the rows that lose to another row with their Id.

    The latest EffectiveDate wins, a row without one loses to any with one; else the last in file
    order wins. What is in the others is lost, but not an opt-out.

    Returns:
        Decisions in the shape of `DECISION_SCHEMA`; `partition` and `row_key` of the winners that
        take over an opt-out.
    """
    # Normalized dates are texts of equal form, so their order is the order of time.
    when = pl.col("effective_date").str.to_datetime(DATE_FORMAT, time_unit="ms", strict=False)
    extra = {"when": when, "opt_out": pl.col("opt_out")}
    repeated = rows.find_shared(["id_key"], extra, by_more_than=1)
    if repeated.is_empty():
        none = pl.DataFrame(schema=dict.fromkeys(_ORDER, pl.Int64))
        return DECISION_SCHEMA.to_frame(), none
    by_id = repeated.sort(*_KEY, "when", *_ORDER, nulls_last=False)
    is_winner = _is_last_of_its_kind()
    winners = {
        f"winner_{name}": pl.when(is_winner).then(pl.col(column)).backward_fill()
        for name, column in (("partition", "partition"), ("key", "row_key"))
    }
    losers = by_id.with_columns(**winners).filter(~is_winner)
    decisions = _decide(losers, Outcome.DUPLICATE, pl.lit(issues.DUPLICATE_ID))
    return decisions, by_id.filter(is_winner & _loses_opt_out()).select(_ORDER)


def _loses_opt_out() -> pl.Expr:
    """Tell which rows do not say OptOut ALL, though another one with their Id does.

    Only a row with a later EffectiveDate takes it back, by saying NONE.
    """
    refuses = (pl.col("opt_out") == "ALL").fill_null(value=False)
    is_dated = (pl.col("when").is_not_null() | ~refuses).all().over(_KEY)
    latest = pl.when(refuses).then(pl.col("when")).max().over(_KEY)
    takes_back = (pl.col("opt_out") == "NONE") & is_dated & (pl.col("when") > latest)
    return refuses.any().over(_KEY) & ~refuses & ~takes_back.fill_null(value=False)


def _is_last_of_its_kind() -> pl.Expr:
    """Tell of rows in the order of their keys which are the last with theirs."""
    same = [pl.col(name) == pl.col(name).shift(-1) for name in _KEY]
    return ~pl.all_horizontal(same).fill_null(value=False)


def _decide(rows: pl.DataFrame, outcome: Outcome, code: pl.Expr) -> pl.DataFrame:
    missing = [
        pl.lit(None, pl.Int64).alias(name)
        for name in ("winner_partition", "winner_key")
        if name not in rows.columns
    ]
    decided = rows.with_columns(
        pl.lit(outcome.value).alias("outcome"), code.alias("code"), *missing
    )
    return decided.select(DECISION_SCHEMA.names()).cast(DECISION_SCHEMA)


def describe_decisions(decisions: pl.DataFrame, source_files: Mapping[int, str]) -> pl.DataFrame:
    """Say in words why rows are not sent.

    Args:
        decisions: Decisions of one partition, in the shape of `DECISION_SCHEMA`.
        source_files: Name of the file that each partition is a slice of.

    Returns:
        `row_key outcome code message`.
    """
    file = pl.col("winner_partition").replace_strict(
        dict(source_files), default="the input", return_dtype=pl.String
    )
    lost = pl.format("Row {} of {} has the same Id and won.", row_of(pl.col("winner_key")), file)
    return decisions.select(
        "row_key",
        "outcome",
        "code",
        pl.when(pl.col("winner_key").is_not_null())
        .then(lost)
        .otherwise(pl.lit(issues.USER_ENDPOINTS_OVER.message))
        .alias("message"),
    )


def find_shared_addresses(rows: _Rows) -> pl.DataFrame:
    """Find rows whose address a later row with another Id takes over.

    The service deactivates the endpoint that had the address before (API reference, Endpoint).
    """
    shared = rows.find_shared(["address", "channel_type"], {}, by_more_than=1)
    if shared.is_empty():
        return RUN_ISSUE_SCHEMA.to_frame()
    older = shared.sort(*_KEY, *_ORDER).filter(~_is_last_of_its_kind()).sort(_ORDER)
    return _find(rows, older, "Address", issues.ADDRESS_SHARED, "address")


def count_users(rows: _Rows, by_user: _Hashes) -> UserCounts:
    """Count the endpoints of every user, and name those who have most."""
    users = by_user.ordered.rle().struct.unnest().select("value", endpoints="len")
    by_endpoints = users["endpoints"].value_counts(sort=False)
    crowded = users.filter(pl.col("endpoints") > 1).top_k(MOST_CROWDED, by="endpoints")
    named = [pl.DataFrame(schema={"value": pl.UInt64, "user_id": pl.String})]
    for partition, keys in zip(rows.partitions, by_user.parts, strict=True):
        is_crowded = keys.is_in(crowded["value"].implode())
        if is_crowded.any():
            read = rows.read(partition, ["user_id"]).select("user_id", keys.alias("value"))
            named.append(read.filter(is_crowded).select("value", "user_id").unique("value"))
    most = pl.concat(named).unique("value").join(crowded, on="value")
    ordered = most.sort("endpoints", "user_id", descending=[True, False])
    named_most = ordered.select("user_id", "endpoints").rows()
    return UserCounts(sorted(by_endpoints.rows()), named_most)


def find_user_excess(rows: _Rows, by_user: _Hashes) -> pl.DataFrame:
    """Find rows beyond the service's endpoints per user, in file order.

    A push endpoint over the limit displaces the user's oldest push endpoint, if there is one;
    any other is refused. Endpoints that are stored already are not known here: this is a lower
    bound. Source: developer guide, audience-define-auto-inactive.
    """
    limit = limits.USER_ENDPOINTS.value
    evicts = pl.col("channel_type").is_in(sorted(EVICTING_CHANNELS))
    crowded = rows.find_shared(["user_id"], {"evicts": evicts}, by_more_than=limit, hashes=by_user)
    if crowded.is_empty():
        return RUN_ISSUE_SCHEMA.to_frame()
    ranked = crowded.sort(_ORDER).with_columns(rank=pl.int_range(1, pl.len() + 1).over(_KEY))
    has_push = (pl.col("evicts") & (pl.col("rank") <= limit)).any().over(_KEY)
    over = ranked.with_columns(displaces=pl.col("evicts") & has_push).filter(pl.col("rank") > limit)
    kinds = (
        (over.filter("displaces"), issues.USER_ENDPOINT_DISPLACES),
        (over.filter(~pl.col("displaces")), issues.USER_ENDPOINTS_OVER),
    )
    return pl.concat([_find(rows, part, "User.UserId", kind, "user_id") for part, kind in kinds])


def _find(
    rows: _Rows, places: pl.DataFrame, column: str, kind: issues.IssueKind, text: str
) -> pl.DataFrame:
    told = rows.read_texts(places.select(_ORDER), text)
    found = find_issues(told, column, kind, pl.col(text))
    return told.select(pl.col("partition").cast(pl.Int64)).hstack(found).cast(RUN_ISSUE_SCHEMA)

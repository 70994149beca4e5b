"""Compare: how rows stand to what the service last accepted, and which are held back.

Works on the rows and the records of one range of hashes at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from schemas.row_keys import endpoint_of
from schemas.sync import DUE, RetirePolicy, Standing
from schemas.sync_records import COMPARED_SCHEMA, LAYOUT_SEPARATOR, SOURCE

_RECORD = ("opt_out", "opt_out_by", "status", "content", "is_ours", "retired", "accepted_at")
"""What is read of a record."""
_MARKS = ("layout", "marks")
"""What is read besides where rows are compared with records by column."""


@dataclass(frozen=True, slots=True)
class CompareParams:
    """What is allowed."""

    is_full_refresh: bool = False
    """Whether unchanged rows are sent too (they count as changed, and may be held)."""
    may_opt_in: bool = False
    """Whether rows may undo an opt-out or activate an endpoint."""
    consenting: frozenset[int] = frozenset()
    """Numbers of the endpoints (`row_keys.endpoint_of`) whose OptOut the mapping takes from a
    column of the source: what that says is taken as consent."""
    activating: frozenset[int] = frozenset()
    """The same for EndpointStatus."""


def compare(rows: pl.DataFrame, known: pl.DataFrame, params: CompareParams) -> pl.DataFrame:
    """Say how each row stands.

    Nothing is held that would not be sent.

    Args:
        rows: In the shape of `KEYED_SCHEMA`; an Id stands in them once.
        known: Records of their Ids, and others, in the shape of `RECORD_SCHEMA`.
        params: What is allowed.

    Returns:
        In the shape of `COMPARED_SCHEMA`, a line for each row, in their order.
    """
    # Marks decide only where there is no content, and take more room than all the rest.
    paired = join_records(rows.drop(_MARKS), known)
    paired = paired.with_columns(has_same_marks=_find_same_marks(paired, rows, known))
    is_unchanged = pl.lit(not params.is_full_refresh) & _is_unchanged()
    standing = (
        pl.when(is_unchanged)
        .then(Standing.UNCHANGED)
        .when(_opts_in(params))
        .then(Standing.OPTS_IN)
        .when(_reactivates(params))
        .then(Standing.REACTIVATES)
        .when(~pl.col("is_known"))
        .then(Standing.NEW)
        .when(pl.col("known_retired").is_not_null())
        .then(Standing.RETURNED)
        .when(pl.col("known_content").is_null() & ~pl.col("known_has_marks"))
        .then(Standing.DOUBTFUL)
        .otherwise(Standing.CHANGED)
    )
    takes_back = pl.col("opt_out").eq_missing("NONE") & pl.col("known_opt_out").eq_missing("ALL")
    says_none = pl.col("opt_out").eq_missing("NONE") & pl.col("known_opt_out").eq_missing("NONE")
    return paired.select(
        "partition",
        "row_key",
        standing.alias("standing"),
        (says_none & _is_stored()).alias("is_known_opt_in"),
        (takes_back & standing.is_in([int(due) for due in DUE])).alias("takes_back"),
    ).cast(COMPARED_SCHEMA)


def find_changed_columns(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Tell which columns of changed rows differ from what was last accepted.

    A column that is in one of them only counts as empty in the other. Of a record that was made
    from an export, what a row leaves empty does not differ.

    Returns:
        `partition row_key columns`: names of the columns (List(String)); an empty list where all
        known marks are equal, null where the record or the row has no marks.
    """
    paired = join_records(rows, known, (*_RECORD, *_MARKS))
    found = [paired.clear().select("place", pl.lit(None, pl.List(pl.String)).alias("columns"))]
    for part, columns in _pair_marks(paired):
        differing = [
            pl.when(_differs(ours, theirs)).then(pl.lit(name)) for name, ours, theirs in columns
        ]
        found.append(
            part.select("place", pl.concat_list(differing).list.drop_nulls().alias("columns"))
        )
    return _put_back(paired, pl.concat(found)).select("partition", "row_key", "columns")


def join_records(
    rows: pl.DataFrame, known: pl.DataFrame, members: Sequence[str] = _RECORD
) -> pl.DataFrame:
    """Put its record beside each row.

    Args:
        rows: In the shape of `KEYED_SCHEMA`, with marks or without.
        known: In the shape of `RECORD_SCHEMA`.
        members: Which of the record's.

    Returns:
        The rows in their order, with `place`, `is_known`, `known_has_marks`, and the members of the
        record as `known_...`.
    """
    id_key = pl.col("endpoint_id").str.to_lowercase().alias("id_key")
    records = known.filter(~pl.col("is_forgotten")).select(
        id_key,
        pl.lit(value=True).alias("is_known"),
        pl.col("marks").is_not_null().alias("known_has_marks"),
        *(pl.col(name).alias(f"known_{name}") for name in members),
    )
    paired = rows.with_row_index("place").with_columns(id_key)
    return paired.join(records, on="id_key", how="left", maintain_order="left").with_columns(
        pl.col("is_known", "known_has_marks").fill_null(value=False)
    )


def _is_stored() -> pl.Expr:
    """Tell whether the service is known to have a row's endpoint.

    Not if it was deleted, or if it was tried to be sent and there has never been a confirmation.
    """
    was_confirmed = pl.any_horizontal(
        pl.col("known_accepted_at").is_not_null(),
        pl.col("known_content").is_not_null(),
        pl.col("known_has_marks"),
        ~pl.col("known_is_ours"),
    )
    is_deleted = pl.col("known_retired").eq_missing(RetirePolicy.DELETE.value)
    return pl.col("is_known") & was_confirmed.fill_null(value=False) & ~is_deleted


def _is_unchanged() -> pl.Expr:
    is_equal = pl.col("content") == pl.col("known_content")
    return is_equal.fill_null(pl.col("has_same_marks")) & pl.col("known_retired").is_null()


def _opts_in(params: CompareParams) -> pl.Expr:
    """Tell which rows take back an opt-out.

    An endpoint that may not be there is opted in even by being sent without one; what is blank is
    no consent to that.
    """
    by_name = pl.col("opt_out").eq_missing("NONE")
    by_absence = pl.col("opt_out").is_null() & ~_is_stored()
    # What somebody said at the service, or mirror, is not the source's to take back.
    may = _is_endpoint_of(params.consenting) & pl.col("known_opt_out_by").eq_missing(SOURCE)
    takes_back = (by_name & ~may) | by_absence
    refused = pl.col("known_opt_out").eq_missing("ALL")
    return pl.lit(not params.may_opt_in) & refused & takes_back


def _reactivates(params: CompareParams) -> pl.Expr:
    """Tell which rows activate an endpoint; an update without a status does (API reference)."""
    by_name = pl.col("status").eq_missing("ACTIVE")
    activates = pl.col("status").is_null() | (by_name & ~_is_endpoint_of(params.activating))
    was_inactive = pl.col("known_status").eq_missing("INACTIVE")
    return pl.lit(not params.may_opt_in) & was_inactive & activates


def _is_endpoint_of(numbers: frozenset[int]) -> pl.Expr:
    chosen = pl.Series(sorted(numbers), dtype=pl.Int64).implode()
    return endpoint_of(pl.col("row_key")).is_in(chosen)


def _find_same_marks(paired: pl.DataFrame, rows: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Tell which rows say nothing but what an export said; their records have no content."""
    is_rebuilt = pl.col("known_content").is_null() & pl.col("known_has_marks")
    places = paired.filter(is_rebuilt)["place"]
    rebuilt = join_records(rows[places], known, (*_RECORD, *_MARKS)).with_columns(place=places)
    found = [paired.clear().select("place", pl.lit(value=True).alias("is_same"))]
    for part, columns in _pair_marks(rebuilt):
        differs = [_differs(ours, theirs) for _, ours, theirs in columns]
        # An export need not have the columns that tell of consent.
        differs += [
            pl.col(name).is_not_null() & pl.col(name).ne_missing(pl.col(f"known_{name}"))
            for name in ("opt_out", "status")
        ]
        found.append(part.select("place", (~pl.any_horizontal(differs)).alias("is_same")))
    return _put_back(paired, pl.concat(found))["is_same"].fill_null(value=False)


def _put_back(paired: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return paired.join(found, on="place", how="left", maintain_order="left")


_Columns = Iterable[tuple[str, pl.Expr, pl.Expr]]


def _pair_marks(paired: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, _Columns]]:
    """Go through the rows whose records have marks, by their few layouts.

    Returns:
        Rows of one layout, whose records have one too; and for each column that stands in either of
        them its name and where the marks of both are.
    """
    marked = paired.filter(pl.col("marks").is_not_null(), pl.col("known_marks").is_not_null())
    layouts = ("layout", "known_layout")
    for key, part in marked.partition_by(layouts, as_dict=True, include_key=True).items():
        ours, theirs = (str(layout).split(LAYOUT_SEPARATOR) for layout in key)
        yield (
            part,
            [
                (name, _mark("marks", ours, name), _mark("known_marks", theirs, name))
                for name in sorted({*ours, *theirs})
            ],
        )


def _mark(marks: str, layout: list[str], name: str) -> pl.Expr:
    if name not in layout:
        return pl.lit(None, pl.UInt32)
    return pl.col(marks).list.get(layout.index(name))


def _differs(ours: pl.Expr, theirs: pl.Expr) -> pl.Expr:
    """Tell where a column differs; of a record without content only what is sent counts."""
    counts = ours.is_not_null() | pl.col("known_content").is_not_null()
    return ours.ne_missing(theirs) & counts

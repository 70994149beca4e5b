"""errors.csv and unprocessed.csv: rows as they came, with what became of them behind.

Several sources may have different headers: the file then has the columns of all of them, in order
of first appearance. Repeated headers are kept repeated, and a list becomes a repeated header. What
an earlier run put behind its rows is replaced.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl

from schemas import issues
from schemas.columns import RESULT_COLUMNS
from schemas.issues import ISSUE_KINDS, REFUSED_MESSAGE, SERVICE_REFUSED
from schemas.reasons import find_reasons
from schemas.undecoded import replace_marked

LEAVE_EMPTY = "(leave empty)"
"""How `_suggestion` says that the cell may be emptied."""
LONGEST_VALUE = 60
"""Characters of a value that `_error_messages` repeats; the cell has it all."""
_TEXTS = {kind.code: kind.text for kind in ISSUE_KINDS.values()}
_REMEDIES = {kind.code: kind.remedy for kind in ISSUE_KINDS.values()}
_NOT_OF_THE_CELL = [
    kind.code for kind in (issues.ENDPOINT_TOO_LARGE, issues.NAME_TOO_LONG, issues.TOO_MANY_NAMES)
]
"""Codes whose value is something else than what stands in the cell."""

Place = tuple[str, int]
"""A column by its name and which repetition of that name it is, from 0."""


@dataclass(frozen=True, slots=True)
class RowSlice:
    """Rows of one partition that go into the file."""

    header: tuple[str, ...]
    """The header of their source."""
    rows: pl.DataFrame
    """`c<position>` columns of the rows, and the result columns named as in `RESULT_COLUMNS`."""


BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Begins the files: Excel takes UTF-8 for the encoding of the country without it. Whatever is fed
back in may have it or not, as the reader drops it."""


def write_row_file(slices: Iterable[RowSlice], file: BinaryIO, layout: Sequence[Place]) -> int:
    """Write rows under the layout's header; give the number of rows written."""
    file.write(BYTE_ORDER_MARK)
    _write_header(file, layout)
    written = 0
    for part in slices:
        replace_marked(_arrange(part, layout)).write_csv(file, include_header=False)
        written += part.rows.height
    return written


def plan_layout(slices: Iterable[RowSlice]) -> list[Place]:
    """Give the columns that hold all of the slices' cells, in order of first appearance.

    Reads every slice once, as only its lists tell how often a header must be repeated.
    """
    layout: dict[Place, None] = {}
    for part in slices:
        repeats: Counter[str] = Counter()
        for position, name in _own_columns(part.header):
            width = _width(part.rows[f"c{position}"])
            for _ in range(width):
                layout.setdefault((name, repeats[name]))
                repeats[name] += 1
    return list(layout)


def _own_columns(header: Sequence[str]) -> list[tuple[int, str]]:
    """Give the columns that no run has added, by position and name."""
    return [(n, name) for n, name in enumerate(header) if name.strip() not in RESULT_COLUMNS]


def _width(cells: pl.Series) -> int:
    if isinstance(cells.dtype, pl.List):
        longest = cells.list.len().max()
        return max(1, int(longest)) if isinstance(longest, int) else 1
    return 1


def _arrange(part: RowSlice, layout: Sequence[Place]) -> pl.DataFrame:
    cells: dict[Place, pl.Expr] = {}
    repeats: Counter[str] = Counter()
    for position, name in _own_columns(part.header):
        column = f"c{position}"
        is_list = isinstance(part.rows.schema[column], pl.List)
        for item in range(_width(part.rows[column])):
            value = pl.col(column).list.get(item, null_on_oob=True) if is_list else pl.col(column)
            cells[name, repeats[name]] = value
            repeats[name] += 1
    missing = pl.lit(None, pl.String)
    columns = [cells.get(place, missing).alias(str(number)) for number, place in enumerate(layout)]
    return part.rows.select(*columns, *RESULT_COLUMNS)


def _write_header(file: BinaryIO, layout: Sequence[Place]) -> None:
    names = [*(name for name, _ in layout), *RESULT_COLUMNS]
    # As a record: names may repeat, and the writer of records quotes whatever needs it.
    schema = [str(number) for number in range(len(names))]
    pl.DataFrame([names], schema, orient="row").write_csv(file, include_header=False)


def to_fix(
    staged: pl.DataFrame,
    outcomes: pl.DataFrame,
    found: pl.DataFrame,
    wanted: Sequence[str],
    run_id: str,
    unfilled: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Join rows as they came with what became of them.

    Args:
        staged: The partition's records, `source_row`, `malformed` and `c<position>`.
        outcomes: Its outcomes (`schemas.outcomes.OUTCOME_SCHEMA`).
        found: Its issues (`schemas.issues.ISSUE_SCHEMA`); only errors are told.
        wanted: The outcomes that go into the file.
        run_id: The run.
        unfilled: What is told of rows that came back as they were (`unfilled.read_unfilled`).
    """
    chosen = outcomes.filter(pl.col("outcome").is_in(wanted))
    told = (
        found.filter(pl.col("severity") == "error")
        .pipe(lambda errors: errors.with_columns(find_reasons(errors)))
        .with_columns(text=_in_words(), suggested=_as_suggested())
        .group_by("source_row")
        .agg(
            pl.col("code").unique(maintain_order=True).str.join("; ").alias("codes"),
            pl.col("text").unique(maintain_order=True).str.join(" | ").alias("texts"),
            pl.col("suggested").drop_nulls().unique(maintain_order=True).alias("suggestions"),
        )
    )
    if unfilled is not None and not unfilled.is_empty():
        told = told.update(unfilled, on="source_row")
    is_refused = pl.col("code") == SERVICE_REFUSED
    return (
        staged.join(
            chosen.select("source_row", "source_file", "outcome", "code", "message"),
            on="source_row",
            maintain_order="left",
        )
        .join(told, on="source_row", how="left", maintain_order="left")
        .with_columns(
            pl.col("source_file").alias("_source_file"),
            pl.col("source_row").alias("_source_row"),
            pl.col("outcome").alias("_outcome"),
            pl.coalesce("codes", "code").alias("_error_codes"),
            pl.coalesce(
                "texts",
                pl.when(is_refused).then(pl.format(REFUSED_MESSAGE, "message")),
                "message",
            ).alias("_error_messages"),
            pl.when(pl.col("suggestions").list.len() > 0)
            .then(pl.col("suggestions").list.join(" | "))
            .alias("_suggestion"),
            pl.lit(run_id).alias("_run_id"),
        )
        .drop("outcome", "code", "message", "codes", "texts", "suggestions", "source_file")
    )


def _in_words() -> pl.Expr:
    column, code, value = pl.col("column"), pl.col("code"), pl.col("value")
    text = code.replace_strict(_TEXTS, default=pl.col("message"), return_dtype=pl.String)
    remedy = code.replace_strict(_REMEDIES, default="", return_dtype=pl.String)
    # In the sentence: "This is not a valid e-mail address (it has no @)."
    because = pl.format("{} ({}).", text.str.strip_suffix("."), "reason")
    said = pl.concat_str(pl.coalesce(because, text), pl.lit(" "), remedy).str.strip_chars_end()
    is_long = value.str.len_chars() > LONGEST_VALUE
    shown = pl.when(is_long).then(value.str.slice(0, LONGEST_VALUE) + "...").otherwise(value)
    is_cell = value.is_not_null() & (value != "") & ~code.is_in(_NOT_OF_THE_CELL)
    return (
        pl.when(column.is_null())
        .then(pl.format("{} The line: {}", said, value))
        .when(is_cell)
        .then(pl.format('{} "{}": {}', column, shown, said))
        .otherwise(pl.format("{}: {}", column, said))
    )


def _as_suggested() -> pl.Expr:
    """Write a suggestion behind its column, to be put into that cell as it is."""
    column, suggestion = pl.col("column"), pl.col("suggestion")
    return (
        pl.when(suggestion == "")
        .then(pl.format("{}: {}", column, pl.lit(LEAVE_EMPTY)))
        .otherwise(pl.format("{}: {}", column, suggestion))
    )

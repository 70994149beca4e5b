"""Issue lines: what is wrong with a run's rows, in the order in which fixing it frees most."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from pipelines.report.page_data import IssueLine
from pipelines.steps.result import ERROR_CODES
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from schemas.issues import ISSUE_KINDS, ISSUE_SCHEMA, SERVICE_REFUSED, IssueKind, Severity
from schemas.masking import looks_personal
from schemas.outcomes import Outcome

REFUSED = IssueKind(
    SERVICE_REFUSED,
    Severity.ERROR,
    "The service refused the row.",
    "Correct what the service's message names; errors.csv has the message for each row.",
)
MESSAGE = "message"
"""What stands for the column of an example that is the service's message."""
ASKED_MESSAGES = 50
"""Messages, most frequent first, of which the first is shown that names nobody."""
_BITS = {code: 1 << place for place, code in enumerate((*ERROR_CODES, SERVICE_REFUSED))}
"""All errors of a row are one number, in which each code has a bit."""
_ROW = ("source_file", "source_row")
_COLUMNS = (*_ROW, "column", "code", "value", "suggestion")


@dataclass(frozen=True, slots=True)
class Saving:
    """What fixing one error brings."""

    code: str
    saved: int
    """Rows that have no other error."""
    saved_so_far: int
    """Rows that have no others than it and those before it."""


def list_issues(run: RunDirectory, manifest: Manifest, *, rejected: int) -> tuple[IssueLine, ...]:
    """List the issues of a run by code: errors as `order_errors` does, then warnings by rows.

    Args:
        run: The run; its issues are read partition by partition.
        manifest: Its manifest.
        rejected: Rows that the service refused.
    """
    refused = _read_refused(run, manifest) if rejected else _read_nothing()
    sets: Counter[int] = Counter()
    tallies = [_tally(part) for part in refused.partition_by("source_file", maintain_order=True)]
    alone = refused
    for issues in _read_partitions(run):
        tallies.append(_tally(issues))
        if rejected and manifest.endpoint_names:
            # An endpoint may be refused here, and another one of its row by the service.
            others = alone.join(issues, on=_ROW, how="semi")
            alone = alone.join(others, on=_ROW, how="anti")
            issues = pl.concat([issues, others])
        sets.update(_count_sets(issues))
    sets.update(_count_sets(alone))
    savings = order_errors(sets)
    place = {saving.code: at for at, saving in enumerate(savings)}
    saved = {saving.code: saving for saving in savings}
    lines = [_describe(line, saved) for line in _merge(tallies).iter_rows(named=True)]
    return tuple(sorted(lines, key=lambda line: (place.get(line.code, len(place)), -line.rows)))


def order_errors(sets: Mapping[int, int]) -> list[Saving]:
    """Put errors in the order in which fixing one after the other frees most rows, soonest.

    Next is always the one that frees most rows, those before it being fixed; of equal ones that
    which most rows have that are left. Greedy: the best order of all would take too long to find.

    Args:
        sets: Rows by the errors that they have.
    """
    left = dict(sets)
    codes = [code for code, bit in _BITS.items() if any(bits & bit for bits in sets)]
    freed = 0
    ordered = []
    while codes:
        best = max(codes, key=partial(_weigh, left))
        bit = _BITS[best]
        freed += left.pop(bit, 0)
        ordered.append(Saving(best, sets.get(bit, 0), freed))
        codes.remove(best)
        fewer: Counter[int] = Counter()
        for bits, rows in left.items():
            fewer[bits & ~bit] += rows
        left = dict(fewer)
    return ordered


def _weigh(sets: Mapping[int, int], code: str) -> tuple[int, int]:
    """Give the rows that have this error alone, and all that have it."""
    bit = _BITS[code]
    return sets.get(bit, 0), sum(rows for bits, rows in sets.items() if bits & bit)


def _read_partitions(run: RunDirectory) -> Iterator[pl.DataFrame]:
    """Read the issues of one partition after the other: each is a row group."""
    file = pq.ParquetFile(run.issues)
    for group in range(file.num_row_groups):
        frame = pl.from_arrow(file.read_row_group(group))
        if isinstance(frame, pl.DataFrame):
            yield frame.select(_COLUMNS)


def _read_nothing() -> pl.DataFrame:
    return ISSUE_SCHEMA.to_frame().select(_COLUMNS)


def _read_refused(run: RunDirectory, manifest: Manifest) -> pl.DataFrame:
    """Give the rows that the service refused as issues, the one to be shown first."""
    files = [run.part("outcomes", part.number) for part in manifest.partitions]
    is_rejected = pl.col("outcome") == Outcome.REJECTED.value
    rejected = (
        pl.scan_parquet(files)
        .filter(is_rejected)
        .select(
            *_ROW,
            pl.lit(MESSAGE).alias("column"),
            pl.lit(SERVICE_REFUSED).alias("code"),
            pl.col("message").alias("value"),
            pl.lit(None, pl.String).alias("suggestion"),
        )
        .collect()
    )
    messages = rejected["value"].drop_nulls().value_counts(sort=True)["value"].head(ASKED_MESSAGES)
    shown = next((text for text in messages if not looks_personal(text)), None)
    return rejected.sort(pl.col("value").ne_missing(pl.lit(shown)), maintain_order=True)


def _tally(issues: pl.DataFrame) -> pl.DataFrame:
    """Count issues by code, and give one of each as an example."""
    return issues.group_by("code", maintain_order=True).agg(
        pl.col("column").drop_nulls().unique().alias("columns"),
        pl.len().alias("issues"),
        pl.col("source_row").drop_nulls().n_unique().alias("rows"),
        *_take_example(),
    )


def _take_example() -> list[pl.Expr]:
    """Take the first issue with a suggestion, else the first."""
    has_suggestion = pl.col("suggestion").is_not_null()
    return [
        pl.when(has_suggestion.any())
        .then(pl.col(name).filter(has_suggestion).first())
        .otherwise(pl.col(name).first())
        .alias(name)
        for name in ("column", "value", *_ROW, "suggestion")
    ]


def _merge(tallies: list[pl.DataFrame]) -> pl.DataFrame:
    return (
        pl.concat([_tally(_read_nothing()), *tallies])
        .group_by("code", maintain_order=True)
        .agg(
            pl.col("columns").explode(empty_as_null=False).unique().sort(),
            pl.col("issues", "rows").sum(),
            *_take_example(),
        )
    )


def _count_sets(issues: pl.DataFrame) -> dict[int, int]:
    """Count rows by all errors that they have."""
    errors = issues.filter(pl.col("code").is_in(list(_BITS)), pl.col("source_row").is_not_null())
    bit = pl.col("code").replace_strict(_BITS, return_dtype=pl.Int64)
    rows = errors.group_by(_ROW).agg(bit.bitwise_or().alias("bits"))
    return dict(rows["bits"].value_counts().iter_rows())


def _describe(line: Mapping[str, Any], savings: Mapping[str, Saving]) -> IssueLine:
    code = line["code"]
    kind = REFUSED if code == SERVICE_REFUSED else ISSUE_KINDS[code]
    saving = savings.get(code, Saving(code, 0, 0))
    is_message = code == SERVICE_REFUSED
    return IssueLine(
        code=code,
        severity=kind.severity.value,
        text=kind.text,
        remedy=kind.remedy,
        columns=() if is_message else tuple(line["columns"]),
        issues=line["issues"],
        rows=line["rows"],
        saved=saving.saved,
        saved_so_far=saving.saved_so_far,
        example=line["value"],
        example_column=line["column"],
        example_file=line["source_file"],
        example_row=line["source_row"],
        suggestion=line["suggestion"],
    )

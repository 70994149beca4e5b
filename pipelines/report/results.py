"""Results: from the partitions of a run to issues.parquet, errors.csv and unprocessed.csv.

One partition is in memory at a time.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow.parquet as pq

from pipelines.report.row_files import RowSlice, plan_layout, to_fix, write_row_file
from pipelines.steps.map_columns import check_header, plan_columns
from pipelines.steps.outcomes import count_outcomes
from pipelines.steps.result import describe_issues
from pipelines.storage.atomic import replacing
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from schemas.issues import ISSUE_SCHEMA
from schemas.outcomes import TO_FIX, Outcome

NO_IDS = pl.DataFrame(schema={"row_key": pl.Int64, "endpoint_id": pl.String})


def write_issues(run: RunDirectory, manifest: Manifest) -> dict[str, int]:
    """Write issues.parquet, in the order of the input, and count issues by code, most first."""
    counts: Counter[str] = Counter()
    with (
        replacing(run.issues) as temporary,
        pq.ParquetWriter(temporary, ISSUE_SCHEMA.to_frame().to_arrow().schema) as writer,
    ):
        for issues in _all_issues(run, manifest):
            counts.update(dict(issues.group_by("code").len().rows()))
            writer.write_table(issues.to_arrow())
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _all_issues(run: RunDirectory, manifest: Manifest) -> Iterator[pl.DataFrame]:
    for record in manifest.inputs:
        yield describe_issues(check_header(plan_columns(record.header)), record.path, NO_IDS)
    for part in manifest.partitions:
        yield _read_issues(run, manifest, part.number)


def _read_issues(run: RunDirectory, manifest: Manifest, number: int) -> pl.DataFrame:
    if not run.part("prepared", number).is_file():  # the run stopped before
        return ISSUE_SCHEMA.to_frame()
    found = pl.read_parquet(run.part("found", number))
    if run.decisions.is_file():
        across = pl.scan_parquet(run.run_issues).filter(pl.col("partition") == number)
        found = pl.concat([found, across.drop("partition").collect()])
    found = found.sort("row_key", "column", maintain_order=True)
    ids = pl.read_parquet(run.part("rows", number))
    return describe_issues(found, manifest.source_of(number).path, ids)


def write_row_files(run: RunDirectory, manifest: Manifest, *, with_unprocessed: bool) -> None:
    """Write errors.csv always, and unprocessed.csv where there are unprocessed rows."""
    _write(run, manifest, sorted(TO_FIX), "errors")
    if with_unprocessed:
        _write(run, manifest, [Outcome.UNPROCESSED.value], "unprocessed")
    else:  # there may be one of an attempt that stopped
        run.remove(run.unprocessed)


def _write(run: RunDirectory, manifest: Manifest, wanted: Sequence[str], name: str) -> None:
    path = {"errors": run.errors, "unprocessed": run.unprocessed}[name]

    def slices() -> Iterator[RowSlice]:
        for part in manifest.partitions:
            outcomes = pl.read_parquet(run.part("outcomes", part.number))
            if outcomes["outcome"].is_in(wanted).any():
                staged = pl.read_parquet(run.part("staged", part.number))
                issues = _read_issues(run, manifest, part.number)
                rows = to_fix(staged, outcomes, issues, wanted)
                yield RowSlice(tuple(manifest.source_of(part.number).header), rows)

    layout = plan_layout(slices())
    if not layout:
        layout = [(header, 0) for record in manifest.inputs[:1] for header in record.header]
    with replacing(path) as temporary, temporary.open("wb") as file:
        write_row_file(slices(), file, layout)


def count_rows(run: RunDirectory, manifest: Manifest) -> dict[Outcome, int]:
    """Count the rows of a run by outcome, from its outcome files."""
    total: Counter[Outcome] = Counter()
    for part in manifest.partitions:
        total.update(count_outcomes(pl.read_parquet(run.part("outcomes", part.number))))
    return {outcome: total[outcome] for outcome in Outcome}

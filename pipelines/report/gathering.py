"""Gathering what the page of a run shows."""

import polars as pl

from pipelines.report.page_data import IssueLine, PageData
from pipelines.report.profile import Profile
from pipelines.report.summary import Summary
from pipelines.report.verdict import say_verdict
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from schemas.issues import ISSUE_KINDS


def gather_page(run: RunDirectory, manifest: Manifest, summary: Summary) -> PageData:
    """Gather what the page shows; all of it can be read again from the run directory."""
    return PageData(
        manifest=manifest,
        summary=summary,
        verdict=say_verdict(summary, manifest),
        profile=Profile(),
        issues=_list_issues(run),
        past=(),
    )


def _list_issues(run: RunDirectory) -> tuple[IssueLine, ...]:
    grouped = (
        pl.scan_parquet(run.issues)
        .group_by("code")
        .agg(
            pl.col("column").drop_nulls().unique().sort().alias("columns"),
            pl.len().alias("count"),
            pl.struct("source_file", "source_row").n_unique().alias("rows"),
            pl.col("column").first().alias("column"),
            pl.col("value").first(),
            pl.col("source_file").first(),
            pl.col("source_row").first(),
        )
        .sort("rows", "code", descending=[True, False])
        .collect()
    )
    lines = []
    for line in grouped.iter_rows(named=True):
        kind = ISSUE_KINDS[line["code"]]
        lines.append(
            IssueLine(
                code=kind.code,
                severity=kind.severity.value,
                text=kind.text,
                remedy=kind.remedy,
                columns=tuple(line["columns"]),
                issues=line["count"],
                rows=line["rows"] if line["source_row"] is not None else 0,
                saved=0,
                saved_so_far=0,
                example=line["value"],
                example_column=line["column"],
                example_file=line["source_file"],
                example_row=line["source_row"],
                suggestion=None,
            )
        )
    return tuple(sorted(lines, key=lambda line: line.severity))

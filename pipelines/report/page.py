"""report.html: one page, no scripts and no network, that shows what a run found and did."""

from dataclasses import dataclass

import polars as pl
from jinja2 import Environment, PackageLoader, select_autoescape

from pipelines.report.summary import Summary
from pipelines.sources.layouts import describe_reading
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from schemas.issues import ISSUE_KINDS
from schemas.masking import mask_cell
from schemas.outcomes import MEANINGS

LONGEST_EXAMPLE = 80
"""Characters of an example value that are shown."""


@dataclass(frozen=True, slots=True)
class IssueRow:
    """One line of the table of issues."""

    code: str
    severity: str
    columns: str
    count: int
    rows: int
    text: str
    remedy: str
    example: str
    where: str
    where_row: bool
    """Whether the issue is about rows; else it is about a whole column."""


def render_page(run: RunDirectory, manifest: Manifest, summary: Summary, verdict: str) -> str:
    """Render the page; addresses and what looks like one are masked."""
    environment = Environment(
        loader=PackageLoader("pipelines.report"), autoescape=select_autoescape(["j2", "html"])
    )
    return environment.get_template("report.html.j2").render(
        manifest=manifest,
        summary=summary,
        verdict=verdict,
        outcomes=[
            (outcome, n, n / max(summary.rows, 1)) for outcome, n in summary.by_outcome().items()
        ],
        meanings=MEANINGS,
        describe_reading=describe_reading,
        issues=_issue_rows(run),
        channels=_by_channel(run, manifest),
    )


def _issue_rows(run: RunDirectory) -> list[IssueRow]:
    grouped = (
        pl.scan_parquet(run.issues)
        .group_by("code")
        .agg(
            pl.col("column").unique().sort().alias("columns"),
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
    rows = [_issue_row(line) for line in grouped.iter_rows(named=True)]
    return sorted(rows, key=lambda row: row.severity)  # stable: "error" before "warning"


def _issue_row(line: dict[str, object]) -> IssueRow:
    kind = ISSUE_KINDS[str(line["code"])]
    columns = [str(name) for name in line["columns"] or [] if name]  # type: ignore[attr-defined]
    value = "" if line["value"] is None else str(line["value"])
    column = None if line["column"] is None else str(line["column"])
    row = line["source_row"]
    return IssueRow(
        code=kind.code,
        severity=kind.severity.value,
        columns=", ".join(columns[:6]) + (" …" if len(columns) > 6 else ""),
        count=int(str(line["count"])),
        rows=int(str(line["rows"])),
        text=kind.text,
        remedy=kind.remedy,
        example=mask_cell(column, value[:LONGEST_EXAMPLE]),
        where_row=row is not None,
        where=f"{line['source_file']}" + (f", row {row}" if row is not None else ""),
    )


def _by_channel(run: RunDirectory, manifest: Manifest) -> list[tuple[str, int]]:
    paths = [run.part("prepared", part.number) for part in manifest.partitions]
    paths = [path for path in paths if path.is_file()]  # some are not, if the run stopped before
    if not paths:
        return []
    counted = pl.scan_parquet(paths).group_by("channel_type").len().sort("len", descending=True)
    return [(str(channel), int(count)) for channel, count in counted.collect().rows()]

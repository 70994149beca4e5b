"""Results: from the partitions of a run to issues.parquet, errors.csv and unprocessed.csv.

One partition is in memory at a time.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from pipelines.report.row_files import RowSlice, plan_layout, to_fix, write_row_file
from pipelines.report.summary import RunCounts
from pipelines.steps.map_columns import (
    ColumnPlan,
    check_header,
    name_source_columns,
    plan_columns,
)
from pipelines.steps.outcomes import count_outcomes
from pipelines.steps.resolve import DECISION_SCHEMA
from pipelines.steps.result import ERROR_CODES, describe_issues
from pipelines.steps.unfilled import read_unfilled
from pipelines.storage.atomic import count_rows, replacing
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from schemas.columns import RESULT_COLUMNS
from schemas.issues import ISSUE_SCHEMA
from schemas.outcomes import IMPORTED, TO_FIX, Outcome
from schemas.row_keys import row_of

NO_ENDPOINTS = pl.DataFrame(
    schema={
        "row_key": pl.Int64,
        **dict.fromkeys(("endpoint_id", "region", "country"), pl.String),
    }
)


def write_issues(run: RunDirectory, manifest: Manifest) -> dict[str, int]:
    """Write issues.parquet, in the order of the input, and count issues by code, most first."""
    counts: Counter[str] = Counter()
    with (
        replacing(run.issues) as temporary,
        pq.ParquetWriter(temporary, ISSUE_SCHEMA.to_frame().to_arrow().schema) as writer,
    ):
        for issues in _all_issues(run, manifest):
            counts.update(dict(issues.group_by("code").len().rows()))
            # A row's issues stand together in one group: `issue_lines` reads group by group.
            writer.write_table(issues.to_arrow(), row_group_size=max(issues.height, 1))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _all_issues(run: RunDirectory, manifest: Manifest) -> Iterator[pl.DataFrame]:
    mapping = manifest.read_mapping()
    for record in manifest.inputs:
        plan = plan_columns(record.header, mapping)
        yield describe_issues(check_header(plan), record.path, NO_ENDPOINTS)
    for part in manifest.partitions:
        yield _read_issues(run, manifest, part.number)


def _read_issues(
    run: RunDirectory, manifest: Manifest, number: int, plan: ColumnPlan | None = None
) -> pl.DataFrame:
    """Read the issues of a partition; with a plan, under the names of the source's columns."""
    if not run.part("prepared", number).is_file():  # the run stopped before
        return ISSUE_SCHEMA.to_frame()
    found = read_found(run, number)
    endpoints = pl.read_parquet(run.part("rows", number))
    described = describe_issues(found, manifest.source_of(number).path, endpoints)
    return described if plan is None else described.with_columns(name_source_columns(found, plan))


def read_found(run: RunDirectory, number: int) -> pl.DataFrame:
    """Read what was found in a prepared partition, across rows too once that was looked at."""
    found = pl.read_parquet(run.part("found", number))
    if run.decisions.is_file():
        across = pl.scan_parquet(run.run_issues).filter(pl.col("partition") == number)
        found = pl.concat([found, across.drop("partition").collect()])
    return found.sort("row_key", "column", maintain_order=True)


def write_row_files(run: RunDirectory, manifest: Manifest, outcomes: Collection[Outcome]) -> None:
    """Write errors.csv always; held.csv and unprocessed.csv where there are such rows.

    Args:
        run: The run.
        manifest: Its manifest.
        outcomes: Those of which there are rows to be written.
    """
    _write(run, manifest, sorted(TO_FIX), run.errors)
    for outcome, path in ((Outcome.HELD, run.held), (Outcome.UNPROCESSED, run.unprocessed)):
        if outcome in outcomes:
            _write(run, manifest, [outcome.value], path)
        else:  # there may be one of an attempt that stopped
            run.remove(path)


def _write(run: RunDirectory, manifest: Manifest, wanted: Sequence[str], path: Path) -> None:
    mapping = manifest.read_mapping()

    def chosen() -> Iterator[tuple[int, list[str], pl.DataFrame]]:
        for part in manifest.partitions:
            outcomes = pl.read_parquet(run.part("outcomes", part.number))
            if outcomes["outcome"].is_in(wanted).any():
                yield part.number, manifest.source_of(part.number).header, outcomes

    def shapes() -> Iterator[RowSlice]:
        for number, header, outcomes in chosen():
            rows = outcomes.filter(pl.col("outcome").is_in(wanted))
            yield RowSlice(tuple(header), _read_shape(run.part("staged", number), rows))

    def slices() -> Iterator[RowSlice]:
        for number, header, outcomes in chosen():
            staged = pl.read_parquet(run.part("staged", number))
            plan = plan_columns(header, mapping)
            issues = _read_issues(run, manifest, number, plan)
            unfilled = read_unfilled(staged, plan.source)
            rows = to_fix(staged, outcomes, issues, wanted, run.run_id, unfilled)
            yield RowSlice(tuple(header), rows)

    layout = plan_layout(shapes())
    if not layout:
        layout = [
            (name, 0)
            for record in manifest.inputs[:1]
            for name in record.header
            if name.strip() not in RESULT_COLUMNS
        ]
    with replacing(path) as temporary, temporary.open("wb") as file:
        write_row_file(slices(), file, layout)


def _read_shape(path: Path, chosen: pl.DataFrame) -> pl.DataFrame:
    """Read what tells how wide the columns of chosen rows are: where no cell is a list, nothing."""
    schema = pl.Schema(pl.read_parquet_schema(path))
    if not any(isinstance(kind, pl.List) for kind in schema.values()):
        return schema.to_frame()
    rows = chosen.select(pl.col("source_row").cast(schema["source_row"]))
    return pl.read_parquet(path).join(rows, on="source_row", how="semi")


def count_left_out(run: RunDirectory, manifest: Manifest) -> int:
    """Count the records that the mapping leaves out, of the partitions prepared so far."""
    return sum(count_left_out_of(run, part.number) for part in manifest.partitions)


def count_left_out_of(run: RunDirectory, number: int) -> int:
    """Count the records of a partition that the mapping leaves out, if it is prepared."""
    if not run.part("prepared", number).is_file():
        return 0
    path = run.part("left_out", number)
    return count_rows([path]) if path.is_file() else 0


def count_invalid(run: RunDirectory, manifest: Manifest) -> dict[int, int]:
    """Count the rows with an endpoint that is invalid, before they have their outcomes.

    Returns:
        By the number of each partition that is prepared; errors across rows count once `resolve`
        has looked for them.
    """
    across = DECISION_SCHEMA.to_frame()
    if run.decisions.is_file():
        across = pl.read_parquet(run.decisions).filter(pl.col("outcome") == Outcome.INVALID.value)
    counts = {}
    for number in (part.number for part in manifest.partitions):
        if not run.part("prepared", number).is_file():
            continue
        decided = across.filter(pl.col("partition") == number)["row_key"]
        counts[number] = _count_rows_of(pl.concat([_read_refused(run, number), decided]))
    return counts


def count_refused(run: RunDirectory, number: int) -> int:
    """Count the rows of a prepared partition with an endpoint that is invalid by itself."""
    return _count_rows_of(_read_refused(run, number))


def _read_refused(run: RunDirectory, number: int) -> pl.Series:
    found = pl.read_parquet(run.part("found", number), columns=["row_key", "code"])
    return found.filter(pl.col("code").is_in(ERROR_CODES))["row_key"].drop_nulls()


def _count_rows_of(keys: pl.Series) -> int:
    return int(keys.to_frame("key").select(row_of(pl.col("key")).n_unique()).item())


def _count(files: Iterable[Path]) -> dict[Outcome, int]:
    total: Counter[Outcome] = Counter()
    for path in files:
        total.update(count_outcomes(pl.read_parquet(path, columns=["outcome"])))
    return {outcome: total[outcome] for outcome in Outcome}


def count_run(run: RunDirectory, manifest: Manifest) -> RunCounts:
    """Count what became of a run, from the files in which it stands."""

    def count_in(folder: str) -> dict[Outcome, int]:
        return _count(run.part(folder, part.number) for part in manifest.partitions)

    rows = count_in("outcomes")
    return RunCounts(
        records=manifest.rows,
        left_out=count_left_out(run, manifest),
        rows=rows,
        endpoints=count_in("endpoints") if manifest.endpoint_names else rows,
        in_part=_count_in_part(run, manifest) if manifest.endpoint_names else 0,
    )


def _count_in_part(run: RunDirectory, manifest: Manifest) -> int:
    """Count the rows of which an endpoint fared well, and another did not."""
    is_import = manifest.command == "run"
    well = IMPORTED if is_import else {Outcome.UNPROCESSED, Outcome.UNCHANGED}
    is_well = pl.col("outcome").is_in([outcome.value for outcome in well])
    count = 0
    for part in manifest.partitions:
        columns = ["source_row", "outcome"]
        endpoints = pl.read_parquet(run.part("endpoints", part.number), columns=columns)
        by_row = endpoints.group_by("source_row").agg(is_well.any() & ~is_well.all())
        count += int(by_row["outcome"].sum())
    return count

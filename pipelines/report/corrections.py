"""Corrections: how much of what a run left to be corrected another one finds right.

Rows of errors.csv say which run they come from. Once they are fed back in they are counted against
what that run left; without its directory only against each other.
"""

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass

import polars as pl
import pyarrow.parquet as pq
from polars.exceptions import PolarsError
from pyarrow import ArrowException
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pipelines.report.results import read_found
from pipelines.report.summary import Summary
from pipelines.steps.result import FOUND_SCHEMA
from pipelines.steps.trace_corrections import (
    BETWEEN,
    group_corrections,
    may_hold_corrections,
    right_outcomes,
    trace_corrections,
)
from pipelines.storage.atomic import write_json
from pipelines.storage.manifest import Manifest
from pipelines.storage.places import Place
from pipelines.storage.run_dir import RUN_ID, RunDirectory, run_at
from schemas.issues import ISSUE_KINDS, SERVICE_REFUSED, Severity


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeCorrection(_Record):
    """What became of the rows that had one error."""

    code: str
    to_correct: int
    """Rows that the run before left with it."""
    corrected: int
    """Those of them that came back and are right now, in this and everything else."""
    still: int
    """Those that came back and still have it."""


class Correction(_Record):
    """What became of the rows that one run left to be corrected."""

    run_id: str
    """The run that left them."""
    is_known: bool
    """Whether it is still there. If not, `to_correct` counts only what was fed back."""
    to_correct: int
    """Rows that it left: invalid and rejected ones."""
    fed_back: int
    """Those of them that came back, each once."""
    corrected: int
    """Those that are right now: accepted, unchanged, or could be imported."""
    not_fed_back: int
    """Those that did not come back: deleted, or in another file."""
    others: dict[str, int]
    """Those that came back and are not right, by their outcome now, most first; `left_out` are
    records that the mapping leaves out."""
    codes: list[CodeCorrection]
    """By error that the rows had, most rows first; a row may have several."""
    codes_now: dict[str, int]
    """Rows that came back and are still to be corrected, by error that they have now."""


MOST_RUNS = 100
"""Runs that are told of, those of most rows: a column of that name may hold anything."""
CORRECTIONS = TypeAdapter(list[Correction])
"""corrections.json."""
_CODES = frozenset({*ISSUE_KINDS, SERVICE_REFUSED})


def count_corrections(run: RunDirectory, manifest: Manifest) -> list[Correction]:
    """Count what was corrected of the runs whose rows were fed back in, most rows first."""
    is_run = pl.col("run_id").str.contains(f"^{RUN_ID.pattern}$")
    groups = group_corrections(_trace(run, manifest)).filter(is_run)
    runs = groups.group_by("run_id").agg(pl.col("rows").sum())
    most = runs.sort("rows", "run_id", descending=[True, False]).head(MOST_RUNS)
    groups = groups.join(most, on="run_id", how="semi", maintain_order="left")
    # All rows of a check were looked at once it was decided which are duplicates.
    right = right_outcomes(sends=manifest.command == "run" or not run.decisions.is_file())
    counted = [
        count_group(group, str(run_id), run.runs_dir, {outcome.value for outcome in right})
        for (run_id,), group in groups.group_by("run_id", maintain_order=True)
    ]
    return sorted(counted, key=lambda each: (-each.fed_back, each.run_id))


def note_corrections(run: RunDirectory, manifest: Manifest) -> list[Correction]:
    """Count what was corrected, and write it down if rows were fed back in."""
    counted = count_corrections(run, manifest)
    if counted:
        write_json(CORRECTIONS.dump_python(counted), run.corrections)
    return counted


def read_corrections(run: RunDirectory) -> list[Correction]:
    """Read what was counted; nothing if nothing was fed back."""
    path = run.corrections
    return CORRECTIONS.validate_json(path.read_bytes()) if path.is_file() else []


def _trace(run: RunDirectory, manifest: Manifest) -> Iterator[pl.DataFrame]:
    inputs = [may_hold_corrections(record.header) for record in manifest.inputs]
    for part in manifest.partitions:
        if inputs[part.input]:
            is_prepared = run.part("prepared", part.number).is_file()
            found = read_found(run, part.number) if is_prepared else FOUND_SCHEMA.to_frame()
            yield trace_corrections(
                pl.read_parquet(run.part("staged", part.number)),
                manifest.inputs[part.input].header,
                pl.read_parquet(run.part("outcomes", part.number)),
                found,
            )


@dataclass(frozen=True, slots=True)
class _Left:
    """What a run left to be corrected."""

    rows: int
    codes: Counter[str]
    """Rows by error."""


def count_group(group: pl.DataFrame, run_id: str, runs_dir: Place, right: Set[str]) -> Correction:
    """Count what was corrected of one run.

    Args:
        group: What `group_corrections` gave of its rows.
        run_id: The run.
        runs_dir: Where it is, if it is still there.
        right: Outcomes of rows of which nothing is left to be corrected.
    """
    others: Counter[str] = Counter()
    had, corrected, still, now = (Counter[str]() for _ in range(4))
    for was_codes, outcome, now_codes, rows in group.drop("run_id").iter_rows():
        before, after = _split(was_codes), _split(now_codes)
        had.update(dict.fromkeys(before, rows))
        if outcome in right:
            corrected.update(dict.fromkeys(before, rows))
        else:
            others[outcome] += rows
            now.update(dict.fromkeys(after, rows))
            still.update(dict.fromkeys(before & after, rows))
    fed_back = int(group["rows"].sum())
    left = _read_left(run_at(runs_dir, run_id))
    codes = had | left.codes if left else had  # of each the larger: rows may be made up by hand
    to_correct = max(fed_back, left.rows) if left else fed_back
    return Correction(
        run_id=run_id,
        is_known=left is not None,
        to_correct=to_correct,
        fed_back=fed_back,
        corrected=fed_back - others.total(),
        not_fed_back=to_correct - fed_back,
        others=_most_first(others),
        codes=[
            CodeCorrection(code=code, to_correct=rows, corrected=corrected[code], still=still[code])
            for code, rows in _most_first(codes).items()
        ],
        codes_now=_most_first(now),
    )


def _split(codes: str | None) -> set[str]:
    """Read codes from a cell; what is none of ours is passed over."""
    return {code for code in (codes or "").split(BETWEEN) if code in _CODES}


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _read_left(run: RunDirectory) -> _Left | None:
    """Read what a run left to be corrected; None if it is not there, or cannot be read."""
    try:
        summary = Summary.model_validate_json(run.summary.read_bytes())
        with pq.ParquetFile(run.issues) as file:
            with_errors, codes = _count_errors(file)
    except (OSError, ValidationError, ArrowException, PolarsError):
        return None
    rows = summary.invalid + summary.rejected
    # A row that the service refused has no error of ours, or its codes are those.
    if rows > with_errors:
        codes[SERVICE_REFUSED] = rows - with_errors
    return _Left(rows, codes)


def _count_errors(issues: pq.ParquetFile) -> tuple[int, Counter[str]]:
    """Count the rows that have an error, and those of each code."""
    with_errors, codes = 0, Counter[str]()
    # One partition's issues are in one group.
    for number in range(issues.num_row_groups):
        table = issues.read_row_group(number, columns=["source_row", "code", "severity"])
        errors = pl.DataFrame(table).filter(pl.col("severity") == Severity.ERROR.value)
        with_errors += errors["source_row"].n_unique()
        codes.update(dict(errors.unique(["source_row", "code"]).group_by("code").len().rows()))
    return with_errors, codes

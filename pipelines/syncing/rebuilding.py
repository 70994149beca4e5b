"""Rebuilding a state from an export of the service: what is known again, and what is not.

An export job writes EndpointResponses as lines of JSON. They are read as any source is. What was
accepted is not in them, but what the service has is: a row that says nothing else is unchanged.
Partitions are sorted one by one and merged range by range: memory does not grow with the export.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from pipelines.destinations.pinpoint_calls import read_born
from pipelines.errors import SourceError, StateError
from pipelines.preparing import read_records
from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.sources.finding import find_sources
from pipelines.sources.stamps import SourceStamp, stamp_source
from pipelines.staging import SourceLayout, read_layout, stage
from pipelines.state.base import CommitKind, CommitNote, KeyRange, StateWriter
from pipelines.steps.find_drift import UNSTEADY
from pipelines.steps.fingerprint import hash_ids, mark_columns
from pipelines.steps.map_columns import map_columns, plan_columns
from pipelines.steps.normalize import NormalizeParams, normalize
from pipelines.storage.atomic import write_parquet
from pipelines.storage.manifest import PartitionRecord
from pipelines.storage.run_dir import RunDirectory, create_run_directory
from schemas.sync import RetirePolicy
from schemas.sync_records import RECORD_SCHEMA, SERVICE

_VALUES = {
    "endpoint_id": "Id",
    "user_id": "User.UserId",
    "opt_out": "OptOut",
    "status": "EndpointStatus",
}
_ID_KEY = pl.col("endpoint_id").str.to_lowercase()


class Rebuilt(BaseModel):
    """What an export gave."""

    model_config = ConfigDict(extra="forbid")

    lines: int = 0
    malformed: int = 0
    """Lines that are no record."""
    without_id: int = 0
    records: int = 0
    repeated: int = 0
    """Lines whose Id stood in a later one, too."""
    opted_out: int = 0
    inactive: int = 0
    forgotten: int = 0
    """Records of the state before that the export does not have."""


def rebuild(
    settings: ImportSettings, state: StateWriter, at: datetime, *, may_replace: bool
) -> Rebuilt:
    """Make a state of the files of an export; all of it is there, or none.

    Args:
        settings: The files (`sources`), and where the service is.
        state: The state, held for writing.
        at: The time now.
        may_replace: Whether what it has may be replaced.

    Raises:
        SourceError: A file cannot be read.
        StateError: There is a state already, and it may not be replaced.
    """
    if state.generation and not may_replace:
        raise StateError(
            f"There is a state of application {state.key.application_id} already, with "
            f"{state.count():,} records. Give --force to replace it by what the export says."
        )
    stamps = [stamp_source(source) for source in find_sources(settings.sources)]
    layouts = [read_layout(stamp, settings) for stamp in stamps]
    destination = connect(settings)
    try:
        born = read_born(destination)
    finally:
        destination.close()
    rebuilt = Rebuilt()
    with tempfile.TemporaryDirectory(prefix="endpoint-import-") as folder:
        run = create_run_directory(Path(folder), "rebuild")
        _take_in(run, settings, stamps, layouts, rebuilt)
        found = rebuilt.lines - rebuilt.malformed - rebuilt.without_id
        if not found:
            raise SourceError(
                "The export has no endpoints. Name the files that the job has written."
            )
        parts = state.ranges(found)
        note = CommitNote(kind=CommitKind.REBUILT, run_id=None, at=at)
        state.commit(_merge(run, state, parts, rebuilt), note, born=born)
    return rebuilt


def _take_in(
    run: RunDirectory,
    settings: ImportSettings,
    stamps: Sequence[SourceStamp],
    layouts: Sequence[SourceLayout],
    rebuilt: Rebuilt,
) -> None:
    """Write a file of sorted records for each partition."""
    first = 0
    for index, (stamp, layout) in enumerate(zip(stamps, layouts, strict=True)):

        def take(part: PartitionRecord, layout: SourceLayout = layout) -> None:
            records = _read_records(run, part.number, layout, rebuilt)
            write_parquet(records, run.part("prepared", part.number))
            run.remove(run.part("staged", part.number))

        first += len(stage(run, stamp, index, first, settings, None, take).partitions)


def _read_records(
    run: RunDirectory, number: int, layout: SourceLayout, rebuilt: Rebuilt
) -> pl.DataFrame:
    rows, readable, _ = read_records(run, number, layout)
    mapped = map_columns(readable, plan_columns(layout.header, None)).frame
    named = mapped.filter(pl.col("Id").str.strip_chars().str.len_bytes() > 0)
    rebuilt.lines += rows.height
    rebuilt.malformed += rows.height - readable.height
    rebuilt.without_id += mapped.height - named.height
    frame = normalize(named, NormalizeParams()).frame
    values = [
        (pl.col(column) if column in frame.columns else pl.lit(None)).cast(pl.String).alias(name)
        for name, column in _VALUES.items()
    ]
    keyed = frame.select(hash_ids(frame["Id"]).alias("key_hash"), *values)
    return keyed.hstack(mark_columns(frame.drop(UNSTEADY, strict=False))).sort(
        "key_hash", maintain_order=True
    )


def _merge(
    run: RunDirectory, state: StateWriter, parts: Sequence[KeyRange], rebuilt: Rebuilt
) -> Iterator[pl.DataFrame]:
    """Give the records range by range; what the state had besides is forgotten."""
    files = pl.scan_parquet(run.list_files("prepared", ".parquet"))
    for part in parts:
        found = files.filter(pl.col("key_hash").is_between(part.first, part.last)).collect()
        # Of the lines of an Id the last one counts.
        kept = found.filter(_ID_KEY.is_last_distinct())
        before = state.read(part) if state.generation else RECORD_SCHEMA.to_frame()
        records = _keep_opt_outs(kept.select(_as_record(name) for name in RECORD_SCHEMA), before)
        rebuilt.records += records.height
        rebuilt.repeated += found.height - kept.height
        rebuilt.opted_out += int((records["opt_out"] == "ALL").sum())
        rebuilt.inactive += int((records["status"] == "INACTIVE").sum())
        gone = before.join(records, on=_ID_KEY, how="anti", maintain_order="left")
        # Who opted out and was deleted since is not in an export, and still not to be opted in.
        is_needed = pl.col("retired").eq_missing(RetirePolicy.DELETE.value) & (
            pl.col("opt_out").eq_missing("ALL")
        )
        gone = gone.filter(~is_needed).with_columns(is_forgotten=pl.lit(value=True))
        rebuilt.forgotten += gone.height
        yield pl.concat([records, gone]).sort("key_hash", maintain_order=True)


def _keep_opt_outs(records: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Let an opt-out that was known hold where the export does not say anything of it."""
    members = ("opt_out", "opt_out_by")
    known = before.select("endpoint_id", *(pl.col(n).alias(f"known_{n}") for n in members))
    paired = records.join(known, on=_ID_KEY, how="left", maintain_order="left")
    opt_out = pl.coalesce("opt_out", "known_opt_out")
    was_known = pl.col("known_opt_out").eq_missing("ALL")
    by = pl.when(was_known).then("known_opt_out_by").otherwise(pl.lit(SERVICE))
    return paired.with_columns(
        opt_out.alias("opt_out"), pl.when(opt_out == "ALL").then(by).alias("opt_out_by")
    ).select(RECORD_SCHEMA.names())


def _as_record(name: str) -> pl.Expr:
    if name in ("key_hash", "layout", "marks", *_VALUES):
        return pl.col(name)
    given = {"feeds": 0, "is_ours": False, "is_forgotten": False}.get(name)
    return pl.lit(given, RECORD_SCHEMA[name]).alias(name)

"""Recording: what the state is to remember of a run, in two commits.

The first one comes before anything is sent: what is about to be sent has no known content from then
on. The second one comes after, with what the service took. Whatever happens in between, the state
never says of a row that the service has it, if that is not sure: it is sent again.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from pipelines.sending import read_shipments, read_verdicts
from pipelines.settings import ImportSettings
from pipelines.state.base import CommitKind, CommitNote, StateWriter
from pipelines.steps.sync_records import Occasion, accept, retire
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from pipelines.syncing.comparing import (
    Comparison,
    read_intents,
    read_range,
    read_without_marks,
    write_sorted,
)
from pipelines.syncing.removals import read_retired
from schemas.outcomes import Outcome
from schemas.shipments import ShipmentSlice
from schemas.sync import SyncMode
from schemas.sync_records import KEYED_SCHEMA, RECORD_SCHEMA


def record_intent(
    run: RunDirectory, manifest: Manifest, state: StateWriter, comparison: Comparison
) -> None:
    """Commit what is about to be sent, unless that is done or there is nothing to commit.

    Done it is if the state was committed since the run began: nobody else may have (`holding`). The
    names of runs do not tell, as one may be used again.

    Raises:
        StorageError: The state cannot be written; nothing may be sent then.
    """
    if comparison.intents == 0 or state.generation > manifest.generation:
        return
    note = CommitNote(kind=CommitKind.INTENT, run_id=run.run_id, at=datetime.now(UTC))
    state.commit(read_intents(run, comparison), note, born=manifest.born)


def record_accepted(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    state: StateWriter,
    comparison: Comparison,
    *,
    is_final: bool,
) -> None:
    """Commit what the service took, in all attempts at the run.

    Args:
        run: The run.
        manifest: Its manifest.
        settings: Its settings.
        state: The state.
        comparison: What came of comparing.
        is_final: Whether nothing is left to send.

    Raises:
        StorageError: The state cannot be written. Resuming the run does it again.
    """
    places = [place for shipment in read_shipments(run) for place in shipment.slices()]
    for number, place in places:
        _write_taken(run, number, place)
    taken = [run.part("taken", number) for number, _ in places]
    now = datetime.now(UTC)
    occasion = Occasion(now, run.run_id, state.number_feed(settings.feed))
    # What another mode reads may be a part of the feed, such as a corrected errors.csv.
    is_whole = is_final and settings.sync_mode is SyncMode.MIRROR
    note = CommitNote(
        kind=CommitKind.ACCEPTED,
        run_id=run.run_id,
        at=now,
        is_final=is_final,
        feed=settings.feed,
        rows=comparison.identified if is_whole else None,
        unidentified=comparison.unidentified if is_whole else None,
    )
    gone = run.list_files("gone", ".parquet") if comparison.gone else []
    records = _read_records(run, settings, state, taken, gone, occasion)
    state.commit(records, note, born=manifest.born)


def _write_taken(run: RunDirectory, number: int, place: ShipmentSlice) -> None:
    """Write down the rows of a partition that the service took, in the order of their hashes."""
    verdicts = read_verdicts(run, number, place)
    accepted = verdicts.filter(pl.col("outcome") == Outcome.ACCEPTED.value)
    keyed = pl.read_parquet(run.part("keyed", number))
    taken = keyed.join(accepted, on="row_key", how="semi", maintain_order="left")
    write_sorted(taken, run.part("taken", number))


def _read_records(
    run: RunDirectory,
    settings: ImportSettings,
    state: StateWriter,
    taken: Sequence[Path],
    gone: Sequence[Path],
    occasion: Occasion,
) -> Iterator[pl.DataFrame]:
    retired = None
    if gone:
        is_done = pl.col("outcome") == Outcome.ACCEPTED.value
        told = read_retired(run, settings.retire)
        retired = pl.concat([part.filter(is_done).select("endpoint_id") for part in told])
    for part in state.ranges():
        rows = read_range(taken, part) if taken else KEYED_SCHEMA.to_frame()
        records = []
        if not rows.is_empty():
            records.append(accept(rows, read_without_marks(state, part), occasion))
        if retired is not None:
            left = read_range(gone, part).join(retired, on="endpoint_id", how="semi")
            records.append(retire(left, settings.retire, occasion))
        if records:
            yield pl.concat([RECORD_SCHEMA.to_frame(), *records]).sort("key_hash")

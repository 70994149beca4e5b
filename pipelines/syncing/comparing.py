"""Comparing: how the rows of a run stand to what the service last accepted.

Rows are written down once more by partition, in the order of the hashes of their Ids. Then one
range of hashes after the other is read from all partitions and from the state, so that memory is
bounded by a range, however many Ids there are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
import polars as pl
from pydantic import BaseModel, ConfigDict

from pipelines import progress
from pipelines.sending import read_decisions
from pipelines.settings import ImportSettings
from pipelines.state.base import KeyRange, StateReader
from pipelines.steps import sync_records
from pipelines.steps.compare import CompareParams, compare
from pipelines.steps.encode import opt_out_rows
from pipelines.steps.fingerprint import hash_ids
from pipelines.steps.result import ERROR_CODES
from pipelines.steps.sync_records import Occasion
from pipelines.storage.atomic import count_rows, replacing, write_json, write_parquet
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from pipelines.syncing.retiring import GONE_ROWS
from schemas.sync import DUE, HELD, Standing, SyncMode
from schemas.sync_records import COMPARED_SCHEMA, KEYED_SCHEMA, RECORD_SCHEMA

_MAKE_IDS = ("ChannelType", "Address")
"""Columns that an Id is made of."""
_NO_MARKS = pl.lit(None, RECORD_SCHEMA["marks"]).alias("marks")
ROW_GROUP_ROWS = 8192
"""Rows that are read at the least where a range begins or ends in them."""

Observer = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame], None]
"""Is shown the rows, records, verdicts and gone records of each range."""


class Comparison(BaseModel):
    """What came of comparing, in numbers of endpoints."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    due: int
    """To be sent."""
    unchanged: int
    held: int
    opt_ins: int
    """Due, and known to have opted out: a column of the source takes that back."""
    gone: int
    """To be retired."""
    tracked: int
    """Endpoints of this feed that were sent and are not retired."""
    identified: int
    """Endpoints of the source whose Id is known, valid or not."""
    unidentified: int
    """Rows of the source that give no Id; 0 where nobody asks: without mirror or a diff."""
    intents: int
    """Files of records for the commit before sending."""


def is_compared(manifest: Manifest, settings: ImportSettings) -> bool:
    """Say whether rows are compared with the state: in every import that keeps one.

    A plan for sending everything need not know what the service has, unless it is asked.
    """
    if manifest.command == "plan":
        return manifest.diff or settings.sync_mode is not SyncMode.UPSERT
    return manifest.command == "run" and not settings.no_state


def key_rows(run: RunDirectory, number: int) -> None:
    """Write the rows of a partition down as they are compared.

    Rows that `resolve` has decided about are left out.
    """
    path = run.part("prepared", number)
    columns = ["row_key", *(c for c in KEYED_SCHEMA.names() if c not in ("partition", "row_key"))]
    rows = pl.read_parquet(path, columns=columns)
    decisions = read_decisions(run, number)
    if not decisions.is_empty():
        rows = rows.join(decisions, on="row_key", how="anti", maintain_order="left")
    kept = pl.scan_parquet(run.opt_outs).filter(pl.col("partition") == number).collect()
    if not kept.is_empty():
        rows = _keep_opt_outs(rows, pl.read_parquet(path, columns=["row_key", "item"]), kept)
    keyed = rows.with_columns(pl.lit(number, pl.Int64).alias("partition"))
    write_sorted(keyed.select(KEYED_SCHEMA.names()), run.part("keyed", number))


def _keep_opt_outs(rows: pl.DataFrame, items: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Let the rows that a duplicate opts out be compared as they are sent."""
    is_kept = pl.col("row_key").is_in(kept["row_key"].implode())
    patched = rows.filter(is_kept).join(items, on="row_key", maintain_order="left")
    return pl.concat([rows.filter(~is_kept), opt_out_rows(patched).drop("item")])


def key_present(run: RunDirectory, number: int) -> None:
    """Write down which Ids stand in a partition, whatever became of their rows."""
    ids = read_ids(run, number).drop_nulls()
    present = pl.DataFrame({"key_hash": hash_ids(ids), "id_key": ids.str.to_lowercase()})
    write_sorted(present.unique(), run.part("present", number))


def read_ids(run: RunDirectory, number: int) -> pl.Series:
    """Read the Ids of a partition's endpoints, null where they cannot be told.

    An Id that is made of an address which is wrong is that of nobody: who knows whose it was.
    """
    rows = pl.read_parquet(run.part("rows", number))
    found = pl.scan_parquet(run.part("found", number))
    is_wrong = pl.col("code").is_in(ERROR_CODES) & pl.col("column").is_in(_MAKE_IDS)
    wrong = found.filter(is_wrong).select("row_key").collect()["row_key"]
    is_told = pl.col("has_own_id") | ~pl.col("row_key").is_in(wrong.implode())
    return rows.select(pl.when(is_told).then("endpoint_id").alias("endpoint_id"))["endpoint_id"]


def write_sorted(frame: pl.DataFrame, path: Path) -> None:
    """Write rows sorted by `key_hash`, so that a range of them is found without reading all."""
    with replacing(path) as temporary:
        frame.sort("key_hash").write_parquet(
            temporary, compression="lz4", statistics=True, row_group_size=ROW_GROUP_ROWS
        )


def read_range(files: Sequence[Path], part: KeyRange, *, with_marks: bool = True) -> pl.DataFrame:
    """Read a range of hashes from files that `write_sorted` wrote, one after the other.

    Args:
        files: The files.
        part: The range.
        with_marks: Whether marks are wanted, which are most of what there is; else they are null.
    """
    first, last = (pl.lit(bound, pl.UInt64) for bound in (part.first, part.last))
    scanned = pl.scan_parquet(list(files))
    if not with_marks:
        scanned = scanned.with_columns(_NO_MARKS)
    return scanned.filter(pl.col("key_hash").is_between(first, last)).collect()


def load_comparison(run: RunDirectory) -> Comparison | None:
    """Give what came of comparing, if that was done."""
    if not run.comparison.is_file():
        return None
    return Comparison.model_validate(orjson.loads(run.comparison.read_bytes()))


def compare_run(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    state: StateReader,
    feed: int,
    observe: Observer | None = None,
) -> Comparison:
    """Compare all rows of a run with the state, and write down what is to be done about each.

    Args:
        run: The run; its partitions are keyed.
        manifest: Its manifest.
        settings: Its settings.
        state: What the service last accepted.
        feed: Number of the run's feed.
        observe: Is shown each range.
    """
    numbers = [part.number for part in manifest.partitions]
    for path in run.list_files("gone", ".parquet"):  # of an attempt that was killed in this
        run.remove(path)
    work = _Work(run, numbers, settings, compare_params(manifest, settings), feed)
    for part in state.ranges(count_rows([run.part("keyed", number) for number in numbers])):
        known = read_without_marks(state, part)
        with_marks = observe is not None or _needs_marks(known, feed)
        if with_marks:
            known = state.read(part)
        shown = work.add(part, known, with_marks=with_marks)
        if observe is not None:
            observe(*shown)
    comparison = work.finish(is_shown=observe is not None)
    write_json(comparison.model_dump(mode="json"), run.comparison)
    return comparison


def send_unchanged(run: RunDirectory, manifest: Manifest) -> None:
    """Let rows that have not changed count as due, once that they have not was told."""
    for part in manifest.partitions:
        path = run.part("compared", part.number)
        due = pl.col("standing").replace(int(Standing.UNCHANGED), int(Standing.CHANGED))
        write_parquet(pl.read_parquet(path).with_columns(due), path)


def read_without_marks(state: StateReader, part: KeyRange) -> pl.DataFrame:
    """Read the records of a range as if they had no marks, which are most of what there is."""
    columns = [name for name in RECORD_SCHEMA.names() if name != "marks"]
    return state.read(part, columns).with_columns(_NO_MARKS).select(RECORD_SCHEMA.names())


def _needs_marks(known: pl.DataFrame, feed: int) -> bool:
    """Say whether records are compared by their marks, or may be written again as they are."""
    is_rebuilt = pl.col("content").is_null() & pl.col("layout").is_not_null()
    joins_or_leaves = pl.col("feeds").ne_missing(pl.lit(1 << feed, pl.UInt64))
    return bool(known.select((is_rebuilt | joins_or_leaves).any()).item())


def compare_params(manifest: Manifest, settings: ImportSettings) -> CompareParams:
    """Say what is allowed to the rows of a run."""
    mapping = manifest.read_mapping()
    return CompareParams(
        is_full_refresh=settings.full_refresh or settings.sync_mode is SyncMode.UPSERT,
        may_opt_in=settings.allow_opt_in,
        consenting=mapping.stating("OptOut", "NONE") if mapping else frozenset(),
        activating=mapping.stating("EndpointStatus", "ACTIVE") if mapping else frozenset(),
    )


@dataclass
class _Work:
    """What is known after some of the ranges."""

    run: RunDirectory
    numbers: Sequence[int]
    settings: ImportSettings
    params: CompareParams
    feed: int
    counts: dict[Standing, int] = field(default_factory=lambda: dict.fromkeys(Standing, 0))
    opt_ins: int = 0
    tracked: int = 0
    identified: int = 0
    intents: int = 0
    gone: int = 0
    gone_files: int = 0

    def __post_init__(self) -> None:
        self._keyed = [self.run.part("keyed", number) for number in self.numbers]
        self._present = [self.run.part("present", number) for number in self.numbers]
        # A byte or two for each row, in the order of the keyed files.
        self._verdicts: dict[int, list[pl.DataFrame]] = {number: [] for number in self.numbers}
        self._is_mirror = self.settings.sync_mode is SyncMode.MIRROR
        self._waiting = RECORD_SCHEMA.to_frame()

    def add(
        self, part: KeyRange, known: pl.DataFrame, *, with_marks: bool
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Compare the rows of a range with its records; give what there is to show of it."""
        rows = KEYED_SCHEMA.to_frame()
        if self._keyed:
            rows = read_range(self._keyed, part, with_marks=with_marks)
        compared = compare(rows, known, self.params)
        for (number,), verdicts in compared.group_by("partition", maintain_order=True):
            self._verdicts[int(number)].append(verdicts.select("standing", "is_known_opt_in"))
        for standing, count in compared.group_by("standing").len().iter_rows():
            self.counts[Standing(standing)] += count
        self.opt_ins += int(compared["takes_back"].sum())
        occasion = Occasion(datetime.now(UTC), self.run.run_id, self.feed)
        is_due = compared["standing"].is_in([int(standing) for standing in DUE])
        records = [
            sync_records.intend(rows.filter(is_due), known, occasion),
            sync_records.join_feed(rows.filter(~is_due), known, occasion),
        ]
        gone = RECORD_SCHEMA.to_frame()
        in_feed = known["feeds"] & (1 << self.feed) != 0
        self.tracked += known.filter(in_feed & known["is_ours"] & known["retired"].is_null()).height
        if self._is_mirror:
            present = read_range(self._present, part)["id_key"].unique() if self._present else None
            ids = pl.Series([], dtype=pl.String) if present is None else present
            self.identified += len(ids)
            gone = sync_records.find_gone(known, ids, self.feed)
            records.append(sync_records.leave_feed(known, ids, self.feed))
            records.append(sync_records.intend_to_retire(gone, self.settings.retire))
            self._write_gone(gone)
        self._write_intents(pl.concat(records).sort("key_hash"))
        progress.advance("compare", rows.height)
        return rows, known, compared, gone

    def _write_gone(self, gone: pl.DataFrame, *, is_last: bool = False) -> None:
        """Write full files, so that their requests are full: a few of each range are none."""
        self.gone += gone.height
        most = GONE_ROWS[self.settings.retire]
        self._waiting = pl.concat([self._waiting, gone])
        while self._waiting.height >= most or (is_last and not self._waiting.is_empty()):
            write_sorted(self._waiting.head(most), self.run.part("gone", self.gone_files))
            self._waiting = self._waiting.slice(most)
            self.gone_files += 1

    def _write_intents(self, records: pl.DataFrame) -> None:
        if not records.is_empty():
            write_parquet(records, self.run.part("intents", self.intents))
            self.intents += 1

    def finish(self, *, is_shown: bool) -> Comparison:
        """Write the verdicts down by partition, and say what came of it."""
        self._write_gone(RECORD_SCHEMA.to_frame(), is_last=True)
        empty = COMPARED_SCHEMA.to_frame().select("standing", "is_known_opt_in")
        for number, path in zip(self.numbers, self._keyed, strict=True):
            keys = pl.read_parquet(path, columns=["row_key"])
            verdicts = keys.hstack(pl.concat([empty, *self._verdicts.pop(number)]))
            write_parquet(verdicts.sort("row_key"), self.run.part("compared", number))
        return Comparison(
            due=sum(self.counts[standing] for standing in DUE),
            unchanged=self.counts[Standing.UNCHANGED],
            held=sum(self.counts[standing] for standing in HELD),
            opt_ins=self.opt_ins,
            gone=self.gone,
            tracked=self.tracked,
            identified=self.identified,
            unidentified=self._count_unidentified() if is_shown or self._is_mirror else 0,
            intents=self.intents,
        )

    def _count_unidentified(self) -> int:
        return sum(read_ids(self.run, number).null_count() for number in self.numbers)


def read_intents(run: RunDirectory, comparison: Comparison) -> Iterator[pl.DataFrame]:
    """Read the records for the commit before sending, in their order."""
    for number in range(comparison.intents):
        yield pl.read_parquet(run.part("intents", number))

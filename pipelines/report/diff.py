"""The diff: what an import would change at the service, as far as the sync state can tell.

Counts and a few examples, added up range by range, so that memory does not grow with the input.
Ids are masked, as all that `plan` shows.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from pipelines.state.base import CommitKind, StateReader
from pipelines.steps.compare import find_changed_columns
from schemas.masking import mask
from schemas.row_keys import row_of
from schemas.sync import Standing

EXAMPLES = 5
"""Endpoints that are shown of each kind."""
RETIRE = "to_retire"
"""The kind of what is gone, which has no row to stand in any way."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnChange(_Part):
    """A column, and in how many endpoints it differs."""

    name: str
    endpoints: int


class DiffExample(_Part):
    """An endpoint."""

    endpoint_id: str
    """Masked."""
    source_file: str | None
    """Of its row; None for one that has none."""
    source_row: int | None
    columns: list[str] | None
    """Those that differ; None where that is not known, or nothing is to differ."""


class DiffKind(_Part):
    """The endpoints that stand in one way."""

    endpoints: int = 0
    columns: list[ColumnChange] = []
    """Most frequent first."""
    alike: int = 0
    """Endpoints none of whose columns is known to differ."""
    unknown: int = 0
    """Endpoints of which it is not known what the service has in which column."""
    examples: list[DiffExample] = []


class StateAge(_Part):
    """What the import is compared with."""

    records: int
    generation: int
    """0 if nothing was ever sent, as far as the state knows."""
    last_run_id: str | None
    last_at: datetime | None
    """When a run last told the state what the service took."""
    rebuilt_at: datetime | None
    """When it was made from an export of the service, if that is among its last commits."""


class Unseen(_Part):
    """What the comparison cannot tell of."""

    invalid: int = 0
    """Endpoints that were invalid: what they would change is not looked at."""
    unidentified: int = 0
    """Rows whose Id cannot be told, which may be those of endpoints that seem to be gone."""
    is_limited: bool = False
    """Whether only the first records were read."""


class Diff(_Part):
    """diff.json."""

    sync_mode: str
    compared: int
    """Endpoints of the source that could be sent."""
    new: DiffKind
    changed: DiffKind
    unchanged: DiffKind
    doubtful: DiffKind
    returned: DiffKind
    opts_in: DiffKind
    reactivates: DiffKind
    to_retire: DiffKind
    state: StateAge
    unseen: Unseen


class DiffTally:
    """Adds up how endpoints stand, range by range."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kinds = {kind: _Kind() for kind in (*(s.name.lower() for s in Standing), RETIRE)}
        self._records = 0

    def add(
        self,
        rows: pl.DataFrame,
        known: pl.DataFrame,
        compared: pl.DataFrame,
        gone: pl.DataFrame | None = None,
    ) -> None:
        """Add a range.

        Args:
            rows: In the shape of `KEYED_SCHEMA`.
            known: Records of their Ids, and others, in the shape of `RECORD_SCHEMA`.
            compared: What `steps.compare.compare` gave of them.
            gone: Records that mirror would retire.
        """
        self._records += known.height
        keys = ["partition", "row_key"]
        told = compared.select(*keys, "standing")
        stood = rows.join(told, on=keys, how="inner", maintain_order="left")
        for standing in Standing:
            found = stood.filter(pl.col("standing") == standing.value)
            if found.is_empty():
                continue
            if standing in (Standing.CHANGED, Standing.DOUBTFUL, Standing.RETURNED):
                changes = find_changed_columns(found.drop("standing"), known)
                found = found.join(changes, on=keys, how="left", maintain_order="left")
            self._kinds[standing.name.lower()].add(found)
        if gone is not None:
            self._kinds[RETIRE].add(gone)

    def finish(
        self, sync_mode: str, state: StateReader, unseen: Unseen, files: Mapping[int, str]
    ) -> Diff:
        """Give what was found.

        Args:
            sync_mode: The import's.
            state: What the rows were compared with.
            unseen: What was not compared.
            files: Names of the sources, by the numbers of their partitions.
        """
        kinds = {name: kind.finish(files) for name, kind in self._kinds.items()}
        compared = sum(kind.endpoints for name, kind in kinds.items() if name != RETIRE)
        age = _tell_age(state, self._records)
        return Diff(sync_mode=sync_mode, compared=compared, state=age, unseen=unseen, **kinds)


class _Kind:
    def __init__(self) -> None:
        self._endpoints = self._alike = self._unknown = 0
        self._columns: Counter[str] = Counter()
        self._examples: list[Mapping[str, Any]] = []

    def add(self, found: pl.DataFrame) -> None:
        self._endpoints += found.height
        if "columns" in found.columns:
            changes = found["columns"]
            self._unknown += changes.null_count()
            self._alike += int((changes.list.len() == 0).sum())
            names = changes.drop_nulls().explode(empty_as_null=False)
            self._columns.update(dict(names.value_counts(name="endpoints").iter_rows()))
        self._examples += found.head(EXAMPLES - len(self._examples)).to_dicts()

    def finish(self, files: Mapping[int, str]) -> DiffKind:
        order = sorted(self._columns.items(), key=lambda item: (-item[1], item[0]))
        return DiffKind(
            endpoints=self._endpoints,
            columns=[ColumnChange(name=name, endpoints=count) for name, count in order],
            alike=self._alike,
            unknown=self._unknown,
            examples=[_show(row, files) for row in self._examples],
        )


def _show(row: Mapping[str, Any], files: Mapping[int, str]) -> DiffExample:
    key = row.get("row_key")
    return DiffExample(
        endpoint_id=mask(row["endpoint_id"]),
        source_file=None if key is None else files[row["partition"]],
        source_row=None if key is None else pl.select(row_of(pl.lit(key))).item(),
        columns=row.get("columns"),
    )


def _tell_age(state: StateReader, records: int) -> StateAge:
    accepted = [note for note in state.notes if note.kind is CommitKind.ACCEPTED]
    rebuilt = [note.at for note in state.notes if note.kind is CommitKind.REBUILT]
    last = accepted[-1] if accepted else None
    return StateAge(
        records=records,
        generation=state.generation,
        last_run_id=last.run_id if last else None,
        last_at=last.at if last else None,
        rebuilt_at=rebuilt[-1] if rebuilt else None,
    )

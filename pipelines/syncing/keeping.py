"""Keeping a state: to find one, to look an endpoint up in it, and to take endpoints out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from pipelines.errors import StateError
from pipelines.state.base import (
    CommitKind,
    CommitNote,
    KeyRange,
    StateKey,
    StateReader,
    StateWriter,
)
from pipelines.state.store import open_state
from pipelines.steps.fingerprint import hash_ids
from pipelines.storage.places import Place
from schemas.sync_records import LAYOUT_SEPARATOR


def open_known_state(place: Place, key: StateKey) -> StateReader:
    """Open a state that there is.

    Raises:
        StateError: There is none, or it cannot be read.
    """
    state = open_state(place, key)
    if not state.generation:
        raise StateError(
            f"There is no state of application {key.application_id} of {key.destination} in "
            f"{place}. `endpoint-import state show` lists those that there are; check --state-dir "
            "and the options of the service."
        )
    return state


def find_records(state: StateReader, endpoint_ids: Sequence[str]) -> pl.DataFrame:
    """Give the records of endpoints that are known; case does not count in an Id."""
    keys = {name.lower() for name in endpoint_ids}
    hashes = sorted(set(hash_ids(pl.Series("id", sorted(keys), pl.String))))
    found = [state.read(KeyRange(number, number)) for number in hashes]
    return pl.concat(found).filter(pl.col("endpoint_id").str.to_lowercase().is_in(list(keys)))


def describe_record(state: StateReader, record: dict[str, Any]) -> dict[str, Any]:
    """Say what is known of an endpoint, under the names of the API where it has them."""
    layout, marks = record["layout"], record["marks"]
    columns = [
        name
        for name, mark in zip((layout or "").split(LAYOUT_SEPARATOR), marks or (), strict=False)
        if mark is not None
    ]
    bits = record["feeds"] or 0
    return {
        "Id": record["endpoint_id"],
        "User.UserId": record["user_id"],
        "OptOut": record["opt_out"],
        "EndpointStatus": record["status"],
        "is_content_known": record["content"] is not None or marks is not None,
        "columns": columns if marks is not None else None,
        "feeds": [name for number, name in enumerate(state.feeds) if bits >> number & 1],
        "is_ours": record["is_ours"],
        "retired": record["retired"],
        "accepted_at": record["accepted_at"],
        "run_id": record["run_id"],
    }


def forget_endpoints(state: StateWriter, endpoint_ids: Sequence[str], at: datetime) -> int:
    """Take endpoints out of a state, and out of its files; give how many there were."""
    records = find_records(state, endpoint_ids)
    if not records.is_empty():
        gone = records.with_columns(is_forgotten=pl.lit(value=True))
        state.commit([gone], CommitNote(kind=CommitKind.FORGOTTEN, run_id=None, at=at))
        state.erase()
    return records.height

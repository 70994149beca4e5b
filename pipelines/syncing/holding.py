"""Syncing: what holds between a run and the state of its application, from its begin to its end.

The state's lock is held all that time. Two runs into one application so never overlap: one that had
read an older export would put older content over newer.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import get_run_logger
from pydantic import ValidationError

from pipelines import stopping
from pipelines.errors import ConfigurationError, RunStateError, StateError
from pipelines.settings import ImportSettings
from pipelines.state.base import CommitKind, CommitNote, StateKey, StateReader, StateWriter
from pipelines.state.store import locked_state, open_state, remove_state
from pipelines.storage.manifest import load_manifest, save_manifest
from pipelines.storage.run_dir import open_run_directory
from pipelines.storage.run_lock import locked
from pipelines.syncing.comparing import load_comparison
from pipelines.syncing.place import state_key
from pipelines.syncing.recording import record_accepted

_OF_RUNS = frozenset({CommitKind.INTENT, CommitKind.ACCEPTED})


def find_unfinished(state: StateReader) -> str | None:
    """Give the id of the last run that has sent something, if it has not come to its end.

    None, too, if a person has changed the state since: then nobody can go on with it.
    """
    last = _last_commit(state)
    is_open = last is not None and last.kind in _OF_RUNS and not last.is_final
    return last.run_id if last is not None and is_open else None


def _last_commit(state: StateReader) -> CommitNote | None:
    return state.notes[-1] if state.notes else None


def read_state(settings: ImportSettings) -> StateReader:
    """Give the state of the settings' application as it is now.

    Raises:
        StateError: It is damaged.
    """
    return open_state(settings.state_place, state_key(settings))


@contextmanager
def holding_state(
    settings: ImportSettings, run_id: str, born: str | None, *, is_new: bool
) -> Iterator[StateWriter | None]:
    """Hold the state of the settings' application; None if none is wanted.

    Args:
        settings: Of the run.
        run_id: The run.
        born: When the service made the application, if it says so.
        is_new: Whether the run begins now.

    Raises:
        StateError: Another run holds it, it is damaged, or it does not allow this.
    """
    if settings.no_state:
        yield None
        return
    key = state_key(settings)
    _drop_other_born(settings, key, born)
    # Who has taken it over sends what is newer by now.
    lock = locked_state(settings.state_place, key, run_id=run_id, on_loss=stopping.request)
    with lock as state:
        if is_new and (other := find_unfinished(state)) is not None:
            if settings.unfinished == "refuse":
                raise StateError(
                    f"Run {other} into this application was not finished. Resume it "
                    f"(endpoint-import resume {other}), or let this run take its place "
                    "(--unfinished supersede)."
                )
            get_run_logger().warning(
                "run %s into this application was not finished; this run takes its place, and "
                "sends again what is not known to be accepted",
                other,
            )
            _take_over(settings, state, other, run_id)
        yield state


def _take_over(settings: ImportSettings, state: StateWriter, other: str, run_id: str) -> None:
    """Note what a run that was killed got accepted, as far as its own books are there."""
    last = _last_commit(state)
    was_killed = last is not None and last.kind is CommitKind.INTENT
    try:
        run = open_run_directory(settings.runs_dir, other)
        with locked(run):
            manifest = load_manifest(run)
            given = ImportSettings.model_validate(manifest.settings)
            # Its first commit was the one before it sent.
            is_first = not was_killed or manifest.generation + 1 == state.generation
            if state_key(given) != state.key or not is_first:
                raise RunStateError(f"the run of that name in {settings.runs_dir} is another one.")
            comparison = load_comparison(run) if was_killed else None
            if comparison is not None:
                record_accepted(run, manifest, given, state, comparison, is_final=False)
            manifest.superseded_by = run_id
            save_manifest(manifest, run)
    except (RunStateError, ConfigurationError, ValidationError, OSError) as error:
        get_run_logger().warning("what run %s got accepted is not known: %s", other, error)


def _drop_other_born(settings: ImportSettings, key: StateKey, born: str | None) -> None:
    """Drop a state that is about an application of the same name which is no more."""
    before = open_state(settings.state_place, key).born
    if born is None or before is None or born == before:
        return
    get_run_logger().warning(
        "application %s was made anew at %s: what was remembered of the one before is dropped, and "
        "everything is sent",
        key.application_id,
        born,
    )
    remove_state(settings.state_place, key)


def require_still_ours(state: StateReader, run_id: str, generation: int) -> None:
    """Refuse to go on with a run unless the last commit is its own, or from before it began.

    Args:
        state: The state.
        run_id: The run that is resumed.
        generation: The state's when the run began.

    Raises:
        RunStateError: Its content may be older than what the service has, or what it was compared
            with does not hold any more.
    """
    last = _last_commit(state)
    if state.generation < generation:
        raise RunStateError(
            f"The sync state that run {run_id} began with is gone. Start a new run."
        )
    if state.generation == generation or last is None or last.run_id == run_id:
        return
    if last.kind in _OF_RUNS:
        raise RunStateError(
            f"Run {last.run_id} has imported into this application since run {run_id} stopped: to "
            "go on would put older content over newer. Start a new run: with --sync-mode changed "
            "it sends only what is still due."
        )
    raise RunStateError(
        f"A command (endpoint-import state) has changed the sync state since run {run_id} stopped: "
        "what the run was compared with does not hold any more. Start a new run."
    )

"""The state store: one folder for each application of each service, in a folder or a bucket.

    <slug>-<digest of service and application>/
      pointer.json                         what the state is made of (`pointer`)
      <revision>-<any>-<number>.parquet    records (`segments`)
      lock                                 who writes it (`file_lock`, on S3 `s3_lock`)

Readers take no lock: what they opened stays as it is until the second commit after that. Writers
hold the lock of the folder, a run from before it compares until after it has sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.errors import StateError
from pipelines.state import pointer
from pipelines.state.base import StateKey, StateReader, StateWriter
from pipelines.state.folders import OnLoss, StateFolder, folder_at, list_folders, name_folder
from pipelines.state.pointer import parse_pointer
from pipelines.state.reading import StoredState
from pipelines.state.writing import WritableState
from pipelines.storage.file_lock import Owner
from pipelines.storage.places import Place


def _do_nothing() -> None:
    pass


def open_state(place: Place, key: StateKey) -> StateReader:
    """Open the state of an application for reading; nothing is made if there is none yet.

    Raises:
        StateError: It is damaged, or of a newer version of this program.
        StorageError: The bucket cannot be read.
    """
    return StoredState(folder_at(place, name_folder(key)), key)


@contextmanager
def locked_state(
    place: Place, key: StateKey, *, run_id: str | None, on_loss: OnLoss = _do_nothing
) -> Iterator[StateWriter]:
    """Hold the lock of a state for a `with` block; that of a killed owner is taken over.

    Args:
        place: Where the states of all applications are kept.
        key: Of the application.
        run_id: Who is to be told of to others; None for a command that is no run.
        on_loss: Is called, from another thread, if another process takes the lock over, which
            happens only where this one was not heard of for long. Nothing can be committed then.

    Raises:
        StateError: Another process holds it, or this one does already; or it is damaged.
        StorageError: The folder cannot be written.
    """
    folder = folder_at(place, name_folder(key))
    with _held(folder, key, run_id, on_loss):
        yield WritableState(folder, key)


@contextmanager
def _held(
    folder: StateFolder, key: StateKey, run_id: str | None, on_loss: OnLoss = _do_nothing
) -> Iterator[None]:
    with folder.locked(Owner.new(run_id), on_loss) as is_ours:
        if not is_ours:
            raise StateError(
                f"The sync state of application {key.application_id} is in use by "
                f"{folder.owner() or 'another process'}. Wait until that ends or stop it, then "
                f"run the command again.",
                run_id=run_id,
            )
        yield


def list_states(place: Place) -> list[StateReader]:
    """Open all states of a place.

    Raises:
        StateError: One is damaged.
    """
    found = []
    for folder in (folder_at(place, name) for name in list_folders(place)):
        if stored := folder.read_pointer():
            key = parse_pointer(stored.content, folder.location).key
            found.append(StoredState(folder, key))
    return sorted(found, key=lambda state: (state.key.application_id, state.key.destination))


def remove_state(place: Place, key: StateKey) -> None:
    """Remove a state, if there is one, also a damaged one. Its folder stays, with an empty lock.

    Raises:
        StateError: Another process holds its lock.
        StorageError: It cannot be removed.
    """
    folder = folder_at(place, name_folder(key))
    if folder.read_pointer() is None and folder.owner() is None:
        return
    with _held(folder, key, None):
        # The pointer first: a state is there whole, or not at all.
        folder.remove([pointer.NAME])
        folder.remove([name for name in folder.list_names() if name.endswith(".parquet")])

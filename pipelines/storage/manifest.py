"""The manifest: what a run was given, what it was made of, and how far it got."""

import hashlib
import platform
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.errors import RunStateError
from pipelines.sources.stamps import SourceStamp
from pipelines.storage.atomic import write_json
from pipelines.storage.run_dir import RunDirectory
from schemas.mapping import Mapping

FORMAT: Literal[2] = 2
"""Version of the run directory's layout; an older one can be looked at, but not resumed."""
PACKAGES = ("endpoint-import", "polars", "pyarrow", "pandera", "boto3", "prefect", "phonenumbers")
"""Whose versions are noted."""
DECIDING_PACKAGES = ("endpoint-import", "polars", "pyarrow", "pandera", "phonenumbers")
"""Whose versions can change what becomes of a row: a run goes on with the ones it began with."""


class RunStatus(StrEnum):
    """How far a run got."""

    RUNNING = "running"
    """Under way, or killed (nobody holds its lock): an orderly end changes this."""
    COMPLETED = "completed"
    """Every row was accepted, or checked without error."""
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    """Finished, and some rows were not imported."""
    GUARDED = "guarded"
    """A threshold stopped it before anything was sent."""
    STOPPED = "stopped"
    """Stopped part-way; can be resumed."""
    FAILED = "failed"
    """Could not be done: settings, source or a defect."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputRecord(_Record):
    """One source file as it was read."""

    path: str
    """What reports call it."""
    format: str
    size_bytes: int
    """As it lies there, packed or not."""
    sha256: str | None
    """Of the file as it lies there; None of an object of S3."""
    etag: str | None = None
    """Of an object of S3."""
    header: list[str]
    reading: dict[str, str] = {}
    """How it was read: such as its encoding and delimiter."""
    rows: int


class PartitionRecord(_Record):
    """One slice of a source file."""

    number: int
    input: int
    rows: int


class Attempt(_Record):
    """One process's work on the run: the first, or one that resumed it."""

    started_at: datetime
    finished_at: datetime | None = None
    """None for one that is under way, or was killed and not resumed since."""


class Manifest(_Record):
    """See the module."""

    format: Literal[1, 2] = FORMAT
    run_id: str
    command: str
    status: RunStatus = RunStatus.RUNNING
    message: str | None = None
    settings: dict[str, Any]
    mapping: dict[str, Any] | None = None
    """What the mapping said when the run began, whatever became of its file."""
    diff: bool = False
    """Whether a plan is to say what differs from what the service last accepted."""
    destination: str | None = None
    superseded_by: str | None = None
    """The run that took its place when it was not finished, if one did."""
    superseded: str | None = None
    """The run that was not finished and whose place this one took."""
    born: str | None = None
    """When the service made the application, if it says so."""
    generation: int = 0
    """Of the state of the application when the run began (`state.base.StateReader`)."""
    versions: dict[str, str]
    folder: str
    """Where relative paths in the settings begin."""
    sources: list[SourceStamp]
    """What is to be read, as it was when the run began."""
    inputs: list[InputRecord] = []
    """The first of the sources: those that are staged."""
    partitions: list[PartitionRecord] = []
    is_staged: bool = False
    """Whether everything that is to be read is staged: from then on no source is needed."""
    phase_seconds: dict[str, float] = {}
    """Over all attempts."""
    started_at: datetime
    attempts: list[Attempt]
    finished_at: datetime | None = None
    """When its results were written; None while there are none, or only those of an attempt
    that has been resumed since."""

    def read_mapping(self) -> Mapping | None:
        """Give the mapping of the run."""
        return None if self.mapping is None else Mapping.model_validate(self.mapping)

    @property
    def rows(self) -> int:
        """Records that are staged."""
        return sum(partition.rows for partition in self.partitions)

    @property
    def endpoint_names(self) -> tuple[str, ...]:
        """What the mapping calls the endpoints of a row; none where each row gives just one."""
        return tuple(str(rule["name"]) for rule in (self.mapping or {}).get("endpoints", ()))

    def source_of(self, partition: int) -> InputRecord:
        """Give the file that a partition is a slice of."""
        return self.inputs[self.partitions[partition].input]


def save_manifest(manifest: Manifest, run: RunDirectory) -> None:
    """Write the manifest into its run directory."""
    write_json(manifest.model_dump(mode="json"), run.manifest)


def load_manifest(run: RunDirectory) -> Manifest:
    """Read a run's manifest.

    Raises:
        RunStateError: It is damaged or of another version's layout.
    """
    try:
        return Manifest.model_validate(orjson.loads(run.manifest.read_bytes()))
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        raise RunStateError(
            f"{run.manifest} cannot be read: it is damaged or of another version."
        ) from error


def read_versions() -> dict[str, str]:
    """Give the versions of Python and of the packages that matter."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def hash_file(path: Path) -> str:
    """Give the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

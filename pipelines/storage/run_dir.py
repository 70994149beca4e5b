"""The run directory: everything that a run knows, in files.

    runs/<run_id>/              mode 0700; on S3 s3://<bucket>/<prefix>/<run_id>/ (`mirror`)
      manifest.json             inputs, settings, versions, status, times
      staged/part-00000.parquet      records as they came, with source_row; malformed ones with text
      rows/part-00000.parquet        row_key of every endpoint, or of a record that gave none, and
                                     its endpoint_id where known
      left_out/part-00000.parquet    records that the mapping leaves out
      prepared/part-00000.parquet    valid rows: keys and encoded item
      found/part-00000.parquet       issues that preparing found
      profiled/part-00000.parquet    what its columns look like
      resolved/decisions.parquet     rows that are not sent, and why
      resolved/found.parquet         issues across rows
      resolved/thresholds.json       what thresholds compared with, and which were exceeded
      resolved/opt_outs.parquet      rows that keep the opt-out of a duplicate
      resolved/users.json            how many users have how many endpoints
      resolved/comparison.json       how many rows are due, unchanged, held, gone
      keyed/part-00000.parquet       rows that could be sent, sorted by the hashes of their Ids
      present/part-00000.parquet     Ids of all rows, likewise (mirror)
      compared/part-00000.parquet    how they stand to what the service last accepted
      gone/part-00000.parquet        records of endpoints that mirror retires
      gone/part-00000.log            answers of the service to that, as they came
      intents/part-00000.parquet     records for the state before sending
      taken/part-00000.parquet       rows that the service took, in the order of `keyed`
      resolved/shipments.json        which partitions are sent together, and how many rows of each
      delivered/part-00000.log       answers of the service for a shipment by position, as they came
      outcomes/part-00000.parquet    one outcome for every row
      endpoints/part-00000.parquet   one for every endpoint, where rows may give several
      issues.parquet  errors.csv  held.csv  unprocessed.csv  removals.csv
      summary.json  report.html  report-unmasked.html  profile.json  corrections.json
      preview.json  diff.json
      lock                      who works on the run (`run_lock`)
      stop                      asks workers on a cluster to come to an end (`stop_request`)

A file that is present is complete (`atomic`), which makes every phase restartable: a partition
whose file is there is done. Only the logs in `delivered` and `gone` grow, and say themselves
whether they are complete (`answer_log`). `staged` to `gone` are removed after a clean finish.
"""

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pipelines.errors import ConfigurationError, RunStateError
from pipelines.storage.atomic import remove_leftovers
from pipelines.storage.places import Place, S3Folder

RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, with any ending: a run must be able to be copied there."""
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
WORKING_FOLDERS = (
    *("staged", "rows", "left_out", "prepared", "found", "profiled", "resolved"),
    *("keyed", "present", "compared", "gone", "intents", "taken", "delivered"),
)
FOLDERS = (*WORKING_FOLDERS, "outcomes", "endpoints")


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths of one run."""

    path: Path
    """The run's own directory; its name is the run id."""

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def location(self) -> str:
        """Where it is, for people."""
        return str(self.path)

    @property
    def runs_dir(self) -> Place:
        """Where it is kept."""
        return self.path.parent

    def show(self, path: Path) -> str:
        """Give the place of one of its files, for people."""
        return str(path)

    def at(self, *names: str) -> Path:
        """Give the path of one of its files, by its folder and name."""
        return self.path.joinpath(*names)

    def list_files(self, folder: str, suffix: str) -> list[Path]:
        """Give the files of a folder, in the order of their names."""
        return sorted((self.path / folder).glob(f"part-*{suffix}"))

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def from_everywhere(self) -> "RunDirectory":
        """Give the run by a path that does not depend on a process's current folder."""
        return RunDirectory(self.path.absolute())

    @property
    def manifest(self) -> Path:
        """Inputs, settings, versions, status."""
        return self.at("manifest.json")

    @property
    def summary(self) -> Path:
        """Counts of the run."""
        return self.at("summary.json")

    @property
    def errors(self) -> Path:
        """Rows to fix."""
        return self.at("errors.csv")

    @property
    def unprocessed(self) -> Path:
        """Rows that were never tried or never answered."""
        return self.at("unprocessed.csv")

    @property
    def held(self) -> Path:
        """Rows that a consent guard kept back."""
        return self.at("held.csv")

    @property
    def removals(self) -> Path:
        """Endpoints that are gone from the source, and what became of them."""
        return self.at("removals.csv")

    @property
    def issues(self) -> Path:
        """All issues."""
        return self.at("issues.parquet")

    @property
    def report(self) -> Path:
        """The quality report."""
        return self.at("report.html")

    @property
    def unmasked_report(self) -> Path:
        """The same with addresses, where somebody asked for it."""
        return self.at("report-unmasked.html")

    @property
    def profile(self) -> Path:
        """What the rows look like, column by column."""
        return self.at("profile.json")

    @property
    def corrections(self) -> Path:
        """What became of rows of an errors.csv that were fed back in."""
        return self.at("corrections.json")

    @property
    def preview(self) -> Path:
        """First records before and after, of a plan."""
        return self.at("preview.json")

    @property
    def diff(self) -> Path:
        """What a plan found to differ from what the service last accepted."""
        return self.at("diff.json")

    @property
    def decisions(self) -> Path:
        """What `resolve` decided."""
        return self.at("resolved", "decisions.parquet")

    @property
    def comparison(self) -> Path:
        """What came of comparing with the state; the last that it writes."""
        return self.at("resolved", "comparison.json")

    @property
    def thresholds(self) -> Path:
        """What thresholds compared with, and which were exceeded."""
        return self.at("resolved", "thresholds.json")

    @property
    def opt_outs(self) -> Path:
        """Rows that keep the opt-out of a duplicate."""
        return self.at("resolved", "opt_outs.parquet")

    @property
    def users(self) -> Path:
        """How many users have how many endpoints."""
        return self.at("resolved", "users.json")

    @property
    def run_issues(self) -> Path:
        """What `resolve` found."""
        return self.at("resolved", "found.parquet")

    @property
    def shipments(self) -> Path:
        """What is sent together: written once, before anything is sent."""
        return self.at("resolved", "shipments.json")

    @property
    def stop_request(self) -> Path:
        """Present while the workers of a cluster are to come to an end."""
        return self.at("stop")

    def part(self, folder: str, partition: int) -> Path:
        """Give the file of a partition in one of the folders."""
        return self.at(folder, f"part-{partition:05d}.parquet")

    def answers(self, shipment: int) -> Path:
        """Give the log of the service's answers for a shipment."""
        return self.at("delivered", f"part-{shipment:05d}.log")

    def retired(self, number: int) -> Path:
        """Give the log of the service's answers about a file of gone endpoints."""
        return self.at("gone", f"part-{number:05d}.log")

    def make_folders(self) -> None:
        """Make the folders that are missing: one that an older version made has fewer."""
        for name in FOLDERS:
            (self.path / name).mkdir(mode=0o700, exist_ok=True)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of a process that was killed."""
        for folder in (self.path, *(self.path / name for name in FOLDERS)):
            remove_leftovers(folder)

    def last_written_at(self) -> datetime:
        """Give the time of the last change to any of the run's files, except its lock."""
        files = [p for p in self.path.rglob("*") if p.is_file() and p.name != "lock"]
        newest_s = max(path.stat().st_mtime for path in files)
        return datetime.fromtimestamp(newest_s, UTC)

    def remove_working_files(self) -> None:
        """Remove what is only needed while the run goes on."""
        for folder in WORKING_FOLDERS:
            shutil.rmtree(self.path / folder, ignore_errors=True)
        with suppress(OSError):  # there is none, or it is in use
            (self.path / "endpoints").rmdir()


def read_number(path: Path) -> int:
    """Give the number of the partition, or of the shipment, that a file is about."""
    return int(path.stem.removeprefix("part-"))


def new_run_id(now: datetime) -> str:
    """Make a run id that sorts by time and does not clash."""
    return f"{now:%Y%m%dT%H%M%SZ}-{uuid4().hex[:4]}"


def create_run_directory(runs_dir: Place, run_id: str) -> RunDirectory:
    """Make a new run directory, readable by its owner alone.

    Raises:
        ConfigurationError: The run id is no file name, or the place cannot be written.
        RunStateError: There is a run of that name.
    """
    if isinstance(runs_dir, S3Folder):
        refuse_existing_run(runs_dir, run_id)
        return run_at(runs_dir, run_id)
    run = RunDirectory(runs_dir / _usable(run_id))
    try:
        if not runs_dir.is_dir():
            runs_dir.mkdir(mode=0o700, parents=True)
        run.path.mkdir(mode=0o700)
        run.make_folders()
    except FileExistsError as error:
        if not runs_dir.is_dir():
            raise ConfigurationError(
                f"{runs_dir} is no directory. Choose another --runs-dir."
            ) from error
        raise _taken(runs_dir, run_id) from error
    except OSError as error:
        raise ConfigurationError(
            f"Cannot write into {runs_dir}: {error.strerror}. Choose another --runs-dir."
        ) from error
    return run


def refuse_existing_run(runs_dir: Place, run_id: str) -> None:
    """Refuse a run id that cannot be used for a new run.

    Raises:
        ConfigurationError: It is no file name.
        RunStateError: There is a run of that name.
    """
    folder = runs_dir / _usable(run_id)
    if folder.exists() if isinstance(folder, Path) else run_at(runs_dir, run_id).manifest.exists():
        raise _taken(runs_dir, run_id)


def open_run_directory(runs_dir: Place, run_id: str) -> RunDirectory:
    """Find a run that exists.

    Raises:
        RunStateError: There is none of that name.
    """
    run = run_at(runs_dir, _checked(run_id))
    if not run.manifest.is_file():
        raise RunStateError(
            f"There is no run {run_id} in {runs_dir}. `endpoint-import runs` lists them."
        )
    return run


def run_at(runs_dir: Place, run_id: str) -> RunDirectory:
    """Give a run by its name, whether there is one or not."""
    if isinstance(runs_dir, S3Folder):
        from pipelines.storage.mirror import open_mirror  # needs boto3, which takes a while

        return open_mirror(runs_dir / run_id)
    return RunDirectory(runs_dir / run_id)


def list_runs(runs_dir: Place) -> list[RunDirectory]:
    """List the runs, in no particular order: when each one began stands in its manifest."""
    if isinstance(runs_dir, S3Folder):
        from pipelines.storage.s3_store import S3Store

        found = [run_at(runs_dir, name) for name in S3Store(runs_dir).list_folders()]
        return [run for run in found if run.manifest.is_file()]
    return [RunDirectory(path.parent) for path in runs_dir.glob("*/manifest.json")]


def _taken(runs_dir: Place, run_id: str) -> RunStateError:
    if not run_at(runs_dir, run_id).manifest.exists():
        return RunStateError(
            f"{runs_dir / run_id} is there already and no run, or one that was killed before it "
            "had begun. Remove it, or choose another --run-id."
        )
    return RunStateError(f"There is a run {run_id} in {runs_dir} already. Choose another --run-id.")


def _usable(run_id: str) -> str:
    """Give the name of a new run, if it can be one everywhere."""
    if RESERVED.fullmatch(run_id) or run_id.endswith("."):
        raise ConfigurationError(
            f"{run_id!r} cannot name a run: Windows has no file of that name. Choose another "
            "--run-id."
        )
    return _checked(run_id)


def _checked(run_id: str) -> str:
    if not RUN_ID.fullmatch(run_id):
        raise ConfigurationError(
            f"{run_id!r} cannot name a run: use letters, digits, dot, dash and underscore."
        )
    return run_id

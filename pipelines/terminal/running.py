"""A flow at a terminal: progress, signals, the summary, and the exit code."""

import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from pipelines import stopping
from pipelines.errors import (
    ConfigurationError,
    DestinationError,
    EndpointImportError,
    GuardError,
    RunStateError,
    StoppedError,
    StorageError,
)
from pipelines.report.diff import Diff
from pipelines.report.next_steps import resume_command
from pipelines.report.plan import make_plan
from pipelines.report.plan_text import say_plan
from pipelines.report.preview import Preview
from pipelines.report.summary import Summary
from pipelines.storage.manifest import Manifest, RunStatus, load_manifest
from pipelines.storage.places import Place
from pipelines.storage.run_dir import RunDirectory, run_at
from pipelines.storage.run_lock import read_owner
from pipelines.terminal.consoles import make_console, say_error
from pipelines.terminal.diff_text import print_diff
from pipelines.terminal.leaving import STOPPED, leave, write
from pipelines.terminal.output import Output
from pipelines.terminal.preview_text import print_preview
from pipelines.terminal.process import importing, interrupt_on_signals
from pipelines.terminal.progress_bar import ProgressBar
from pipelines.terminal.summary_text import print_summary, print_verdict, print_warnings

if TYPE_CHECKING:
    from pipelines.prefect_api import PrefectApi
    from pipelines.report.plan import ImportPlan
    from pipelines.settings import ImportSettings

NOT_ALL_IMPORTED = 1
EXIT_CODES = {RunStatus.COMPLETED: 0, RunStatus.GUARDED: 4, RunStatus.STOPPED: STOPPED}
IMPORTED_LATER = (
    "prefect.flow_engine",
    "prefect.task_engine",
    "fastapi.encoders",
    "anyio._backends._asyncio",
    "prefect.utilities.visualization",
    "pandera.strategies.base_strategies",
)
"""What the first flow, task and check import, and so while Prefect's API starts."""
API_UNREACHABLE = "Failed to reach API at "
"""How Prefect begins the message of the RuntimeError that it raises then."""


def run_flow(
    start: Callable[[ModuleType], object],
    runs_dir: Place,
    run_id: str,
    prefect_api: "PrefectApi | None",
    output: Output,
    *,
    planned: "ImportSettings | None" = None,
) -> int:
    """Run a flow with progress, show its summary, and give the exit code.

    Args:
        start: Calls the flow; it gets the module `pipelines.flows`.
        runs_dir: Where the run is kept.
        run_id: The run.
        prefect_api: Prefect's own API, which is starting, unless there is another.
        output: What to say.
        planned: Settings of the import that is only planned, if that is so.
    """
    run = run_at(runs_dir, run_id)
    stopped: EndpointImportError | None = None
    begun_at = datetime.now(UTC)
    with ProgressBar(output):
        flows = _import_flows()
        stopping.listen(_say_stopping, partial(_leave, run))
        try:
            with prefect_api.used() if prefect_api is not None else nullcontext():
                interrupt_on_signals()
                start(flows)
        except (GuardError, DestinationError, StoppedError, StorageError) as error:
            stopped = error
        except KeyboardInterrupt as error:
            if not run.manifest.exists():
                raise
            stopped = StoppedError("A signal stopped the run.")
            stopped.__cause__ = error
        except EndpointImportError:
            raise
        except Exception as error:
            # The run itself may be done: then Prefect failed to note that, and no more.
            if not _is_done_since(run, begun_at):
                raise _explain(error) from error
    manifest, summary = read_run(run) if run.manifest.exists() else (None, None)
    if manifest is None or summary is None:
        if stopped is None:
            raise _no_summary(run)
        is_resumable = manifest is not None
        raise type(stopped)(_with_hint(stopped.message, run) if is_resumable else stopped.message)
    import_plan = make_plan(run, planned, summary.to_retire) if planned is not None else None
    told_apart = stopped.message if stopped is not None else None
    show(run, manifest, summary, output, import_plan, told_apart=told_apart)
    if stopped is not None:
        say_error(stopped.message)
        return stopped.exit_code
    return EXIT_CODES.get(manifest.status, NOT_ALL_IMPORTED)


def _import_flows() -> ModuleType:
    with importing():
        from pipelines import flows

        for name in IMPORTED_LATER:
            with suppress(ImportError):  # another version may do without
                import_module(name)
    return flows


def _is_done_since(run: RunDirectory, begun_at: datetime) -> bool:
    if not run.manifest.exists():
        return False
    finished_at = load_manifest(run).finished_at
    return finished_at is not None and finished_at >= begun_at


def _explain(error: Exception) -> Exception:
    if not str(error).startswith(API_UNREACHABLE):
        return error
    url = str(error).removeprefix(API_UNREACHABLE).rstrip("/.")
    return ConfigurationError(
        f"The Prefect API at {url} cannot be reached. Start it, or unset PREFECT_API_URL "
        "(also in the Prefect profile) to run without one."
    )


def _no_summary(run: RunDirectory) -> EndpointImportError:
    return RunStateError(f"Run {run.run_id} left no summary.")


def _with_hint(message: str, run: RunDirectory) -> str:
    """Let a message end with the command that goes on, unless it names that already."""
    command = resume_command(run)
    told = f"endpoint-import resume {run.run_id}"  # without the folder of the runs
    return message.replace(told, command) if told in message else f"{message} Go on with: {command}"


def _say_stopping() -> None:
    write("\nStopping: what is in flight is finished first. Ctrl-C again leaves at once.\n")


def _leave(run: RunDirectory) -> None:
    """End the process here and now: what was answered is on disk, as after any other death."""
    leave(f"Left at once. Go on with: {resume_command(run)}")


def read_run(run: RunDirectory) -> tuple[Manifest, Summary | None]:
    """Read a run's manifest, and its summary if it has one that is not of an earlier attempt."""
    manifest = load_manifest(run)
    if manifest.finished_at is None or not run.summary.is_file():
        return manifest, None
    try:
        return manifest, Summary.model_validate_json(run.summary.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunStateError(
            f"{run.summary} cannot be read: it is damaged or of another version."
        ) from error


def _read_preview(run: RunDirectory) -> Preview | None:
    if not run.preview.is_file():  # the plan stopped before
        return None
    return Preview.model_validate_json(run.preview.read_bytes())


def _read_diff(run: RunDirectory) -> Diff | None:
    return Diff.model_validate_json(run.diff.read_bytes()) if run.diff.is_file() else None


def say_status(run: RunDirectory, manifest: Manifest) -> str:
    """Give a run's status; `interrupted` if it was killed, `superseded` if another took over."""
    if manifest.superseded_by is not None:
        return "superseded"
    if manifest.status is RunStatus.RUNNING and read_owner(run) is None:
        return "interrupted"
    return manifest.status.value


def show(
    run: RunDirectory,
    manifest: Manifest,
    summary: Summary,
    output: Output,
    import_plan: "ImportPlan | None" = None,
    *,
    told_apart: str | None = None,
) -> None:
    """Print a summary, and the plan of an import, for people; and as JSON where asked for.

    Args:
        run: The run.
        manifest: Its manifest.
        summary: Its summary.
        output: What to say.
        import_plan: What the import would take, if it is only planned.
        told_apart: What is told of an error besides, and so not told twice.
    """
    preview = _read_preview(run) if import_plan is not None else None
    diff = _read_diff(run) if import_plan is not None else None
    if not output.is_quiet:
        console = make_console(stderr=output.as_json)
        if preview is not None:
            print_preview(console, preview)
        if diff is not None:
            print_diff(console, diff, datetime.now(UTC))
        plan = say_plan(import_plan) if import_plan else None
        print_summary(console, run, manifest, summary, plan, told_apart=told_apart)
    else:
        if not output.as_json:
            print_verdict(make_console(), manifest, summary)
        print_warnings(make_console(stderr=True), summary)
    if output.as_json:
        document = summary.model_dump(mode="json")
        document |= import_plan.as_json() if import_plan is not None else {}
        document |= {"preview": preview.model_dump(mode="json")} if preview is not None else {}
        document |= {"diff": diff.model_dump(mode="json")} if diff is not None else {}
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")

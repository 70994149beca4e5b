"""Resuming: whether a run can go on as it began, and with which settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.errors import ConfigurationError, RunStateError
from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.sources.base import STANDARD_INPUT
from pipelines.sources.stamps import NOT_AGAIN
from pipelines.storage.manifest import (
    DECIDING_PACKAGES,
    FORMAT,
    Manifest,
    RunStatus,
    read_versions,
)
from pipelines.storage.run_dir import RunDirectory

CHANGEABLE = frozenset({"rate", "max_in_flight", "keep_staged", "runner", "dask_address"})
"""Settings that change nothing about what becomes of a row."""
_FINISHED = frozenset({RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_ERRORS})
_NEW_RUN = "Start a new run; unprocessed.csv, where there is one, holds what is left of this one."


def is_finished(manifest: Manifest) -> bool:
    """Say whether there is nothing left to do."""
    return manifest.status in _FINISHED


def require_resumable(
    run: RunDirectory, manifest: Manifest, changes: Mapping[str, Any]
) -> ImportSettings:
    """Give the settings to go on with: those of the run, with the changes that are not None.

    Raises:
        RunStateError: A guard stopped the run, or it was begun by other versions, from another
            folder, or for another destination.
        ConfigurationError: The destination cannot be addressed, or a change is not allowed.
    """
    try:
        settings = ImportSettings.model_validate(manifest.settings)
    except ValidationError as error:
        raise RunStateError(
            f"The settings of run {run.run_id} are not those of this version. {_NEW_RUN}"
        ) from error
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        settings = ImportSettings.model_validate({**settings.model_dump(), **given})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(f"{first['loc'][0]}: {first['msg']}.") from error
    if is_finished(manifest):
        return settings
    if manifest.status is RunStatus.GUARDED:
        raise RunStateError(
            f"Run {run.run_id} was stopped by a guard before anything was sent: "
            f"{manifest.message} Correct the input or change the limit, and start a new run."
        )
    _require_versions(run, manifest)
    needs_sources = len(manifest.inputs) < len(manifest.sources) and not manifest.is_staged
    if needs_sources and _is_relative(manifest) and Path.cwd() != Path(manifest.folder):
        raise RunStateError(
            f"Run {run.run_id} was begun in {manifest.folder} and has not read all of its sources "
            "yet. Resume it in that folder."
        )
    unread = manifest.sources[len(manifest.inputs) :]
    if needs_sources and any(source.path == STANDARD_INPUT for source in unread):
        raise RunStateError(
            f"Run {run.run_id} has not read all of its sources. {NOT_AGAIN} {_NEW_RUN}"
        )
    if manifest.command == "run" and not settings.embedded:
        _require_destination(run, manifest, settings)
    return settings


def refuse_other_settings(run_id: str, settings: ImportSettings, asked: Mapping[str, Any]) -> None:
    """Refuse options that differ from what the run was begun with.

    Args:
        run_id: The run.
        settings: What it was begun with.
        asked: What is given now, by the names of the settings.

    Raises:
        RunStateError: Names the first difference.
    """
    wanted = {**settings.model_dump(), **asked}
    try:
        other = ImportSettings.model_validate(wanted)
    except ValidationError:
        other = settings.model_copy(update=dict(asked))
    unused = CHANGEABLE if settings.embedded else CHANGEABLE | {"db"}
    for name in sorted(set(asked) - unused):
        before, now = getattr(settings, name), getattr(other, name)
        if _absolute(before) != _absolute(now):
            option = "--" + name.replace("_", "-")
            raise RunStateError(
                f"Run {run_id} was begun with {_say(option, before)}, not {_say(option, now)}. "
                "Leave the option out to go on as it began, or start a new run."
            )


def _absolute(value: object) -> object:
    """Give a path as it is from everywhere, as the run may have kept it so; others as they are."""
    return value.absolute() if isinstance(value, Path) else value


def _say(option: str, value: object) -> str:
    if value is None or value is False:
        return f"no {option}"
    return option if value is True else f"{option} {value}"


def _is_relative(manifest: Manifest) -> bool:
    paths = [Path(source.path) for source in manifest.sources if source.is_local]
    return any(not path.is_absolute() for path in paths)


def _require_versions(run: RunDirectory, manifest: Manifest) -> None:
    if manifest.format != FORMAT:
        raise RunStateError(f"Run {run.run_id} was begun by an older version. {_NEW_RUN}")
    now = read_versions()
    for name in DECIDING_PACKAGES:
        before = manifest.versions.get(name, "an unknown version")
        if before != now[name]:
            raise RunStateError(
                f"Run {run.run_id} was begun with {name} {before}, this is {now[name]}: rows could "
                f"be judged differently. Go on with {name} {before}. Or: {_NEW_RUN}"
            )


def _require_destination(run: RunDirectory, manifest: Manifest, settings: ImportSettings) -> None:
    destination = connect(settings)
    try:
        now = destination.name
    finally:
        destination.close()
    if now != manifest.destination:
        raise RunStateError(
            f"Run {run.run_id} was sent to {manifest.destination}, but would go on to {now}. "
            "Restore the URL or region in AWS's variables and configuration files."
        )

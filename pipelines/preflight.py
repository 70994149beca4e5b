"""Preflight: what can be said of settings and sources before Prefect has even started."""

from datetime import UTC, datetime

from pipelines.errors import ConfigurationError, StorageError
from pipelines.mapping_files import load_mapping
from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.sources.finding import find_sources
from pipelines.storage.run_dir import new_run_id, refuse_existing_run


def check_settings(settings: ImportSettings, *, sends: bool) -> None:
    """Refuse what cannot work; reads no row, sends nothing, leaves nothing behind.

    Args:
        settings: What was asked for.
        sends: Whether the run is to send, and so needs a destination.

    Raises:
        ConfigurationError: The destination cannot be addressed as set, the place of the runs
            cannot be used, the run id is no name, or the mapping cannot be read.
        RunStateError: There is a run of that name.
        SourceError: A source is not there, or of a format that cannot be read.
    """
    try:
        # Also without a name: a bucket that cannot be read is better told now.
        run_id = new_run_id(datetime.now(UTC)) if settings.run_id is None else settings.run_id
        refuse_existing_run(settings.runs_dir, run_id)
    except StorageError as error:
        raise ConfigurationError(error.message) from error
    if sends:
        connect(settings).close()
    load_mapping(settings.mapping)
    find_sources(settings.sources)

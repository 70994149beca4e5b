"""Preflight: what can be said of settings and sources before Prefect has even started."""

from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.storage.run_dir import refuse_existing_run
from pipelines.storage.sources import find_sources


def check_settings(settings: ImportSettings, *, sends: bool) -> None:
    """Refuse what cannot work; reads no row, sends nothing, leaves nothing behind.

    Args:
        settings: What was asked for.
        sends: Whether the run is to send, and so needs a destination.

    Raises:
        ConfigurationError: The destination cannot be addressed as set, or the run id is no name.
        RunStateError: There is a run of that name.
        SourceError: A source is not there, or of a format that cannot be read.
    """
    if settings.run_id is not None:
        refuse_existing_run(settings.runs_dir, settings.run_id)
    if sends:
        connect(settings).close()
    find_sources(settings.sources)

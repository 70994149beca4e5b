"""Sync place: which state an import is about."""

from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.state.base import StateKey

EMBEDDED = "embedded server"
"""What the embedded server is called, before its database file."""


def state_key(settings: ImportSettings) -> StateKey:
    """Name the application that settings mean, and its service; nothing is sent.

    The embedded server is named by its database file: its port is another one each time.

    Raises:
        ConfigurationError: No application is named, or the service cannot be addressed as set.
    """
    is_embedded = settings.embedded or (settings.local and settings.endpoint_url is None)
    if is_embedded and settings.application is not None:
        return StateKey(f"{EMBEDDED} {settings.db.absolute()}", settings.application)
    destination = connect(settings)
    try:
        return StateKey(destination.name, destination.application_id)
    finally:
        destination.close()

"""Which state a run's settings mean."""

from pipelines.sending import connect
from pipelines.settings import ImportSettings
from pipelines.state.base import StateKey


def state_key(settings: ImportSettings) -> StateKey:
    """Give the key of the state of the settings' application; nothing is sent.

    The embedded server is known by its database file, as its port is another one each time.

    Raises:
        ConfigurationError: The destination cannot be addressed as set.
    """
    if settings.embedded or (settings.local and settings.endpoint_url is None):
        name = f"embedded server {settings.db.absolute()}"
        return StateKey(name, settings.application or "")
    destination = connect(settings)
    try:
        return StateKey(destination.name, settings.application or "")
    finally:
        destination.close()

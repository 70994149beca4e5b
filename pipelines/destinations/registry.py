"""Which destination a run's settings mean."""

from pipelines.destinations.pinpoint import PinpointDestination
from pipelines.errors import ConfigurationError

LOCAL_CREDENTIALS = ("local", "local")
"""What requests to the embedded server are signed with; it takes anything."""


def open_destination(
    application_id: str | None,
    *,
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    is_local: bool,
) -> PinpointDestination:
    """Make the destination; nothing is sent.

    Args:
        application_id: The application that endpoints go into.
        endpoint_url: Where the service is; AWS's own rules decide for None.
        region: AWS region; AWS's own rules decide for None.
        profile: Profile of AWS's configuration files.
        is_local: The service is the embedded server.

    Raises:
        ConfigurationError: It cannot be addressed like this.
    """
    if application_id is None:
        raise ConfigurationError(
            "No application named. Give --application-id, or --local for the embedded server."
        )
    if is_local and endpoint_url is None:
        raise ConfigurationError(
            "local is set without endpoint_url. Start the server with `endpoint-import serve` and "
            "give its URL; only the command line's --local starts one by itself."
        )
    return PinpointDestination(
        application_id,
        endpoint_url=endpoint_url,
        region=region,
        profile=profile,
        credentials=LOCAL_CREDENTIALS if is_local else None,
    )

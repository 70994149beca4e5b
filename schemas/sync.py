"""Sync: what a run remembers of what a service took, and how a row stands to that.

For each endpoint Id that a service has taken from this tool there is one record. Only a 202 puts
content into it; what was tried and not confirmed has no content, and so is due again.
"""

from enum import IntEnum, StrEnum
from typing import Final


class SyncMode(StrEnum):
    """Which rows are sent."""

    UPSERT = "upsert"
    """All."""
    CHANGED = "changed"
    """Those whose content is not what the service last accepted."""
    MIRROR = "mirror"
    """As changed; and endpoints that were sent before and are gone from the source are retired."""


class RetirePolicy(StrEnum):
    """What becomes of an endpoint that is gone from the source."""

    OPTOUT = "optout"
    """It gets OptOut ALL."""
    INACTIVE = "inactive"
    """It gets EndpointStatus INACTIVE."""
    DELETE = "delete"
    """It is deleted."""


class Standing(IntEnum):
    """How a row that could be sent stands to what the service last accepted."""

    NEW = 0
    """Its Id was never sent."""
    CHANGED = 1
    """Its content differs."""
    DOUBTFUL = 2
    """What the service has is not known: an earlier run broke off, or the state was told so."""
    RETURNED = 3
    """Its endpoint was retired."""
    UNCHANGED = 4
    """The service has exactly this content."""
    OPTS_IN = 5
    """It would turn a stored OptOut ALL into NONE: held."""
    REACTIVATES = 6
    """It would activate an endpoint that was set INACTIVE: held."""


DUE: Final = (Standing.NEW, Standing.CHANGED, Standing.DOUBTFUL, Standing.RETURNED)
"""Standings of rows that are sent."""
HELD: Final = (Standing.OPTS_IN, Standing.REACTIVATES)
"""Standings of rows that a consent guard keeps back."""

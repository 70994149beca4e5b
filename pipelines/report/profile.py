"""The profile: what a run's rows look like, column by column, kept as profile.json.

It holds values as they came, so it is as private as errors.csv; whoever shows it masks them.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TopValue(_Record):
    """A frequent value of a column."""

    value: str
    rows: int


class ColumnProfile(_Record):
    """What one column of the endpoints holds, before normalizing."""

    name: str
    """Under its canonical name, such as Attributes.plan."""
    rows: int
    """Endpoints that were looked at."""
    filled: int
    """Those of them with a value that is not blank."""
    distinct: int
    """Different values."""
    is_distinct_exact: bool
    """Whether that was counted; else it is estimated, within some percent."""
    longest: int
    """Characters of the longest value."""
    limit: int | None = None
    """Characters that the service allows, if it limits them."""
    over_limit: int = 0
    """Values longer than that."""
    top: list[TopValue] = []
    """The most frequent values, most first; none where nearly every value is another one."""


class AudienceCount(_Record):
    """Endpoints of one channel in one country with one outcome."""

    channel: str | None
    country: str | None
    """ISO 3166-1 alpha-2, of the location, else of the phone number; None if nothing tells."""
    outcome: str
    endpoints: int


class SourceProfile(_Record):
    """What one SOURCE, as the user named it, came to; thresholds compare it with the last runs."""

    name: str
    """The SOURCE: a file, glob, folder or s3:// place."""
    rows: int
    invalid: int
    filled: dict[str, int]
    """Endpoints with a value, by canonical column, of all columns that the source has."""
    channels: dict[str, int]
    """Endpoints by channel."""


class SharedAddress(_Record):
    """An address that several endpoints have."""

    channel: str
    address: str
    endpoints: int


class CrowdedUser(_Record):
    """A user with many endpoints."""

    user_id: str
    endpoints: int


class DeliveryMoment(_Record):
    """What sending did in one slice of its time."""

    at_s: float
    """Seconds since sending began, at the start of the slice; pauses between attempts left out."""
    seconds: float
    """How long the slice is."""
    endpoints: int
    """Endpoints that got a final answer."""
    requests: int
    retries: int
    throttled: int


class PastRun(_Record):
    """An earlier run over the same sources."""

    run_id: str
    started_at: datetime
    status: str
    rows: int
    invalid: int
    accepted: int
    seconds: float


class Profile(_Record):
    """profile.json."""

    columns: list[ColumnProfile] = []
    audience: list[AudienceCount] = []
    sources: list[SourceProfile] = []
    repeated_ids: int = 0
    """Ids that several rows have."""
    shared_addresses: int = 0
    """Addresses that several Ids have."""
    most_shared: list[SharedAddress] = []
    """Those of most endpoints, at the most ten."""
    users: int = 0
    """Users that have an endpoint."""
    users_by_endpoints: dict[str, int] = {}
    """Users by how many endpoints they have: "1", "2", "3-5", "6-10", "11-15", "more"."""
    most_crowded: list[CrowdedUser] = []
    """Users with most endpoints, at the most ten; only those with more than one."""
    moments: list[DeliveryMoment] = []
    """How sending went, in order of time, at the most some hundred; none if nothing was sent."""
    past: list[PastRun] = []
    """Earlier runs over the same sources, oldest first, at the most thirty."""

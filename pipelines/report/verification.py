"""What reading a sample of endpoints back has found."""

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnDrift(_Part):
    """A column that differs from what was last accepted."""

    name: str
    endpoints: int
    examples: list[str]
    """Ids, masked."""


class Verification(_Part):
    """The result of `endpoint-import state verify`."""

    destination: str
    application_id: str
    records: int
    """How many the state has, at the most: some may be counted twice until they are folded."""
    sampled: int
    same: int
    drifted: int
    missing: int
    """Endpoints that the service does not have."""
    not_comparable: int
    """Endpoints of which it is not known what the service has: the next run sends them anyway."""
    columns: list[ColumnDrift]
    """Those that drifted, most frequent first."""
    missing_examples: list[str]
    """Ids, masked."""
    resent: int = 0
    """Drifted and missing ones that count as due from now on."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing has drifted or is missing."""
        return not self.drifted and not self.missing

"""The preview of a plan: how sources are read, what becomes of their columns, and first records."""

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnPreview(_Part):
    """A column of a source."""

    name: str | None
    """Its header; None for what the mapping says of all rows alike."""
    becomes: list[str]
    """Columns of endpoints that are made of it, with the endpoint where there are several, and with
    the rule where it does more than to rename; `where` or `phone_region` where it decides."""
    is_ignored: bool = False
    """Whether it is left out on purpose."""


class SourcePreview(_Part):
    """A source."""

    name: str
    rows: int
    format: str
    reading: dict[str, str]
    """How it is read: such as its encoding and delimiter."""
    columns: list[ColumnPreview]


class EndpointPreview(_Part):
    """An endpoint as it would be sent, or not."""

    name: str | None
    """What the mapping calls it; None if each row gives just one."""
    outcome: str
    values: list[tuple[str, str]]
    """Endpoint columns and their values, masked."""
    issues: list[str]
    """What is wrong with it: column, code and value, masked."""


class RecordPreview(_Part):
    """A record, before and after."""

    source_row: int
    values: list[tuple[str, str]]
    """Source columns and what came in them, masked; blanks are left out."""
    endpoints: list[EndpointPreview]
    """What becomes of it; empty if the mapping leaves it out."""


class Preview(_Part):
    """preview.json."""

    sources: list[SourcePreview]
    records: list[RecordPreview]
    """The first records of the first source that has any."""

"""What a suggestion is: a mapping, and for each source column what it becomes and why."""

from dataclasses import dataclass, field
from typing import Literal

from schemas.mapping import ColumnRule, Mapping

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that a column may give."""

    header: str
    endpoint: str | None
    """Name of the endpoint that it is for; None for all of them."""
    target: str
    """The endpoint column."""
    rule: ColumnRule
    confidence: Confidence
    why: str
    score: float
    """How good it is beside others for the same target."""

    @property
    def becomes(self) -> str:
        """What it becomes, for people."""
        return self.target if self.endpoint is None else f"{self.target} of {self.endpoint}"


@dataclass(frozen=True, slots=True)
class SuggestedColumn:
    """What was decided about one column of the source."""

    header: str
    becomes: str | None
    """The endpoint column; None if it is left out."""
    confidence: Confidence | None
    """How sure that is; None if it was left open, for people to decide."""
    why: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A mapping to begin with."""

    mapping: Mapping
    columns: tuple[SuggestedColumn, ...]
    """Every column of the source, in its order."""
    preset: str | None = None
    """The preset that the source looks like, on which the mapping is built."""
    warnings: tuple[str, ...] = field(default=())
    """What has to be seen to before the mapping can be used."""

    @property
    def has_address(self) -> bool:
        """Whether anything at all can be imported by it."""
        return self.mapping.keep_canonical or any(
            target == "Address" for target, _ in self.mapping.all_rules
        )

    @property
    def left_open(self) -> tuple[SuggestedColumn, ...]:
        """Columns that nothing was decided about."""
        return tuple(column for column in self.columns if column.confidence is None)

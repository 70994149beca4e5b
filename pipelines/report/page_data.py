"""What the page shows, gathered; `page` renders it."""

from dataclasses import dataclass

from pipelines.report.corrections import Correction
from pipelines.report.next_steps import NextStep
from pipelines.report.profile import PastRun, Profile
from pipelines.report.summary import Summary
from pipelines.storage.manifest import Manifest


@dataclass(frozen=True, slots=True)
class IssueLine:
    """One issue code, and what fixing it would bring."""

    code: str
    severity: str
    text: str
    remedy: str
    columns: tuple[str, ...]
    issues: int
    rows: int
    """Rows that have it; 0 of one that is about a column as a whole."""
    saved: int
    """Rows that would be imported if it alone were fixed: those that have no other error."""
    saved_so_far: int
    """Rows that would be imported if it and all errors before it in the list were fixed."""
    example: str | None
    """A value, as it came."""
    example_column: str | None
    example_file: str | None
    example_row: int | None
    suggestion: str | None
    """What the example was probably meant to be, if that can be told."""


@dataclass(frozen=True, slots=True)
class PageData:
    """Everything that the page shows. Values are as they came: the page masks them."""

    manifest: Manifest
    summary: Summary
    verdict: str
    profile: Profile
    issues: tuple[IssueLine, ...]
    """Errors first, each the one that frees most rows once those before it are fixed; then
    warnings, most rows first."""
    past: tuple[PastRun, ...]
    """Earlier runs, oldest first, at the most thirty."""
    corrections: tuple[Correction, ...] = ()
    """What was corrected of the runs whose rows were fed back in, most rows first."""
    steps: tuple[NextStep, ...] = ()
    """What is to be done, in the order in which to do it."""

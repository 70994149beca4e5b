"""Views: what the page's templates show of the outcomes, the issues and the columns."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.report.outcome_names import name_outcome
from pipelines.report.page_data import IssueLine, PageData
from pipelines.report.profile import ColumnProfile
from pipelines.report.showing import Shown, cut, show_name, show_plainly, show_value
from pipelines.report.source_names import SourceNames
from pipelines.report.summary import NOTHING_SENT, Breach
from schemas.issues import COLUMN_UNMAPPED
from schemas.outcomes import Outcome

THINNEST = 0.4
"""Percent of the bar that an outcome takes at least: less could not be seen."""
MOST_COLUMNS = 300
"""Columns shown: the service takes 250 names of attributes, besides its own. profile.json has all
of them."""
MOST_NAMES = 6
"""Names of columns beside an issue."""
BREACHES = {
    "max_invalid": "too many invalid rows",
    "warn_invalid": "many invalid rows",
    "max_row_change": "fewer or more rows than usual",
    "on_empty_column": "a column is empty",
    "on_lost_channel": "a channel is gone",
}
"""What it means that a threshold is exceeded."""
MAP_IT = "Map it, or list it under `ignore` in the mapping."
"""What to do about a column that a mapping does not know."""


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """One outcome of the run."""

    name: str
    colour: str
    """Name of its colour."""
    meaning: str
    rows: int
    start: float
    """Where its part of the bar begins, in percent."""
    width: float


@dataclass(frozen=True, slots=True)
class Notice:
    """What stopped the run, or is to be warned of."""

    is_stop: bool
    heading: str
    message: str


@dataclass(frozen=True, slots=True)
class IssueView:
    """One issue code."""

    line: IssueLine
    remedy: str
    columns: str
    example: Shown | None
    place: str
    suggestion: Shown | None

    @property
    def is_of_rows(self) -> bool:
        """Whether it is about rows; else about a column as a whole."""
        return self.line.example_row is not None or self.line.rows > 0


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column."""

    profile: ColumnProfile
    name: str
    source: str | None
    """What it is called in the source, if something else."""
    top: list[tuple[Shown, int]]
    codes: list[str]
    """Issues that name it, errors first."""


def colour_of(outcome: Outcome, name: str) -> str:
    """Give the name of an outcome's colour: what can be imported has its own."""
    return name if outcome is Outcome.UNPROCESSED else outcome.value


def view_outcomes(data: PageData) -> list[OutcomeView]:
    """View the outcomes that there are, in their order."""
    counts = [(outcome, rows) for outcome, rows in data.summary.by_outcome().items() if rows]
    parts = [max(100 * rows / data.summary.rows, THINNEST) for _, rows in counts]
    scale = 100 / (sum(parts) or 1)
    views, start = [], 0.0
    for (outcome, rows), part in zip(counts, parts, strict=True):
        name, meaning = name_outcome(outcome, data.summary, data.manifest)
        width = round(part * scale, 3)
        colour = colour_of(outcome, name)
        views.append(OutcomeView(name, colour, meaning, rows, round(start, 3), width))
        start += width
    return views


def view_notices(data: PageData) -> list[Notice]:
    """View why the run stopped, and which thresholds it exceeded; each is told once."""
    breaches, reason = data.summary.breaches, data.manifest.message or ""
    # Of a run that thresholds stopped, the message is those of all of them.
    for breach in breaches:
        reason = reason.replace(breach.message, "")
    is_told = not reason.replace(NOTHING_SENT, "").strip()
    first = [] if is_told else [Notice(True, "Why it stopped", reason.strip())]
    return [*first, *(_view_breach(breach) for breach in breaches)]


def _view_breach(breach: Breach) -> Notice:
    told = BREACHES.get(breach.threshold, breach.threshold.replace("_", " "))
    kind = "Stopped" if breach.is_stop else "Warning"
    return Notice(breach.is_stop, f"{kind}: {told}", breach.message)


def view_issues(data: PageData, severity: str, *, show_addresses: bool) -> list[IssueView]:
    """View the issues of one severity."""
    names = SourceNames(data.manifest)
    return [
        _view_issue(line, data, names, show_addresses=show_addresses)
        for line in data.issues
        if line.severity == severity
    ]


def view_columns(data: PageData, *, show_addresses: bool) -> list[ColumnView]:
    """View the columns, at the most `MOST_COLUMNS`."""
    codes: dict[str, list[str]] = {}
    for line in data.issues:
        for column in line.columns:
            codes.setdefault(column, []).append(line.code)
    names = SourceNames(data.manifest)
    return [
        ColumnView(
            profile=column,
            name=show_name(column.name),
            source=_show_source(names.name(column.name)),
            top=[
                (show_value(column.name, top.value, show_addresses=show_addresses), top.rows)
                for top in column.top
            ],
            codes=codes.get(column.name, []),
        )
        for column in data.profile.columns[:MOST_COLUMNS]
    ]


def _view_issue(
    line: IssueLine, data: PageData, names: SourceNames, *, show_addresses: bool
) -> IssueView:
    def show(value: str | None) -> Shown | None:
        if not value:
            return None
        return show_value(line.example_column, value, show_addresses=show_addresses)

    def name(column: str) -> str:
        source = _show_source(names.name(column, line.code))
        return f"{source} ({show_name(column)})" if source else show_name(column)

    columns = [name(column) for column in line.columns[:MOST_NAMES]]
    if left := len(line.columns) - len(columns):
        columns.append(f"and {left} more")
    is_to_map = line.code == COLUMN_UNMAPPED.code and data.manifest.mapping is not None
    return IssueView(
        line=line,
        remedy=MAP_IT if is_to_map else line.remedy,
        columns=", ".join(columns),
        example=show(line.example),
        place=", ".join(_say_place(line, is_one_file=len(data.manifest.inputs) == 1)),
        suggestion=show(line.suggestion),
    )


def _show_source(name: str | None) -> str | None:
    return None if name is None else show_name(name)


def _say_place(line: IssueLine, *, is_one_file: bool) -> Iterator[str]:
    if line.example_file is not None and not is_one_file:
        yield cut(show_plainly(line.example_file))
    if line.example_row is not None:
        yield f"row {line.example_row:,}"

"""Thresholds of a source: its invalid rows, and what it is like against its last runs.

Each can stop a run before anything is sent, or warn. What is compared is a *source*: one SOURCE as
the user named it, or several whose names differ in digits alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from pipelines.steps.guards import Threshold, check_invalid_share, parse_threshold

LAST_RUNS = 7
"""Runs that one is compared with: a week of nights. After a lasting change the median follows once
it has been there for the most of them."""
FEW = 10
"""Rows, values or endpoints that may always be missing, however large a share of a small source:
where ten are to be expected, none is no chance any more (1 in 20,000)."""
FULL = 0.5
"""From this share of its endpoints on a column counts as full."""
EMPTY = 0.05
"""Below this share of its endpoints a column counts as empty, and below this share of the
endpoints that are to be expected a channel as gone."""
MOST_CHANGE = 1e6
"""A source may become this many times larger, if the limit says so."""
MOST_NAMED = 5
"""Columns or channels that a message names."""


class Action(StrEnum):
    """What becomes of a run that exceeds a threshold."""

    STOP = "stop"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is tolerable, and what happens beyond; as the settings of these names say it."""

    max_invalid: str | None = None
    warn_invalid: str | None = None
    max_row_change: str = "30%"
    on_row_change: Action = Action.WARN
    on_empty_column: Action = Action.WARN
    on_lost_channel: Action = Action.WARN
    table: str | None = None
    """The table of the settings that is about this source."""
    own: frozenset[str] = frozenset()
    """Names that are set there."""

    @property
    def judges_invalid_alone(self) -> bool:
        """Whether the source's invalid rows are its own matter, not that of the whole run."""
        return not self.own.isdisjoint({"max_invalid", "warn_invalid"})

    def say(self, name: str) -> str:
        """Say where a limit is set."""
        if name in self.own:
            return f'{name} in thresholds."{self.table}"'
        return "--" + name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What a source came to in one run."""

    rows: int
    invalid: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    """Endpoints with a value, by column."""
    channels: Mapping[str, int] = field(default_factory=dict)
    """Endpoints by channel."""
    unmapped: str = ""
    """Columns of its files that become nothing, as a message may name them."""

    @property
    def endpoints(self) -> int:
        """Endpoints whose columns were looked at."""
        return max([sum(self.channels.values()), *self.filled.values()])


@dataclass(frozen=True, slots=True)
class PastCounts(SourceCounts):
    """What it came to in an earlier run."""

    warned: frozenset[str] = frozenset()
    """Thresholds that it exceeded and that warned of it. What is beyond one and not among them was
    let through on purpose."""
    is_mapped_alike: bool = True
    """Whether its mapping was that of today. By another one, columns and channels differ for that
    alone."""


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A threshold that was exceeded."""

    threshold: str
    """Name of the setting."""
    is_stop: bool
    """Whether it stops the run; else it warns."""
    message: str
    """The figure, the limit, what it was compared with, and how to let it pass."""


def parse_change(text: str) -> Threshold:
    """Read how much more or less something may be, such as "30%", "400%" or "1000".

    Raises:
        ValueError: It is neither a percentage nor a whole number of rows.
    """
    return parse_threshold(text, most=MOST_CHANGE)


def check_invalid(
    rows: int, invalid: int, limits: Limits, name: str | None = None
) -> Exceeded | None:
    """Judge the invalid rows of a source, or of all of them.

    Args:
        rows: All of its rows.
        invalid: Those of them that are invalid.
        limits: What is tolerable.
        name: The source; None for all of them.
    """
    of = f" of {name}" if name else ""
    if limits.max_invalid is not None:
        origin = limits.say("max_invalid")
        reason = check_invalid_share(invalid, rows, limits.max_invalid, origin, of)
        if reason is not None:
            return Exceeded("max_invalid", True, reason)
    if limits.warn_invalid is None:
        return None
    if not parse_threshold(limits.warn_invalid).is_exceeded(invalid, rows):
        return None
    message = (
        f"{invalid:,} of {rows:,} rows{of} are invalid ({_share(invalid, rows):.1%}), more than "
        f"the {limits.warn_invalid} of {limits.say('warn_invalid')}. Correct the rows in "
        "errors.csv."
    )
    return Exceeded("warn_invalid", False, message)


def compare_source(
    name: str, now: SourceCounts, past: Sequence[PastCounts], limits: Limits
) -> list[Exceeded]:
    """Compare a source with what it was like in its last runs.

    Args:
        name: The source.
        now: What it is like.
        past: What it was like, oldest first; the last ones of them count.
        limits: What is tolerable.
    """
    last = past[-LAST_RUNS:]
    alike = [counts for counts in last if counts.is_mapped_alike]
    checks: list[tuple[str, Action, Sequence[PastCounts], Callable[[], str | None]]] = [
        (
            "max_row_change",
            limits.on_row_change,
            last,
            lambda: _check_rows(name, now.rows, last, limits),
        ),
        (
            "on_empty_column",
            limits.on_empty_column,
            alike,
            lambda: _check_columns(name, now, alike),
        ),
        (
            "on_lost_channel",
            limits.on_lost_channel,
            alike,
            lambda: _check_channels(name, now, alike),
        ),
    ]
    found = []
    for threshold, action, compared, check in checks:
        if compared and action is not Action.OFF and (message := check()):
            found.append(Exceeded(threshold, action is Action.STOP, message))
    return found


def _check_rows(name: str, rows: int, past: Sequence[PastCounts], limits: Limits) -> str | None:
    allowed = parse_change(limits.max_row_change)
    usual, latest = median(counts.rows for counts in past), past[-1]
    if not _is_far(rows, usual, allowed):
        return None
    was_meant = "max_row_change" not in latest.warned and _is_far(latest.rows, usual, allowed)
    if was_meant and not _is_far(rows, latest.rows, allowed):
        return None
    change = abs(rows - usual)
    enough = f"{math.ceil(change)}" if allowed.share is None else f"{_percent(change, usual)}%"
    share = f"{change / usual:.1%}" if usual else f"{change:,.0f}"
    return (
        f"{name} has {rows:,} rows, {share} {'fewer' if rows < usual else 'more'} than "
        f"{_say_past(past)} ({usual:,.0f}), and {limits.say('max_row_change')} allows "
        f"{limits.max_row_change}. If it is complete, run once with --max-row-change {enough}: the "
        "next runs may then be of that size, too."
    )


def _is_far(rows: float, other: float, allowed: Threshold) -> bool:
    change = abs(rows - other)
    if allowed.count is not None:
        return change > allowed.count
    # More than nothing is no share of it: a source that was empty may be anything.
    return change > FEW and other > 0 and change / other > (allowed.share or 0.0)


def _percent(part: float, whole: float) -> int:
    """Give a share in percent, so that it is no less than what it is."""
    return math.ceil(100 * part / whole - 1e-9)


def _check_columns(name: str, now: SourceCounts, past: Sequence[PastCounts]) -> str | None:
    usual = _usual_shares([(counts.filled, counts.endpoints) for counts in past])
    latest, endpoints = past[-1], now.endpoints

    def is_empty(counts: SourceCounts, column: str, share: float) -> bool:
        total, filled = counts.endpoints, counts.filled.get(column, 0)
        return share * total >= FEW and filled < EMPTY * total

    was_meant = "on_empty_column" not in latest.warned
    empty = {
        column: share
        for column, share in usual.items()
        if share >= FULL
        and is_empty(now, column, share)
        and not (was_meant and is_empty(latest, column, share))
    }
    if not empty:
        return None
    told = [
        f"{column} (a value in {_share(now.filled.get(column, 0), endpoints):.1%} of "
        f"{endpoints:,} endpoints, before in {share:.1%})"
        for column, share in empty.items()
    ]
    is_away = not empty.keys() <= now.filled.keys()
    renamed = (
        f" Or a name has changed; not imported: {now.unmapped}" if is_away and now.unmapped else ""
    )
    what = "A column" if len(empty) == 1 else f"{len(empty)} columns"
    verbs = ("was", "is") if len(empty) == 1 else ("were", "are")
    return (
        f"{what} of {name} that {verbs[0]} full {verbs[1]} empty now: {_name_some(told)}. Before "
        f"is {_say_past(past)}; below {EMPTY:.0%} counts as empty. If that is right, run once with "
        f"--on-empty-column off: the next runs may then be like it.{renamed}"
    )


def _check_channels(name: str, now: SourceCounts, past: Sequence[PastCounts]) -> str | None:
    usual = _usual_shares([(c.channels, sum(c.channels.values())) for c in past])
    latest, endpoints = past[-1], sum(now.channels.values())

    def is_gone(counts: SourceCounts, channel: str, share: float) -> bool:
        expected = share * sum(counts.channels.values())
        return expected >= FEW and counts.channels.get(channel, 0) < EMPTY * expected

    was_meant = "on_lost_channel" not in latest.warned
    gone = {
        channel: share
        for channel, share in usual.items()
        if is_gone(now, channel, share) and not (was_meant and is_gone(latest, channel, share))
    }
    if not gone:
        return None
    told = [
        f"{channel} ({now.channels.get(channel, 0):,} of {endpoints:,} endpoints, "
        f"before {share:.1%})"
        for channel, share in gone.items()
    ]
    what = "A channel is" if len(gone) == 1 else f"{len(gone)} channels are"
    return (
        f"{what} gone from {name}: {_name_some(told)}. Before is {_say_past(past)}; below "
        f"{EMPTY:.0%} of what was to be expected counts as gone. If that is right, run once with "
        "--on-lost-channel off: the next runs may then be like it."
    )


def _usual_shares(runs: Sequence[tuple[Mapping[str, int], int]]) -> dict[str, float]:
    """Give the median share of each name over the runs that have any endpoints."""
    with_any = [(counts, total) for counts, total in runs if total]
    names = dict.fromkeys(name for counts, _ in with_any for name in counts)
    return {
        name: median(counts.get(name, 0) / total for counts, total in with_any) for name in names
    }


def _name_some(told: Sequence[str]) -> str:
    more = len(told) - MOST_NAMED
    return ", ".join(told[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _say_past(past: Sequence[PastCounts]) -> str:
    return "its last run" if len(past) == 1 else f"the median of its last {len(past)} runs"


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0

"""Guards of mirror: what is gone from a source may have been lost on the way to it.

Half a file, a query that failed, a column that moved: all of them look like endpoints to retire. So
each limit is a reason to send nothing at all.
"""

from dataclasses import dataclass

from pipelines.steps.guards import parse_threshold


@dataclass(frozen=True, slots=True)
class Removals:
    """What a run with mirror found."""

    identified: int
    """Endpoints of the source whose Id can be told, valid or not."""
    identified_before: int | None
    """The same of this feed's last finished run; None if there was none."""
    unidentified: int
    """Rows of the source whose Id cannot be told."""
    gone: int
    """Endpoints that would be retired."""
    known: int
    """Endpoints of this feed that are not retired, those that are gone included."""


@dataclass(frozen=True, slots=True)
class RemovalLimits:
    """How much is tolerable: a share (1%) or a number, as the settings of these names say it."""

    max_removals: str
    max_shrink: str
    max_unidentified: str


def check_removals(found: Removals, limits: RemovalLimits) -> str | None:
    """Say why nothing must be sent, or None if the run may go on.

    A share is taken exactly: 1% of 50 endpoints is half a one, so one removal is too many.
    """
    breaches = [
        reason
        for reason in (
            _check_empty(found),
            _check_shrink(found, limits.max_shrink),
            _check_gone(found, limits.max_removals),
            _check_unidentified(found, limits.max_unidentified),
        )
        if reason is not None
    ]
    if not breaches:
        return None
    return (
        f"{' '.join(breaches)} Nothing was sent. What mirror would have retired is listed in "
        "removals.csv. To send the rows and retire nothing, use --sync-mode changed."
    )


def _check_empty(found: Removals) -> str | None:
    if found.identified:
        return None
    return (
        "The source has no row with an Id: that retires nobody, whatever is allowed. Check that "
        "it is complete."
    )


def _check_shrink(found: Removals, limit: str) -> str | None:
    before = found.identified_before
    if before is None or not found.identified:
        return None
    fewer = before - found.identified
    if fewer <= 0 or not parse_threshold(limit).is_exceeded(fewer, before):
        return None
    return (
        f"The source has {found.identified:,} endpoints, {fewer:,} fewer than the {before:,} of "
        f"the last run ({fewer / before:.1%}), and --max-shrink allows {limit}. If it is complete, "
        "allow more."
    )


def _check_gone(found: Removals, limit: str) -> str | None:
    if not parse_threshold(limit).is_exceeded(found.gone, found.known):
        return None
    share = found.gone / found.known if found.known else 0.0
    return (
        f"{found.gone:,} of {found.known:,} endpoints are gone from the source ({share:.1%}), and "
        f"--max-removals allows {limit}. If they are to be retired, allow more."
    )


def _check_unidentified(found: Removals, limit: str) -> str | None:
    # Where none is gone, no row can be one that only seems to be.
    if not found.gone:
        return None
    rows = found.identified + found.unidentified
    if not parse_threshold(limit).is_exceeded(found.unidentified, rows):
        return None
    share = found.unidentified / rows if rows else 0.0
    return (
        f"The Id of {found.unidentified:,} of {rows:,} endpoints in the source cannot be told "
        f"({share:.1%}), and --max-unidentified allows {limit}: any of them could be one that "
        "seems to be gone. Correct these rows in the source (errors.csv has them), or allow more."
    )

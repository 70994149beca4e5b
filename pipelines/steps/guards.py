"""Guards: thresholds that stop a run before anything is sent."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class Threshold:
    """How much of something is tolerable: a share of all rows, or a number of rows."""

    share: float | None
    """From 0 to 1, or None where `count` is given."""
    count: int | None
    """Rows, or None where `share` is given."""

    def is_exceeded(self, rows: int, of_rows: int) -> bool:
        """Say whether `rows` out of `of_rows` are too many."""
        if self.count is not None:
            return rows > self.count
        return of_rows > 0 and self.share is not None and rows / of_rows > self.share


def parse_threshold(text: str, *, most: float = 1.0) -> Threshold:
    """Read a threshold such as "5%" or "100".

    >>> parse_threshold("2.5%").share
    0.025
    >>> parse_threshold("100").count
    100

    Args:
        text: What was said.
        most: Largest share that makes sense.

    Raises:
        ValueError: It is neither such a percentage nor a whole number of rows.
    """
    number = text.strip()
    try:
        if number.endswith("%"):
            # Decimal: 0.7 / 100 is less than 7 / 1000, and exactly as many as allowed are allowed.
            share = float(Decimal(number[:-1].strip()) / 100)
            if 0 <= share <= most:
                return Threshold(share, None)
        elif int(number) >= 0:
            return Threshold(None, int(number))
    except (ValueError, InvalidOperation):
        pass
    raise ValueError(f"{text!r} is neither a share such as 5% nor a number of rows such as 100")


FEW_OPT_INS = 20
"""Opt-ins that a share as limit lets pass, however small the audience is."""


def check_opt_ins(opt_ins: int, known: int, threshold: str) -> str | None:
    """Say why a run must not go on that would opt so many in again, or None if it may.

    Args:
        opt_ins: Endpoints that a column of consent opts in again.
        known: Endpoints of the feed that were sent before.
        threshold: Share (1%) or number of them; a share allows a few in any case.
    """
    limit = parse_threshold(threshold)
    is_few = limit.count is None and opt_ins <= FEW_OPT_INS
    if is_few or not limit.is_exceeded(opt_ins, max(known, opt_ins)):
        return None
    return (
        f"{opt_ins:,} of {max(known, opt_ins):,} endpoints that had opted out would be opted in "
        f"again by what a column of the source says, more than --max-opt-ins {threshold} allows. "
        "A column that broke looks like that. Nothing was sent. If it is right, allow more."
    )


def check_invalid_share(
    invalid: int, rows: int, threshold: str, origin: str = "--max-invalid", of: str = ""
) -> str | None:
    """Say why a run must not go on, or None if it may.

    Args:
        invalid: Rows that are invalid.
        rows: All rows.
        threshold: Share or number of them that is tolerable.
        origin: Where that was said.
        of: Of what the rows are, if not of the whole run.
    """
    if not parse_threshold(threshold).is_exceeded(invalid, rows):
        return None
    share = invalid / rows if rows else 0.0
    return (
        f"{invalid:,} of {rows:,} rows{of} are invalid ({share:.1%}), more than {origin} "
        f"{threshold} allows. Nothing was sent. Correct the rows in errors.csv, or allow more."
    )

"""Compaction: when segments are folded together, and which.

Records that changed are few beside all records. So they are gathered first: small commits are
folded into one, which costs what they are; all is written anew only when they have come to a
quarter of it. A read merges a dozen files at the most.
"""

from collections.abc import Sequence
from typing import Final

from pipelines.state.pointer import Segment

MOST_SEGMENTS: Final = 12
"""Six nights of two commits: each file costs a read a few milliseconds, on S3 a request."""
LARGEST_SHARE: Final = 4
"""The newer segments may have the fourth part of the oldest's records: all is then written anew
once in a quarter's changes, so that a record costs four more writes at the most."""


def choose_folded(segments: Sequence[Segment]) -> int | None:
    """Say from which segment on all are to be folded into one; None if they may stay.

    Only if it is the first one, records that are forgotten can be dropped: else they hide others.
    """
    newer = sum(segment.rows for segment in segments[1:])
    if newer * LARGEST_SHARE > (segments[0].rows if segments else 0):
        return 0
    return 1 if len(segments) > MOST_SEGMENTS else None

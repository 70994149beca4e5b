"""Trouble on purpose, as it is asked for: the texts of `--fault`, `--latency` and `--quota`.

What the texts mean is written back by `str`, as they travel to a child process.
"""

import math
import re
from typing import NamedTuple

from pipelines.errors import ConfigurationError

BREAKS = ("reset", "drop", "half", "hang")
"""Faults that end in no answer, in the order in which they are listed to people."""

_NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_FAULT = re.compile(rf"([45]\d\d|{'|'.join(BREAKS)})={_NUMBER}", re.ASCII)
_LATENCY = re.compile(rf"{_NUMBER}(ms|s)(?:-{_NUMBER}(ms|s))?", re.ASCII)
_QUOTA = re.compile(rf"{_NUMBER}/(s|min)", re.ASCII)

_FAULT_FORMS = (
    "NAME=SHARE,... with an HTTP status from 400 to 599, reset, drop, half or hang as NAME, each"
    " once, and SHARE from 0 to 1, at most 1 in all; for example 429=0.1,reset=0.02"
)
_LATENCY_FORMS = "a time such as 50ms or 0.2s, or a range such as 10ms-80ms"
_QUOTA_FORMS = "a number of requests above 0 by time, such as 2/s or 120/min"
_PER_SECOND = {"ms": 1000, "s": 1, "min": 60}


class Fault(NamedTuple):
    """One kind of fault and how often it happens."""

    kind: str
    """An HTTP error status, or one of `BREAKS`."""
    share: float
    """Probability that a request meets it, 0 to 1."""

    def __str__(self) -> str:
        return f"{self.kind}={self.share}"


class Latency(NamedTuple):
    """How long answers are held back: evenly drawn between two times."""

    low_s: float
    high_s: float

    def __str__(self) -> str:
        return f"{self.low_s}s-{self.high_s}s"


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read faults and their shares, such as `429=0.1,reset=0.02`.

    Raises:
        ConfigurationError: The text has another form, a name twice, or shares of over 1 in all.
    """
    matches = [_FAULT.fullmatch(part.strip()) for part in text.split(",")]
    faults = tuple(Fault(match[1], float(match[2])) for match in matches if match)
    total = math.fsum(fault.share for fault in faults)
    if len({fault.kind for fault in faults}) < len(matches) or total > 1:
        raise _refuse("--fault", text, _FAULT_FORMS)
    return faults


def parse_latency(text: str) -> Latency:
    """Read a time or a range of times, such as `50ms` or `10ms-80ms`.

    Raises:
        ConfigurationError: The text has another form, or the range runs backwards.
    """
    match = _LATENCY.fullmatch(text.strip())
    if match is None:
        raise _refuse("--latency", text, _LATENCY_FORMS)
    low, low_unit, high, high_unit = match.groups()
    low_s = float(low) / _PER_SECOND[low_unit]
    high_s = float(high) / _PER_SECOND[high_unit] if high else low_s
    if not low_s <= high_s < math.inf:
        raise _refuse("--latency", text, _LATENCY_FORMS)
    return Latency(low_s, high_s)


def parse_quota(text: str) -> float:
    """Read a quota such as `2/s` or `120/min`; gives requests per second.

    Raises:
        ConfigurationError: The text has another form, or the quota is 0.
    """
    match = _QUOTA.fullmatch(text.strip())
    per_second = float(match[1]) / _PER_SECOND[match[2]] if match else 0.0
    if not 0 < per_second < math.inf:
        raise _refuse("--quota", text, _QUOTA_FORMS)
    return per_second


def _refuse(option: str, text: str, forms: str) -> ConfigurationError:
    return ConfigurationError(f"{option} {text!r} cannot be used: give {forms}.")

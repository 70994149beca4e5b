"""Names of columns as the owner of a source knows them, for what is told of a whole run."""

from collections.abc import Iterator

from pipelines.steps.map_columns import ColumnPlan, plan_columns
from pipelines.storage.manifest import Manifest
from schemas import issues

_PHONE = frozenset({"SMS", "VOICE"})
_CHANNELS = {
    issues.EMAIL_INVALID.code: frozenset({"EMAIL"}),
    issues.PHONE_INVALID.code: _PHONE,
    issues.ADDRESS_PLUS_LOST.code: _PHONE,
    issues.ADDRESS_ZERO_LOST.code: _PHONE,
    issues.ADDRESS_SCIENTIFIC.code: _PHONE,
}
"""Channels whose addresses an issue can be about, where not all."""


class SourceNames:
    """Of which columns of the sources of a run its endpoint columns are made."""

    def __init__(self, manifest: Manifest) -> None:
        mapping = manifest.read_mapping()
        headers = {tuple(record.header) for record in manifest.inputs}
        self._plans = [plan_columns(list(header), mapping) for header in sorted(headers)]

    def name(self, column: str, code: str | None = None) -> str | None:
        """Name an endpoint column as the sources do; None if that is its name there, too.

        Args:
            column: The endpoint column.
            code: The issue that it is named for, if it is.
        """
        names = dict.fromkeys(
            label for plan in self._plans for label in _find_labels(plan, column, code)
        )
        return ", ".join(names) or None


def _find_labels(plan: ColumnPlan, column: str, code: str | None) -> Iterator[str]:
    for (number, target), label in plan.labels().items():
        rule = plan.rules_of(number).get("ChannelType")
        channel = rule.constant if rule is not None else None
        channels = _CHANNELS.get(code or "")
        if target == column and (channel is None or channels is None or channel in channels):
            yield label

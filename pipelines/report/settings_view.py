"""Views: the settings of a run, those that were chosen and those that are as usual."""

from typing import Any

from pipelines.report.showing import cut, show_plainly
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Manifest

LONGEST = 400
"""Characters of a setting that are shown."""
UNTOLD = frozenset({"sources", "run_id"})
"""Settings that the page tells elsewhere."""


def split_settings(manifest: Manifest) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Give names and values of the settings: those that were chosen, then the others."""
    usual = ImportSettings.model_construct(sources=[]).model_dump(mode="json")
    chosen: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for name, value in manifest.settings.items():
        if name not in UNTOLD:
            is_usual = value == usual.get(name)
            (others if is_usual else chosen).append((name, _say(value)))
    return chosen, others


def _say(value: Any) -> str:
    if value is None or value in ([], {}):
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return cut(show_plainly(", ".join(map(str, value))), LONGEST)
    return cut(show_plainly(str(value)), LONGEST)

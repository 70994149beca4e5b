"""Recognizing an export by its header: which preset knows most of it."""

from collections.abc import Mapping as MappingType

from pipelines.suggesting.preset_consent import consent_columns, plain
from pipelines.suggesting.words import find_meaning
from schemas.columns import READ_ONLY_COLUMNS, canonical_name
from schemas.mapping import ColumnRule, Mapping
from schemas.mapping_text import fits_glob

FEWEST_OWN = 2
"""Headers that no other preset has and that are no everyday words: one may be chance."""
SHARE = 0.5
"""Share of the header that the preset has to know; custom properties are the rest."""
CERTAIN_OWN = 5
"""Own headers that are enough, however many custom properties there are."""


def mentioned_columns(mapping: Mapping) -> dict[str, str]:
    """Give each source column that a mapping speaks of, with what it becomes for people."""
    found: dict[str, str] = {}

    def note(rules: dict[str, ColumnRule], told: str) -> None:
        for target, rule in rules.items():
            for source in rule.columns:
                found.setdefault(plain(source), f"{target}{told}")

    note(mapping.columns, "")
    for endpoint in mapping.endpoints:
        note(endpoint.columns, f" of {endpoint.name}")
    for condition in mapping.all_conditions:
        found.setdefault(plain(condition.column), "a condition")
    return found


def is_ignored(header: str, mapping: Mapping) -> bool:
    """Say whether a mapping leaves a column out on purpose."""
    return any(fits_glob(header, pattern) for pattern in mapping.ignore)


def required_columns(mapping: Mapping) -> set[str]:
    """Give the source columns without which a mapping does not work."""
    rules = [rule for _, rule in mapping.all_rules if not rule.optional]
    conditions = {c.column for c in mapping.all_conditions if not c.optional}
    return conditions | {source for rule in rules for source in rule.columns}


def recognize(header: list[str], presets: MappingType[str, Mapping]) -> str | None:
    """Name the preset whose export a header is, or None."""
    if is_canonical(header):
        is_export = bool(READ_ONLY_COLUMNS & {name.strip() for name in header})
        name = "pinpoint-export" if is_export else "pinpoint-import"
        return name if name in presets else None
    known_by = {name: _known(header, preset) for name, preset in presets.items()}
    folded = {plain(name) for name in header}
    best: tuple[int, float, str] | None = None
    for name, preset in presets.items():
        foreign = set().union(*(known_by[other] for other in presets if other != name))
        own = [h for h in known_by[name] - foreign if find_meaning(h) is None]
        share = len(known_by[name]) / len(header)
        # Another spelling of the consent is no other export: what it lacks is warned of.
        needed = {plain(column) for column in required_columns(preset)} - consent_columns(preset)
        fits = needed <= folded
        is_enough = len(own) >= CERTAIN_OWN or (len(own) >= FEWEST_OWN and share >= SHARE)
        if fits and is_enough and (best is None or (len(own), share) > best[:2]):
            best = (len(own), share, name)
    return best[2] if best else None


def _known(header: list[str], mapping: Mapping) -> set[str]:
    """Give the columns of a header that a mapping speaks of."""
    mentioned = mentioned_columns(mapping)
    return {name for name in header if plain(name) in mentioned or is_ignored(name, mapping)}


def is_canonical(header: list[str]) -> bool:
    """Say whether a header has Pinpoint's own names, at least those that an endpoint needs."""
    return {"Address", "ChannelType"} <= {canonical_name(name) for name in header}

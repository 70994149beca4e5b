"""Consent of a preset: whether a source has its columns and words, and what it says besides.

A preset is a vendor's header as it was found; an account may have another spelling, another
language or further columns. What says no there must not be lost without a word.
"""

from collections.abc import Sequence
from typing import Final
from unicodedata import normalize

import polars as pl

from pipelines.suggesting.consent import Consent
from pipelines.suggesting.suggestion import SuggestedColumn
from pipelines.suggesting.words import Role, find_meaning
from schemas.mapping import ColumnRule, EndpointRule, Mapping
from schemas.masking import looks_personal, mask

_CHANNELS: Final = {"EMAIL": "email", "SMS": "mobile"}
"""What consent calls the endpoints of a channel."""
_MOST_SHOWN = 5
_LONGEST_SHOWN = 40


def add_consents(
    base: Mapping, consents: Sequence[Consent], header: Sequence[str], unknown: Sequence[str]
) -> tuple[Mapping, list[SuggestedColumn], list[str]]:
    """Add columns of consent to the OptOut of a preset: one that says no is enough.

    Args:
        base: The preset.
        consents: Columns that it does not know and that were understood.
        header: All columns of the source.
        unknown: Those of them that nothing is decided about.

    Returns:
        The mapping, what became of each column, and a warning for each endpoint whose own column
        of consent is not in the source.
    """
    reported: list[SuggestedColumn] = []
    warnings: list[str] = []
    there = {plain(name) for name in header}
    lacking = {e.name: rule for e in base.endpoints if (rule := _lacks(e, base, there))}
    endpoints = {endpoint.name: endpoint for endpoint in base.endpoints}
    taken: dict[str, list[str]] = {name: [] for name in lacking}
    for consent in consents:
        changed = _add(base, endpoints, consent, there)
        if isinstance(changed, str):
            reported.append(SuggestedColumn(consent.header, None, None, changed))
            continue
        endpoints |= changed
        for name in changed.keys() & lacking.keys():
            taken[name].append(consent.header)
        becomes = f"OptOut of {' and '.join(changed)}"
        why = f"{consent.told}; look whether it counts"
        reported.append(SuggestedColumn(consent.header, becomes, "medium", why))
    near = [name for name in unknown if _speaks_of_consent(name)]
    for name, rule in lacking.items():
        wanted = " or ".join(rule.columns)
        warning = (
            f"The preset reads OptOut of {name} from a column {wanted}, which this source lacks: "
            "without it, whoever opted out could be written to."
        )
        if taken[name]:
            warning += f" Taken instead: {', '.join(taken[name])}. Look whether that is right."
        elif near:
            warning += f" It may be {' or '.join(near)}: name it in OptOut, with its values."
        else:
            warning += " If another column says so, name it in OptOut."
        warnings.append(warning)
    mapping = base.model_copy(update={"endpoints": tuple(endpoints.values())})
    return mapping, reported, warnings


def find_unknown_words(base: Mapping, header: Sequence[str], sample: pl.DataFrame) -> list[str]:
    """Tell which values of the sample are errors by the rules of a preset."""
    places = {plain(name): place for place, name in enumerate(header)}
    warnings: list[str] = []
    for target, rule in base.all_rules:
        if rule.values is None or rule.otherwise != "error":
            continue
        known = {_fold_value(value) for value in rule.values}
        for source in rule.source or ():
            if (place := places.get(plain(source))) is None:
                continue
            texts = sample.to_series(place).cast(pl.String).str.strip_chars().drop_nulls()
            every = texts.filter(texts != "").unique(maintain_order=True)
            unknown = [value for value in every if _fold_value(value) not in known]
            if unknown:
                warnings.append(
                    f"{target} of the preset does not know what {_show_words(unknown)} in the "
                    f"column {source} means: such rows are invalid. Add the word to its values."
                )
    return list(dict.fromkeys(warnings))


def consent_columns(base: Mapping) -> set[str]:
    """Give the source columns that say who is opted out, folded."""
    rules = [rule for target, rule in base.all_rules if target == "OptOut"]
    refused = [endpoint for endpoint in base.endpoints if _refuses_all(endpoint)]
    conditions = base.model_copy(update={"endpoints": tuple(refused)}).all_conditions
    named = {name for rule in rules for name in rule.columns} | {c.column for c in conditions}
    return {plain(name) for name in named}


def plain(header: str) -> str:
    """Write a header as those of sources and mappings are compared."""
    return header.strip().casefold()


def _lacks(endpoint: EndpointRule, base: Mapping, there: set[str]) -> ColumnRule | None:
    """Give the rule of OptOut of an endpoint of this source, if the source has no column of it."""
    rule = endpoint.columns.get("OptOut")
    if rule is None or not rule.columns or {plain(name) for name in rule.columns} & there:
        return None
    if not rule.optional:
        return rule
    address = endpoint.columns.get("Address") or base.columns.get("Address")
    if address is not None and not {plain(name) for name in address.columns} & there:
        return None
    # Those who refused may be an endpoint of their own, by a date.
    refused = [e for e in base.endpoints if _refuses_all(e) and _same_channel(e, endpoint, base)]
    conditions = base.model_copy(update={"endpoints": tuple(refused)}).all_conditions
    return None if any(plain(c.column) in there for c in conditions) else rule


def _add(
    base: Mapping, endpoints: dict[str, EndpointRule], consent: Consent, there: set[str]
) -> dict[str, EndpointRule] | str:
    """Give the endpoints that a column changes, or the reason why it changes none."""
    if consent.refusing is None:
        return "a date of refusing: give those who have one an endpoint of their own"
    changed: dict[str, EndpointRule] = {}
    for name, endpoint in endpoints.items():
        if not consent.is_about(_channel(endpoint, base)) or _refuses_all(endpoint):
            continue
        rule = _extend_rule(endpoint.columns.get("OptOut"), consent, there)
        if rule is None:
            return "looks like consent whose words mean something else in the preset's OptOut"
        columns = {**endpoint.columns, "OptOut": rule}
        changed[name] = endpoint.model_copy(update={"columns": columns})
    if not changed or "OptOut" in base.columns:
        return "looks like consent that the preset does not know: add it to OptOut yourself"
    return changed


def _extend_rule(rule: ColumnRule | None, consent: Consent, there: set[str]) -> ColumnRule | None:
    """Add a column to a rule of OptOut; None where a word of it means something else there."""
    if rule is None:
        return consent.as_rule()
    if rule.values is None or rule.source is None:
        return None
    known = {_fold_value(word): becomes for word, becomes in rule.values.items()}
    values = dict(rule.values)
    for word, becomes in (consent.as_rule().values or {}).items():
        if known.get(_fold_value(word), becomes) != becomes:
            return None
        if _fold_value(word) not in known:
            values[word] = becomes
    sources = [name for name in rule.source if plain(name) in there]
    source = (*sources, consent.header)
    return rule.model_copy(update={"source": source, "values": values, "optional": False})


def _refuses_all(endpoint: EndpointRule) -> bool:
    rule = endpoint.columns.get("OptOut")
    return rule is not None and rule.constant == "ALL"


def _same_channel(one: EndpointRule, other: EndpointRule, base: Mapping) -> bool:
    return _channel(one, base) == _channel(other, base)


def _channel(endpoint: EndpointRule, base: Mapping) -> str:
    rule = endpoint.columns.get("ChannelType") or base.columns.get("ChannelType")
    return _CHANNELS.get((rule.constant if rule else None) or "", endpoint.name)


def _speaks_of_consent(header: str) -> bool:
    meaning = find_meaning(header)
    return meaning is not None and meaning.role in (Role.OPT_OUT, Role.OPT_IN)


def _fold_value(text: str) -> str:
    return normalize("NFC", text).strip().lower()


def _show_words(words: list[str]) -> str:
    shown = [mask(word) if looks_personal(word) else word for word in words[:_MOST_SHOWN]]
    cut = [word[:_LONGEST_SHOWN] + ("..." if len(word) > _LONGEST_SHOWN else "") for word in shown]
    more = f" ({len(words) - _MOST_SHOWN:,} more)" if len(words) > _MOST_SHOWN else ""
    return ", ".join(repr(word) for word in cut) + more

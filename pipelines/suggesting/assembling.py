"""Assembling: from what each column gives by itself to one mapping."""

from collections.abc import Iterable, Sequence

from pipelines.suggesting.consent import Consent, apply_consent
from pipelines.suggesting.preset_consent import add_consents, plain
from pipelines.suggesting.recognizing import required_columns
from pipelines.suggesting.suggestion import Candidate, SuggestedColumn, Suggestion
from schemas.columns import ATTRIBUTES, NAMED_PREFIXES, USER_ATTRIBUTES
from schemas.limits import ATTRIBUTE_NAMES
from schemas.mapping import ColumnRule, EndpointRule, Mapping

CHANNELS = {"email": "EMAIL", "mobile": "SMS"}
NO_ADDRESS = (
    "No column of e-mail addresses or phone numbers was found. Without one nothing can be "
    "imported: add Address to the mapping, or look whether this is the right file."
)
NO_USER = "No column numbers the people: what is known of a person is kept with each endpoint."

Verdict = Candidate | Consent | SuggestedColumn
"""What one column gives by itself: a rule, a word about consent, or what is already decided."""


def assemble(verdicts: Sequence[Verdict]) -> Suggestion:
    """Make a mapping of candidates, of which the best one for each target wins."""
    chosen, losers = choose(_of_person(verdicts))
    names = [name for name in CHANNELS if (name, "Address") in chosen]
    endpoints = [_endpoint(name, chosen[name, "Address"]) for name in names]
    consents = [verdict for verdict in verdicts if isinstance(verdict, Consent)]
    rules = [part for rule in endpoints for part in apply_consent(rule, consents)]
    columns = {
        target: candidate.rule for (name, target), candidate in chosen.items() if name is None
    }
    mapping = Mapping(columns=columns, endpoints=tuple(rules), keep_canonical=False)
    warnings = []
    if any(isinstance(v, Candidate) and v.target.startswith(USER_ATTRIBUTES) for v in verdicts):
        warnings += [NO_USER] if "User.UserId" not in columns else []
    warnings += [] if endpoints else [NO_ADDRESS]
    columns_of_source = [_report(v, chosen, losers, names) for v in _of_person(verdicts)]
    return Suggestion(mapping, tuple(columns_of_source), None, tuple(warnings))


def extend(base: Mapping, preset: str | None, verdicts: Sequence[Verdict]) -> Suggestion:
    """Add what a mapping does not know to it: attributes, metrics and further columns of consent.

    Addresses and ids are what the mapping says they are; further ones are left open.
    """
    header = [verdict.header for verdict in verdicts]
    consents = [verdict for verdict in verdicts if isinstance(verdict, Consent)]
    unknown = [v.header for v in verdicts if isinstance(v, Consent) or _is_open(v)]
    base, told, warnings = add_consents(base, consents, header, unknown)
    by_header = {column.header: column for column in told}
    verdicts = [by_header.get(v.header, v) if isinstance(v, Consent) else v for v in verdicts]
    verdicts = [_only_attributes(verdict) for verdict in verdicts]
    chosen, losers = choose(verdicts, taken=set(base.columns))
    columns = {target: candidate.rule for (_, target), candidate in chosen.items()}
    mapping = base.model_copy(update={"columns": {**base.columns, **columns}})
    reported = [_report(verdict, chosen, losers, []) for verdict in verdicts]
    opt_outs = [rule.columns for target, rule in base.all_rules if target == "OptOut"]
    there = {plain(name) for name in (*header, *(n for names in opt_outs for n in names))}
    missing = [name for name in sorted(required_columns(base)) if plain(name) not in there]
    warnings += [
        f"The preset needs a column {name}, which this source calls otherwise." for name in missing
    ]
    return Suggestion(mapping, tuple(reported), preset, tuple(warnings))


def choose(
    verdicts: Iterable[Verdict],
    taken: set[str] = frozenset(),  # type: ignore[assignment]
) -> tuple[dict[tuple[str | None, str], Candidate], dict[str, str]]:
    """Take the best candidate for each target.

    Args:
        verdicts: What the columns give.
        taken: Targets that are no longer to be had.

    Returns:
        The winners by endpoint and target, and for each other header why it is left open.
    """
    chosen: dict[tuple[str | None, str], Candidate] = {}
    losers: dict[str, str] = {}
    candidates = [verdict for verdict in verdicts if isinstance(verdict, Candidate)]
    named = 0
    for candidate in sorted(candidates, key=lambda c: c.score, reverse=True):
        key = (candidate.endpoint, candidate.target)
        if candidate.target in taken:
            losers[candidate.header] = f"{candidate.target} is taken by the preset"
        elif key in chosen:
            better = chosen[key].header
            losers[candidate.header] = f"{better} is the better one for {candidate.becomes}"
        elif candidate.target.startswith(NAMED_PREFIXES) and named >= ATTRIBUTE_NAMES.value:
            losers[candidate.header] = f"more than {named} names: the service keeps no more"
        else:
            chosen[key] = candidate
            named += candidate.target.startswith(NAMED_PREFIXES)
    order = {candidate.header: place for place, candidate in enumerate(candidates)}
    return dict(sorted(chosen.items(), key=lambda entry: order[entry[1].header])), losers


def _of_person(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Keep what is known of a person with the endpoint, where no column numbers the people."""
    has_user = any(isinstance(v, Candidate) and v.target == "User.UserId" for v in verdicts)
    return [verdict if has_user else _of_endpoint(verdict) for verdict in verdicts]


def _of_endpoint(verdict: Verdict) -> Verdict:
    if not isinstance(verdict, Candidate) or not verdict.target.startswith(USER_ATTRIBUTES):
        return verdict
    target = ATTRIBUTES + verdict.target.removeprefix(USER_ATTRIBUTES)
    return Candidate(
        verdict.header, None, target, verdict.rule, verdict.confidence, verdict.why, verdict.score
    )


def _only_attributes(verdict: Verdict) -> Verdict:
    if isinstance(verdict, Candidate) and not verdict.target.startswith(NAMED_PREFIXES):
        why = f"may be {verdict.becomes} ({verdict.why}), which the preset has from elsewhere"
        return SuggestedColumn(verdict.header, None, None, why)
    return verdict


def _is_open(verdict: Verdict) -> bool:
    return isinstance(verdict, SuggestedColumn) and verdict.confidence is None


def _endpoint(name: str, address: Candidate) -> EndpointRule:
    columns = {"ChannelType": ColumnRule(constant=CHANNELS[name]), "Address": address.rule}
    return EndpointRule(name=name, columns=columns)


def _report(
    verdict: Verdict,
    chosen: dict[tuple[str | None, str], Candidate],
    losers: dict[str, str],
    endpoints: list[str],
) -> SuggestedColumn:
    if isinstance(verdict, Consent):
        about = [name for name in endpoints if verdict.is_about(name)]
        if not about:
            return SuggestedColumn(verdict.header, None, None, "is about no endpoint of this file")
        becomes = f"OptOut of {' and '.join(about)}"
        return SuggestedColumn(verdict.header, becomes, "medium", verdict.told)
    if isinstance(verdict, Candidate):
        if verdict.header in losers:
            return SuggestedColumn(verdict.header, None, None, losers[verdict.header])
        return SuggestedColumn(verdict.header, verdict.becomes, verdict.confidence, verdict.why)
    return verdict

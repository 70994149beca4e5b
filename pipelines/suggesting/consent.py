"""Consent: columns that say who must not be written to, read in that direction alone.

What says no becomes OptOut ALL; what says yes, or nothing, is left out: no value of a column is
ever made into OptOut NONE.
"""

from dataclasses import dataclass
from typing import Final

from pipelines.suggesting.values import Profile
from pipelines.suggesting.words import EMAIL_WORDS, PHONE_WORDS, Role, fold
from schemas.mapping import AnyOf, ColumnRule, Condition, EndpointRule

_PAIRS: Final = (
    *(("true", "false"), ("yes", "no"), ("1", "0"), ("y", "n"), ("t", "f"), ("on", "off")),
    *(("x", ""), ("wahr", "falsch"), ("ja", "nein"), ("ja", "nee"), ("j", "n"), ("oui", "non")),
    *(("vrai", "faux"), ("si", "no"), ("s", "n"), ("sim", "nao"), ("verdadero", "falso")),
    *(("vero", "falso"), ("waar", "onwaar"), ("o", "n")),
    ("verdadeiro", "falso"),
)
"""Yes and no, folded."""
_ACCENTED: Final = {"nao": "não", "si": "sí"}
_YES: Final = frozenset(yes for yes, _ in _PAIRS)
_NO: Final = frozenset(no for _, no in _PAIRS)
_REFUSING: Final = """
    unsubscribed, unsubscribe, opted out, opt out, never subscribed, not subscribed, non subscribed,
    pending, unconfirmed, cleaned, bounced, suppressed, blocked, blacklisted, complained, spam,
    denied, declined, refused, withdrawn, revoked, do not contact, inactive, abgemeldet, widerrufen,
    abgelehnt, gesperrt, unbestätigt, désabonné, désinscrit, refusé, baja, rechazado, disiscritto,
    rifiutato, cancelado, descadastrado, uitgeschreven, afgemeld
"""
_AGREEING: Final = """
    subscribed, opted in, opt in, active, confirmed, granted, given, accepted, allowed, consented,
    angemeldet, erteilt, bestätigt, abonné, inscrit, accordé, suscrito, aceptado, iscritto,
    concesso, inscrito, aangemeld, ingeschreven
"""
_SURELY_OUT: Final = frozenset(
    (
        *("unsubscribed", "opted out", "never subscribed", "abgemeldet", "desabonne"),
        *("desinscrit", "disiscritto", "descadastrado", "uitgeschreven"),
    )
)
"""Words that are said of nothing but a subscription."""
_OUT: Final = frozenset(fold(word) for word in _REFUSING.split(","))
_IN: Final = frozenset(fold(word) for word in _AGREEING.split(","))
_MOST_WORDS: Final = 20
"""Different values that a column of consent may have; more are something else."""
_DATES: Final = 0.9


@dataclass(frozen=True, slots=True)
class Consent:
    """A column that was understood."""

    header: str
    channels: frozenset[str]
    """Names of the endpoints that it is about; empty for all."""
    refusing: tuple[str, ...] | None
    """Values that say no; None if any value does, such as the date of unsubscribing."""
    others: tuple[str, ...] = ()
    """Values that do not."""
    seen: tuple[str, ...] = ()
    """Those of the refusing values that the sample has."""

    @property
    def told(self) -> str:
        """What is made of its values, for people."""
        what = "any value" if self.refusing is None else ", ".join(self.seen)
        return f"to ALL: {what or 'no value of the sample'}; to NONE: nothing"

    def is_about(self, endpoint: str) -> bool:
        """Say whether it counts for an endpoint."""
        return not self.channels or endpoint in self.channels

    def as_rule(self) -> ColumnRule:
        """Give the rule of OptOut that it alone makes; an unknown value is an error."""
        values: dict[str, str | None] = dict.fromkeys(self.refusing or (), "ALL")
        values |= dict.fromkeys(self.others)
        return ColumnRule(source=(self.header,), values=values, otherwise="error")


def speaks_of_consent(profile: Profile) -> bool:
    """Say whether values are states of a subscription, whatever the header says."""
    words = {fold(value) for value in profile.values}
    return profile.distinct <= _MOST_WORDS and not words.isdisjoint(_SURELY_OUT)


def read_consent(header: str, role: Role, profile: Profile) -> Consent | str:
    """Understand a column of consent, or give the reason why it is not understood."""
    channels = _channels(header)
    if profile.is_empty:
        return "looks like consent, but is empty in the sample: say yourself what its values mean"
    if profile.dates >= _DATES:
        if role is Role.OPT_OUT:
            return Consent(header, channels, None)
        return "the time of a consent: OptOut is never made NONE of it"
    if profile.distinct > _MOST_WORDS:
        return f"looks like consent, but has {profile.distinct:,} different values: see yourself"
    words = {fold(value): value.strip() for value in profile.values}
    refusing = {word for word in words if _refuses(word, role)}
    strange = [word for word in words if word not in refusing and not _agrees(word, role)]
    if strange:
        return (
            f"looks like consent, but {len(strange)} of its {len(words)} values are neither yes "
            "nor no: say yourself which mean OptOut ALL"
        )
    agreeing = set(words) - refusing
    # The sample may hold one answer alone; the whole file has the other one as well.
    for yes, no in _PAIRS:
        against, for_it = (yes, no) if role is Role.OPT_OUT else (no, yes)
        if against in words:
            agreeing |= {for_it} - refusing - {""}
        if for_it in words:
            refusing |= {against} - agreeing - {""}
    return Consent(
        header,
        channels,
        _written(refusing, words),
        _written(agreeing, words),
        tuple(sorted(words[word] for word in refusing & words.keys())),
    )


def apply_consent(endpoint: EndpointRule, consents: list[Consent]) -> list[EndpointRule]:
    """Give an endpoint, or the two that it becomes, with everything that consent says of it.

    One column of yes and no is a rule of OptOut, in which an unknown value is an error. Dates, and
    several columns, part the endpoint in two: those who refused, and all others.
    """
    about = [consent for consent in consents if consent.is_about(endpoint.name)]
    if not about:
        return [endpoint]
    if len(about) == 1 and about[0].refusing is not None:
        return [_with_opt_out(endpoint, about[0].as_rule())]
    refusing = tuple(_refuses_condition(consent) for consent in about)
    refused = AnyOf(any_of=refusing) if len(refusing) > 1 else refusing[0]
    open_ = tuple(condition for consent in about for condition in _open_conditions(consent))
    return [
        endpoint.model_copy(update={"where": (*endpoint.where, *open_)}),
        _with_opt_out(endpoint, ColumnRule(constant="ALL")).model_copy(
            update={"name": f"{endpoint.name}_opted_out", "where": (*endpoint.where, refused)}
        ),
    ]


def _written(folded: set[str], seen: dict[str, str]) -> tuple[str, ...]:
    """Write words as the column does; those that it may have besides, with and without accents."""
    unseen = [word for word in folded if word not in seen]
    accented = [_ACCENTED[word] for word in unseen if word in _ACCENTED]
    return tuple(sorted([*(seen[word] for word in folded & seen.keys()), *unseen, *accented]))


def _channels(header: str) -> frozenset[str]:
    words = set(fold(header).split())
    is_email, is_phone = bool(words & EMAIL_WORDS), bool(words & PHONE_WORDS)
    if is_email == is_phone:
        return frozenset()
    return frozenset({"email" if is_email else "mobile"})


def _refuses(word: str, role: Role) -> bool:
    if word in _OUT:
        return True
    return word in (_YES if role is Role.OPT_OUT else _NO) and word not in _IN


def _agrees(word: str, role: Role) -> bool:
    return word in _IN or word in (_NO if role is Role.OPT_OUT else _YES)


def _with_opt_out(endpoint: EndpointRule, rule: ColumnRule) -> EndpointRule:
    return endpoint.model_copy(update={"columns": {**endpoint.columns, "OptOut": rule}})


def _refuses_condition(consent: Consent) -> Condition:
    if consent.refusing is None:
        return Condition(column=consent.header, blank=False)
    return Condition(column=consent.header, one_of=_spellings(consent.refusing))


def _open_conditions(consent: Consent) -> tuple[Condition | AnyOf, ...]:
    """Take blank and the values that are known not to refuse: an unknown one opts nobody in."""
    blank = Condition(column=consent.header, blank=True)
    if consent.refusing is None or not consent.others:
        return (blank,)
    known = Condition(column=consent.header, one_of=_spellings(consent.others))
    return (AnyOf(any_of=(blank, known)),)


def _spellings(values: tuple[str, ...]) -> tuple[str, ...]:
    """Write values in the cases that exports have, as conditions tell them apart."""
    spelled = (form for v in values for form in (v, v.lower(), v.upper(), v.capitalize()))
    return tuple(dict.fromkeys(spelled))

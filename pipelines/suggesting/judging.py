"""Judging one column: by what its header says and what its values look like."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from pipelines.suggesting.suggestion import Candidate, Confidence, SuggestedColumn
from pipelines.suggesting.values import Profile, find_parts, find_separator, native_countries
from pipelines.suggesting.words import Meaning, Role
from schemas.columns import ATTRIBUTES, METRICS, USER_ATTRIBUTES, canonical_name
from schemas.limits import ATTRIBUTE_NAME_CHARACTERS, ATTRIBUTE_VALUE_CHARACTERS
from schemas.mapping import ColumnRule

SURE = 0.9
LIKELY = 0.5
"""Shares of the values from which they settle, or support, what a column is."""
FEW_VALUES = 50
TOO_DIFFERENT = 0.5
"""An attribute is for choosing people by: so many different values always do, and beyond them at
most this share of the rows may be different."""
DISCOURAGED: Final = '#:?\\/"'

PERSONAL: Final = {
    Role.FIRST_NAME: "FirstName",
    Role.LAST_NAME: "LastName",
    Role.FULL_NAME: "Name",
    Role.SALUTATION: "Salutation",
    Role.GENDER: "Gender",
    Role.BIRTHDATE: "BirthDate",
    Role.COMPANY: "Company",
    Role.JOB_TITLE: "JobTitle",
}
"""What is true of the person, whichever endpoint is meant."""
PLACES: Final = {Role.CITY: "City", Role.REGION: "Region", Role.POSTAL_CODE: "PostalCode"}

Checked = tuple[str, str | None, Callable[[Profile], float], str]
"""Target, endpoint, share of the values that fit it, and what those are."""
CHECKED: Final[dict[Role, Checked]] = {
    Role.EMAIL: ("Address", "email", lambda p: p.emails, "e-mail addresses"),
    Role.MOBILE: ("Address", "mobile", lambda p: p.phones, "phone numbers"),
    Role.PHONE: ("Address", "mobile", lambda p: p.phones, "phone numbers"),
    Role.COUNTRY: ("Location.Country", None, lambda p: p.countries, "countries"),
    Role.TIMEZONE: ("Demographic.Timezone", None, lambda p: p.timezones, "time zones"),
    Role.LOCALE: ("Demographic.Locale", None, lambda p: p.locales, "locales"),
    Role.LANGUAGE: ("Demographic.Locale", None, lambda p: p.locales, "locales"),
    Role.LATITUDE: ("Location.Latitude", None, lambda p: _within(p, 90), "latitudes"),
    Role.LONGITUDE: ("Location.Longitude", None, lambda p: _within(p, 180), "longitudes"),
}
EMPTY = 100.0
"""What a column without values in the sample is worse than any other."""
_PREFERENCE: Final = {Role.MOBILE: 1.0}
"""A mobile number takes messages; a phone number may."""


def judge_column(
    header: str, meaning: Meaning | None, profile: Profile
) -> Candidate | SuggestedColumn:
    """Say what a column becomes, or why that is left open."""
    judged = _judge(header, meaning, profile)
    if isinstance(judged, Candidate) and profile.is_empty:
        # However well its header fits, it is worse than any column with values.
        return replace(judged, score=judged.score - EMPTY)
    return judged


def _judge(header: str, meaning: Meaning | None, profile: Profile) -> Candidate | SuggestedColumn:
    role = meaning.role if meaning else None
    if role is Role.SECRET:
        return _open(header, "looks like a secret")
    if role is Role.INTERNAL:
        return _open(header, "looks like an internal value")
    if meaning is not None and role in CHECKED:
        checked = _judge_checked(header, meaning, profile)
        if checked is not None:
            return checked
    by_values = _judge_by_values(header, meaning, profile)
    if by_values is not None:
        return by_values
    if meaning is not None:
        known = _judge_known(header, meaning, profile)
        if known is not None:
            return known
    return _judge_attribute(header, meaning, profile)


def _judge_checked(header: str, meaning: Meaning, profile: Profile) -> Candidate | None:
    target, endpoint, count, noun = CHECKED[meaning.role]
    share = count(profile)
    score = share * 10 + 2 * meaning.is_exact + _PREFERENCE.get(meaning.role, 0)
    score += profile.filled / max(profile.rows, 1)
    says = f"the header says {meaning.role}"
    if profile.is_empty:
        confidence: Confidence = "medium" if meaning.is_exact else "low"
        why = f"{says}; it is empty in the sample"
    elif share >= LIKELY:
        confidence = _confidence(share, is_exact=meaning.is_exact)
        why = f"{says}; {_percent(share)} of the values are {noun}"
    elif meaning.role in (Role.MOBILE, Role.PHONE) and profile.phone_like >= LIKELY:
        confidence = "medium" if meaning.is_exact else "low"
        why = f"{says}; {_percent(profile.phone_like)} of the values look like phone numbers, "
        why += f"{_percent(share)} surely are: the others need a country (--default-country)"
    else:
        return None
    rule = {"from": (header,)}
    if meaning.role is Role.COUNTRY and (native := native_countries(profile.values)):
        return _candidate(
            header, endpoint, target, confidence, why, score, {**rule, "values": native}
        )
    return _candidate(header, endpoint, target, confidence, why, score, rule)


def _judge_by_values(header: str, meaning: Meaning | None, profile: Profile) -> Candidate | None:
    """Know addresses and time zones whatever the header says.

    Where it says nothing known, it is enough that most values are addresses.
    """
    most = LIKELY if meaning is None else SURE
    # Plain numbers may be numbers of anything, even where each would do as a phone number.
    is_written = profile.distinct > 1 and (_starts_abroad(profile) or profile.numbers < 1 - SURE)
    shares = (
        (profile.emails, most, Role.EMAIL),
        (profile.phones if is_written else 0.0, most, Role.PHONE),
        (profile.timezones, SURE, Role.TIMEZONE),
    )
    for share, least, role in shares:
        if share >= least:
            target, endpoint, _, noun = CHECKED[role]
            why = f"{_percent(share)} of the values are {noun}"
            sure: Confidence = "medium" if share >= SURE else "low"
            rule = {"from": (header,)}
            return _candidate(header, endpoint, target, sure, why, share * 10 - 1, rule)
    return None


def _judge_known(header: str, meaning: Meaning, profile: Profile) -> Candidate | None:
    """Know what cannot be checked: names, places, numbers of people."""
    role, says = meaning.role, f"the header says {meaning.role}"
    confidence: Confidence = "high" if meaning.is_exact else "medium"
    if profile.is_empty:
        confidence, says = "low", f"{says}; it is empty in the sample"
    score = 2.0 * meaning.is_exact + profile.filled / max(profile.rows, 1)
    if role is Role.USER_ID:
        is_unique = profile.distinct >= SURE * profile.filled and not profile.is_empty
        if not is_unique:
            return None
        # A longer name says more: a customer id is the person's, an id may be the line's.
        score += len(header.split()) / 10
        why = f"{says}; the values are different"
        return _candidate(header, None, "User.UserId", confidence, why, score, {"from": (header,)})
    if role in PLACES:
        target = f"Location.{PLACES[role]}"
    elif role in PERSONAL and profile.longest <= ATTRIBUTE_VALUE_CHARACTERS.value:
        target = USER_ATTRIBUTES + PERSONAL[role]
    elif role is Role.TAGS:
        separator = find_separator(profile)
        rule = {"from": (header,), **({"split": separator} if separator else {})}
        why = f"{says}; cells hold several, apart by {separator}" if separator else says
        return _candidate(header, None, f"{ATTRIBUTES}Tags", confidence, why, score, rule)
    else:
        return None
    return _candidate(header, None, target, confidence, says, score, {"from": (header,)})


def _judge_attribute(
    header: str, meaning: Meaning | None, profile: Profile
) -> Candidate | SuggestedColumn:
    """Take anything else as an attribute or a metric, if it is of use as one."""
    if profile.is_empty:
        return _open(header, "is empty in the sample")
    if profile.codes >= LIKELY:
        return _open(header, "looks like an internal id or a secret")
    name = clean_name(header)
    score = profile.filled / max(profile.rows, 1)
    parts = find_parts(profile, FEW_VALUES)
    if parts is not None and profile.numbers < LIKELY and profile.dates < LIKELY:
        mark, count = parts
        why = f"cells hold several of {count:,} values, apart by {mark}"
        rule = {"from": (header,), "split": mark}
        return _candidate(header, None, ATTRIBUTES + name, "medium", why, score, rule)
    if profile.longest > ATTRIBUTE_VALUE_CHARACTERS.value:
        most = ATTRIBUTE_VALUE_CHARACTERS.value
        return _open(header, f"has values of {profile.longest:,} characters; {most} are allowed")
    is_id = meaning is not None and meaning.role is Role.USER_ID
    if (
        profile.numbers >= SURE
        and profile.distinct > 2
        and not is_id
        and not _looks_counted(profile)
    ):
        why = f"{_percent(profile.numbers)} of the values are numbers"
        return _candidate(header, None, METRICS + name, "medium", why, score, {"from": (header,)})
    if (useless := _why_useless(meaning, profile)) is not None:
        return _open(header, useless)
    confidence: Confidence = "low" if profile.distinct > FEW_VALUES else "medium"
    why = f"{profile.distinct:,} different values" if profile.distinct > 1 else "one value"
    return _candidate(header, None, ATTRIBUTES + name, confidence, why, score, {"from": (header,)})


def _why_useless(meaning: Meaning | None, profile: Profile) -> str | None:
    """Give the reason for which a column is no attribute, if there is one."""
    role = meaning.role if meaning else None
    varied = profile.distinct > max(FEW_VALUES, TOO_DIFFERENT * profile.filled)
    if profile.emails >= LIKELY or profile.phones >= LIKELY:
        return "holds addresses mixed with something else"
    if role is Role.USER_ID or _looks_counted(profile):
        return "looks like an internal id"
    if varied and profile.phone_like >= SURE and profile.numbers < 1 - SURE:
        return "looks like phone numbers without a country: give --default-country"
    if varied and profile.dates < SURE:
        return f"has {profile.distinct:,} different values in {profile.filled:,} rows"
    if role is Role.NOTES:
        return "looks like notes, which are written freely"
    return None


def clean_name(header: str) -> str:
    """Make a name of an attribute of a header: without what the console cannot show, not too long.

    >>> clean_name(" Plan (a/b): ")
    'Plan (a b)'
    """
    kept = (" " if c in DISCOURAGED or not c.isprintable() else c for c in header)
    name = " ".join("".join(kept).split())[: ATTRIBUTE_NAME_CHARACTERS.value].strip()
    return name if canonical_name(ATTRIBUTES + name) == ATTRIBUTES + name else "Unnamed"


def _candidate(
    header: str,
    endpoint: str | None,
    target: str,
    confidence: Confidence,
    why: str,
    score: float,
    rule: Mapping[str, object],
) -> Candidate:
    made = ColumnRule.model_validate(rule)
    return Candidate(header, endpoint, target, made, confidence, why, score)


def _open(header: str, why: str) -> SuggestedColumn:
    return SuggestedColumn(header, None, None, why)


def _confidence(share: float, *, is_exact: bool) -> Confidence:
    if share >= SURE:
        return "high"
    return "medium" if is_exact else "low"


def _within(profile: Profile, most: float) -> float:
    fits = -most <= profile.smallest and profile.largest <= most
    return profile.numbers if fits else 0.0


def _starts_abroad(profile: Profile) -> bool:
    """Say whether most numbers are in international form: others may be numbers of anything."""
    return sum(value.startswith("+") for value in profile.values) >= LIKELY * len(profile.values)


def _looks_counted(profile: Profile) -> bool:
    """Say whether all values are different whole numbers, as the keys of a database are."""
    whole = profile.numbers >= SURE and all(value.isdigit() for value in profile.values[:100])
    return whole and profile.distinct == profile.filled and profile.filled > FEW_VALUES


def _percent(share: float) -> str:
    return f"{int(share * 100)} %"

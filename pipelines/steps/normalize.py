"""Normalize: bring each value into the one form that the service expects, or leave it as it came.

Nothing is refused here: what cannot be brought into form stays as it is, for `validate` to name.
What an accident did to a value and what has one reading only is undone, with a warning.
Nothing is invented either: an empty cell becomes null and stays null, but for the channel (given
default), and the Id, which is derived so that the next import finds the same endpoint.
"""

from dataclasses import dataclass
from functools import partial

import polars as pl

from pipelines.steps.clean_texts import clean_columns
from pipelines.steps.dates import normalize_dates
from pipelines.steps.endpoint_ids import derive_endpoint_ids
from pipelines.steps.regions import read_regions
from pipelines.steps.result import StepResult, find_issues, join_issues
from schemas import issues
from schemas.channels import PHONE_CHANNELS, ChannelType
from schemas.codes import normalize_countries, normalize_locales, normalize_timezones
from schemas.columns import METRICS
from schemas.distinct import rewrite
from schemas.emails import normalize_emails
from schemas.endpoint import ENDPOINT_STATUSES
from schemas.number_forms import read_number_forms
from schemas.phones import normalize_phones

CHANNEL_ALIASES = {"E_MAIL": "EMAIL", "MAIL": "EMAIL", "FCM": "GCM", "INAPP": "IN_APP"}
"""Other spellings met in exports; FCM is the later name of what the service calls GCM."""

FOLDED_OPT_OUTS = frozenset({"ALL"})
"""OptOut words that may be spelled in any case. Not NONE: programs print a missing value as None,
and to read that as "wants messages" would opt somebody in."""

ANGLES = {"Location.Latitude": 90, "Location.Longitude": 180}
"""Columns of degrees, and how many there are on either side of zero."""


@dataclass(frozen=True, slots=True)
class NormalizeParams:
    """What is assumed where a row says nothing."""

    default_country: str | None = None
    """ISO 3166-1 alpha-2 code for reading phone numbers in national form."""
    default_channel: str | None = None
    """ChannelType of rows without one."""


def normalize(frame: pl.DataFrame, params: NormalizeParams) -> StepResult:
    """Normalize all columns of a mapped frame; every row goes on.

    Idempotent: normalizing the result again changes nothing. Issues are warnings only.
    """
    came = frame
    cleaned = clean_columns(frame)
    frame = _normalize_codes(cleaned.frame, params)
    frame = _normalize_addresses(frame, params)
    frame, numbers = _normalize_numbers(frame, came)
    frame, dates = _normalize_effective_date(frame, came)
    frame = frame.with_columns(derive_endpoint_ids(frame))
    return StepResult(frame, join_issues([cleaned.issues, numbers, dates]))


def _normalize_codes(frame: pl.DataFrame, params: NormalizeParams) -> pl.DataFrame:
    words = {
        "ChannelType": frozenset(ChannelType),
        "EndpointStatus": ENDPOINT_STATUSES,
        "OptOut": FOLDED_OPT_OUTS,
    }
    columns = [
        rewrite(frame[name], partial(_fold_words, words=words[name]))
        for name in words
        if name in frame.columns
    ]
    columns += [
        rule(frame[name])
        for name, rule in (
            ("Location.Country", normalize_countries),
            ("Demographic.Locale", normalize_locales),
            ("Demographic.Timezone", normalize_timezones),
        )
        if name in frame.columns
    ]
    frame = frame.with_columns(columns)
    if params.default_channel is None or not frame["ChannelType"].has_nulls():
        return frame
    return frame.with_columns(pl.col("ChannelType").fill_null(pl.lit(params.default_channel)))


def _fold_words(texts: pl.Series, words: frozenset[str]) -> pl.Series:
    """Write each of the service's words as it does; any other text stays as it came."""
    folded = texts.str.to_uppercase().str.replace_all(r"[\s-]+", "_").replace(CHANNEL_ALIASES)
    return texts.zip_with(~folded.is_in(sorted(words)).fill_null(value=False), folded)


def _normalize_addresses(frame: pl.DataFrame, params: NormalizeParams) -> pl.DataFrame:
    addresses = frame.select(
        pl.col("Address"),
        is_phone=pl.col("ChannelType").is_in(sorted(PHONE_CHANNELS)).fill_null(value=False),
        is_email=pl.col("ChannelType").eq(ChannelType.EMAIL).fill_null(value=False),
        region=read_regions(frame, params.default_country),
    ).with_row_index("position")
    rewritten = [frame["Address"].head(0).to_frame().with_columns(position=pl.lit(0, pl.UInt32))]
    phones = addresses.filter("is_phone")
    if not phones.is_empty():
        numbers = normalize_phones(phones["Address"], phones["region"])
        rewritten.append(pl.DataFrame([numbers.alias("Address"), phones["position"]]))
    emails = addresses.filter("is_email")
    if not emails.is_empty():
        mails = normalize_emails(emails["Address"])
        rewritten.append(pl.DataFrame([mails.alias("Address"), emails["position"]]))
    changed = pl.concat(rewritten)
    return frame.with_columns(
        frame["Address"].scatter(changed["position"], changed["Address"])
        if not changed.is_empty()
        else frame["Address"]
    )


def _normalize_numbers(
    frame: pl.DataFrame, came: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write numbers without separators, and round coordinates to one decimal, as the service does.

    Coordinates beyond the globe are not rounded.
    """
    columns, found = [], []
    for name in frame.columns:
        texts = frame[name]
        if texts.dtype != pl.String or not (name in ANGLES or name.startswith(METRICS)):
            continue
        numbers = texts.cast(pl.Float64, strict=False)
        if numbers.null_count() > texts.null_count():
            odd = numbers.is_null() & texts.is_not_null()
            read = read_number_forms(texts.filter(odd), is_angle=name in ANGLES)
            written = texts.clone().scatter(odd.arg_true(), read)  # scatter works in place
            changed = (written != texts).fill_null(value=False)
            values = came.select("row_key", name).filter(changed)
            found.append(find_issues(values, name, issues.NUMBER_FORMAT, pl.col(name)))
            texts, numbers = written, written.cast(pl.Float64, strict=False)
            columns.append(texts)
        if name in ANGLES:
            rounded = numbers.round(1, mode="half_away_from_zero").cast(pl.String)
            is_on_globe = numbers.is_between(-ANGLES[name], ANGLES[name])
            columns.append(rounded.zip_with(is_on_globe.fill_null(value=False), texts))
    return frame.with_columns({column.name: column for column in columns}.values()), join_issues(
        found
    )


def _normalize_effective_date(
    frame: pl.DataFrame, came: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    name = "EffectiveDate"
    if name not in frame.columns:
        return frame, join_issues([])
    dates = normalize_dates(frame[name])
    values = came.select("row_key", name)
    found = [
        find_issues(values.filter(dates[flag]), name, kind, pl.col(name))
        for flag, kind in (
            ("is_zone_missing", issues.DATE_ZONE_MISSING),
            ("is_epoch", issues.DATE_EPOCH),
        )
    ]
    return frame.with_columns(dates["date"].alias(name)), join_issues(found)

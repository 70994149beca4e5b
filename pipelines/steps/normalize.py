"""Normalize: bring each value into the one form that the service expects, or leave it as it came.

Nothing is refused here: what cannot be brought into form stays as it is, for `validate` to name.
Nothing is invented either: an empty cell becomes null and stays null, but for the channel (given
default), and the Id, which is derived so that the next import finds the same endpoint.
"""

from dataclasses import dataclass
from functools import partial

import polars as pl

from pipelines.steps.dates import normalize_dates
from pipelines.steps.endpoint_ids import derive_endpoint_ids
from pipelines.steps.result import StepResult, find_issues, join_issues
from schemas import issues
from schemas.channels import PHONE_CHANNELS, ChannelType
from schemas.codes import normalize_countries, normalize_locales, normalize_timezones
from schemas.columns import PHONE_REGION
from schemas.distinct import rewrite
from schemas.emails import normalize_emails
from schemas.endpoint import ENDPOINT_STATUSES
from schemas.phones import normalize_phones
from schemas.text_bytes import is_ascii

CHANNEL_ALIASES = {"E_MAIL": "EMAIL", "MAIL": "EMAIL", "FCM": "GCM", "INAPP": "IN_APP"}
"""Other spellings met in exports; FCM is the later name of what the service calls GCM."""

FOLDED_OPT_OUTS = frozenset({"ALL"})
"""OptOut words that may be spelled in any case. Not NONE: programs print a missing value as None,
and to read that as "wants messages" would opt somebody in."""


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
    frame = _normalize_text(frame)
    frame = _normalize_codes(frame, params)
    frame = _normalize_addresses(frame, params)
    frame = _normalize_coordinates(frame)
    frame, found = _normalize_effective_date(frame)
    frame = frame.with_columns(derive_endpoint_ids(frame))
    return StepResult(frame, join_issues([found]))


def _normalize_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Trim, compose (Unicode NFC) and turn blanks into nulls, also within lists."""
    columns: list[pl.Series | pl.Expr] = []
    for series in frame.iter_columns():
        name = series.name
        if series.dtype == pl.String:
            columns.append(rewrite(series, _clean_texts))
        elif series.dtype == pl.List(pl.String):
            columns.append(_clean_lists(series))
        elif series.dtype in (pl.Null, pl.List(pl.Null)):
            columns.append(pl.lit(None, pl.String).alias(name))
    return frame.with_columns(columns)


def _clean_lists(lists: pl.Series) -> pl.Series:
    """Clean the texts in lists; blank ones go, and lists that have none left become nulls."""
    lengths = lists.list.len()
    texts = lists.explode(empty_as_null=False).drop_nulls()
    if len(texts) == lengths.sum() and rewrite(texts, _clean_texts).equals(texts):
        return lists.set(lengths == 0, None) if (lengths == 0).any() else lists
    cleaned = pl.element().str.normalize("NFC").str.strip_chars()
    filled = pl.when(pl.element().str.len_bytes() > 0).then(pl.element())
    values = pl.col("list").list.eval(cleaned).list.eval(filled.drop_nulls())
    frame = lists.to_frame("list")
    return frame.select(pl.when(values.list.len() > 0).then(values).alias(lists.name)).to_series()


def _clean_texts(texts: pl.Series) -> pl.Series:
    trimmed = (texts if is_ascii(texts) else texts.str.normalize("NFC")).str.strip_chars()
    is_blank = trimmed.str.len_bytes() == 0
    return trimmed.set(is_blank, None) if is_blank.any() else trimmed


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
    countries = [pl.col(c) for c in (PHONE_REGION, "Location.Country") if c in frame.columns]
    addresses = frame.select(
        pl.col("Address"),
        is_phone=pl.col("ChannelType").is_in(sorted(PHONE_CHANNELS)).fill_null(value=False),
        is_email=pl.col("ChannelType").eq(ChannelType.EMAIL).fill_null(value=False),
        region=pl.coalesce(*countries, pl.lit(params.default_country, pl.String)),
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
    return frame.drop(PHONE_REGION, strict=False).with_columns(
        frame["Address"].scatter(changed["position"], changed["Address"])
        if not changed.is_empty()
        else frame["Address"]
    )


def _normalize_coordinates(frame: pl.DataFrame) -> pl.DataFrame:
    """Round coordinates to one decimal, as the service does; not those beyond the globe."""
    rounded = []
    for name, bound in (("Location.Latitude", 90), ("Location.Longitude", 180)):
        if name in frame.columns:
            number = pl.col(name).cast(pl.Float64, strict=False)
            text = number.round(1, mode="half_away_from_zero").cast(pl.String)
            rounded.append(
                pl.when(number.is_between(-bound, bound))
                .then(text)
                .otherwise(pl.col(name))
                .alias(name)
            )
    return frame.with_columns(rounded)


def _normalize_effective_date(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    name = "EffectiveDate"
    if name not in frame.columns:
        return frame, join_issues([])
    dates = normalize_dates(frame[name])
    zoneless = frame.select("row_key", name).filter(dates["is_zone_missing"])
    found = find_issues(zoneless, name, issues.DATE_ZONE_MISSING, pl.col(name))
    return frame.with_columns(dates["date"].alias(name)), found

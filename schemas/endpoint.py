"""The pandera model of a normalized endpoint row: what may be sent to the service.

Each check carries its issue code as `error`, so a failure case names the issue by itself. Columns
keep Pinpoint's own names. A few rules concern only some rows (a phone number only SMS and VOICE);
for these `view_columns` derives a column that is null wherever the rule does not apply.
"""

from collections.abc import Callable
from functools import lru_cache

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from schemas import codes, issues, limits
from schemas.channels import APNS_CHANNELS, PHONE_CHANNELS, ChannelType
from schemas.columns import (
    ATTRIBUTES,
    LIST_PREFIXES,
    METRICS,
    SCALAR_COLUMNS,
    USER_ATTRIBUTES,
)
from schemas.damage import SCIENTIFIC_ID
from schemas.distinct import judge
from schemas.emails import check_emails
from schemas.issues import IssueKind
from schemas.mojibake import SUSPECT, is_mojibake
from schemas.phones import PhoneCheck, check_phones
from schemas.postal_codes import find_short_codes
from schemas.spreadsheet_errors import SPREADSHEET_ERRORS
from schemas.text_bytes import CONTROL, holds_any, holds_byte, is_ascii

ENDPOINT_STATUSES = frozenset({"ACTIVE", "INACTIVE"})
OPT_OUTS = frozenset({"ALL", "NONE"})
"""The words of two members that are plain texts in the service model."""
CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}]"
"""C0 without tab and line breaks, DEL, and C1: none of them is text, all come from accidents."""
REPLACEMENT_CHARACTER = r"\x{fffd}"
"""What a program writes in place of bytes that it cannot read."""
ID_CHARACTERS_REFUSED = r"[${}\t\r\n]"
"""Source: the service model, UpdateEndpoint.EndpointId; tabs and line breaks are ours."""
EFFECTIVE_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
"""What `normalize` makes of every date that it can read."""
DATE_FORMAT = "%Y-%m-%dT%H:%M:%S%.3fZ"
"""The same, as polars writes and reads it."""
NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
"""A decimal number: no NaN, no infinity, no thousands separators."""

VIEWS: dict[str, str] = {
    "phone_address": "Address",
    "email_address": "Address",
    "apns_address": "Address",
    "short_postal_code": "Location.PostalCode",
    "ownerless_attributes": "User.UserId",
}
"""Derived columns and the column that their issues are reported under."""

NULL_ISSUES: dict[str, IssueKind] = {
    "Address": issues.ADDRESS_MISSING,
    "ChannelType": issues.CHANNEL_MISSING,
}
"""What a null in a required column is called."""


def view_columns(columns: list[str]) -> list[pl.Expr]:
    """Give the expressions of the derived columns for a frame with these columns."""
    channel, address = pl.col("ChannelType"), pl.col("Address")
    views = [
        pl.when(channel.is_in(sorted(PHONE_CHANNELS))).then(address).alias("phone_address"),
        pl.when(channel == ChannelType.EMAIL).then(address).alias("email_address"),
        pl.when(channel.is_in(sorted(APNS_CHANNELS))).then(address).alias("apns_address"),
    ]
    owned = [name for name in columns if name.startswith(USER_ATTRIBUTES)]
    if owned:
        user = pl.col("User.UserId") if "User.UserId" in columns else pl.lit(None, pl.String)
        has_attributes = pl.any_horizontal(pl.col(name).is_not_null() for name in owned)
        views.append(
            pl.when(user.is_null() & has_attributes)
            .then(pl.lit("no user"))
            .alias("ownerless_attributes")
        )
    return views


def view_short_codes(frame: pl.DataFrame) -> list[pl.Series]:
    """Give the derived column of postal codes that may have lost zeros, if there are any."""
    if not {"Location.PostalCode", "Location.Country"} <= set(frame.columns):
        return []
    short = find_short_codes(frame["Location.PostalCode"], frame["Location.Country"])
    return [] if short is None else [short.alias("short_postal_code")]


def find_odd_text(frame: pl.DataFrame) -> frozenset[str]:
    """Find the text columns in which something is to be looked at value by value.

    No other holds a control character, text in a wrong encoding or a spreadsheet's error, which its
    bytes show at once.

    Returns:
        Scalar columns by name, open-ended ones by their prefix.
    """
    odd = set()
    for series in frame.iter_columns():
        name = next((p for p in LIST_PREFIXES if series.name.startswith(p)), series.name)
        if name in odd or (name not in SCALAR_COLUMNS and name not in LIST_PREFIXES):
            continue
        texts = series.explode() if isinstance(series.dtype, pl.List) else series
        if texts.dtype != pl.String:
            continue
        if (holds_any(texts, CONTROL + b"#") or not is_ascii(texts)) and _has_odd_text(texts):
            odd.add(name)
    return frozenset(odd)


def _has_odd_text(texts: pl.Series) -> bool:
    pattern = f"{CONTROL_CHARACTERS}|{REPLACEMENT_CHARACTER}|{SUSPECT}|^#"
    return judge(texts, lambda values: ~values.str.contains(pattern)) is not None


@lru_cache(maxsize=64)
def endpoint_model(
    phone_check: PhoneCheck = PhoneCheck.VALID, odd_text: frozenset[str] | None = None
) -> pa.DataFrameSchema:
    """Build the model.

    Validate eager frames only (a LazyFrame is checked for its schema alone), with `lazy=True` so
    that all failures come at once; `failure_cases.check` is the issue code, or "not_nullable".

    Args:
        phone_check: How strictly phone numbers are judged.
        odd_text: What `find_odd_text` gave; None to check the text of every column.
    """
    special = {
        "Id": [
            _without(ID_CHARACTERS_REFUSED, issues.ID_CHARACTER),
            _not_scientific(issues.ID_SCIENTIFIC),
        ],
        "User.UserId": [_not_scientific(issues.USER_ID_SCIENTIFIC)],
        "Location.PostalCode": [_not_scientific(issues.POSTAL_CODE_SCIENTIFIC)],
        "ChannelType": [_one_of(frozenset(ChannelType), issues.CHANNEL_UNKNOWN)],
        "EndpointStatus": [_one_of(ENDPOINT_STATUSES, issues.STATUS_UNKNOWN)],
        "OptOut": [_one_of(OPT_OUTS, issues.OPT_OUT_UNKNOWN)],
        "EffectiveDate": [_check(_is_utc_date, issues.DATE_INVALID)],
        "Location.Latitude": [_number_within(90, issues.LATITUDE_INVALID)],
        "Location.Longitude": [_number_within(180, issues.LONGITUDE_INVALID)],
        "Location.Country": [_one_of(codes.country_codes(), issues.COUNTRY_UNKNOWN)],
        "Demographic.Locale": [_series_check(codes.check_locales, issues.LOCALE_INVALID)],
        "Demographic.Timezone": [_one_of(codes.timezones(), issues.TIMEZONE_UNKNOWN)],
    }

    def text_checks(name: str) -> list[pa.Check]:
        return _text_checks() if odd_text is None or name in odd_text else []

    columns = {
        name: pa.Column(
            pl.String,
            checks=[*special.get(name, []), *text_checks(name)],
            nullable=name not in NULL_ISSUES,
            required=name in NULL_ISSUES,
        )
        for name in SCALAR_COLUMNS
    }
    for prefix in (ATTRIBUTES, USER_ATTRIBUTES):
        columns[_pattern(prefix)] = _open_column([*_value_checks(), *text_checks(prefix)])
    columns[_pattern(METRICS)] = _open_column([_finite(issues.METRIC_INVALID)])
    columns |= {
        "phone_address": _view(
            _series_check(lambda s: check_phones(s, phone_check), issues.PHONE_INVALID)
        ),
        "email_address": _view(_series_check(check_emails, issues.EMAIL_INVALID)),
        "apns_address": _view(_matching(r"^(?:[0-9a-fA-F]{2})+$", issues.TOKEN_NOT_HEX)),
        "short_postal_code": _view(_without(r"^[1-9][0-9]*$", issues.POSTAL_CODE_ZERO_LOST)),
        "ownerless_attributes": _view(_without(".", issues.USER_ID_MISSING)),
    }
    return pa.DataFrameSchema(columns)


def _pattern(prefix: str) -> str:
    return f"^{prefix.replace('.', chr(92) + '.')}(?s:.+)$"


def _open_column(checks: list[pa.Check]) -> pa.Column:
    return pa.Column(checks=checks, nullable=True, required=False, regex=True)


def _view(check: pa.Check) -> pa.Column:
    return pa.Column(pl.String, checks=[check], nullable=True, required=False)


def _check(rule: Callable[[pl.Expr], pl.Expr], kind: IssueKind) -> pa.Check:
    """Make a check of an expression over the text of a column, for columns of text or lists."""
    texts = pl.element()

    def judge_texts(values: pl.Series) -> pl.Series:
        return values.to_frame("text").select(rule(pl.col("text"))).to_series()

    def holds(data: PolarsData) -> pl.LazyFrame | bool:
        series = data.lazyframe.select(data.key).collect().to_series()
        if series.dtype == pl.List(pl.String):
            return data.lazyframe.select(pl.col(data.key).list.eval(rule(texts)).list.all())
        return _answer(judge(series, judge_texts), data.key)

    return pa.Check(holds, name=kind.code, error=kind.code)


def _answer(passed: pl.Series | None, key: str) -> pl.LazyFrame | bool:
    """Answer pandera, to which True for all rows costs much less than True for each."""
    return True if passed is None else passed.to_frame(key).lazy()


def _without(pattern: str, kind: IssueKind) -> pa.Check:
    return _check(lambda text: ~text.str.contains(pattern), kind)


def _matching(pattern: str, kind: IssueKind) -> pa.Check:
    return _check(lambda text: text.str.contains(pattern), kind)


def _one_of(allowed: frozenset[str], kind: IssueKind) -> pa.Check:
    values = pl.Series(sorted(allowed), dtype=pl.String).implode()
    return _check(lambda text: text.is_in(values), kind)


def _none_of(refused: frozenset[str], kind: IssueKind) -> pa.Check:
    values = pl.Series(sorted(refused), dtype=pl.String).implode()
    return _check(lambda text: ~text.is_in(values), kind)


def _not_scientific(kind: IssueKind) -> pa.Check:
    """Refuse numbers in scientific notation, all of which hold a +."""

    def rule(texts: pl.Series) -> pl.Series:
        if not holds_byte(texts, b"+"):
            return pl.Series([True]).new_from_index(0, len(texts))
        return ~texts.str.contains(SCIENTIFIC_ID)

    return _series_check(rule, kind)


def _not_mojibake(kind: IssueKind) -> pa.Check:
    """Refuse text in a wrong encoding, in columns of texts or lists."""

    def holds(data: PolarsData) -> pl.LazyFrame:
        series = data.lazyframe.select(data.key).collect().to_series()
        if series.dtype != pl.List(pl.String):
            return (~is_mojibake(series)).to_frame(data.key).lazy()
        texts = series.explode(empty_as_null=False)
        broken = texts.filter(is_mojibake(texts)).unique().implode()
        passed = ~pl.col(data.key).list.eval(pl.element().is_in(broken)).list.any()
        return data.lazyframe.select(passed)

    return pa.Check(holds, name=kind.code, error=kind.code)


def _is_utc_date(text: pl.Expr) -> pl.Expr:
    parsed = text.str.to_datetime(DATE_FORMAT, time_unit="ms", strict=False)
    return text.str.contains(EFFECTIVE_DATE) & parsed.is_not_null()


def _number_within(bound: int, kind: IssueKind) -> pa.Check:
    def holds(text: pl.Expr) -> pl.Expr:
        number = text.str.contains(NUMBER)
        return number & text.cast(pl.Float64, strict=False).is_between(-bound, bound)

    return _check(holds, kind)


def _finite(kind: IssueKind) -> pa.Check:
    def holds(text: pl.Expr) -> pl.Expr:
        finite = text.cast(pl.Float64, strict=False).is_finite()
        return text.str.contains(NUMBER) & finite.fill_null(value=False)

    return _check(holds, kind)


def _series_check(rule: Callable[[pl.Series], pl.Series], kind: IssueKind) -> pa.Check:
    """Make a check of a function over a whole text column."""

    def holds(data: PolarsData) -> pl.LazyFrame | bool:
        series = data.lazyframe.select(data.key).collect().to_series()
        passed = rule(series)
        return _answer(None if passed.all() else passed, data.key)

    return pa.Check(holds, name=kind.code, error=kind.code)


def _text_checks() -> list[pa.Check]:
    return [
        _without(CONTROL_CHARACTERS, issues.CONTROL_CHARACTER),
        _without(REPLACEMENT_CHARACTER, issues.REPLACEMENT_CHARACTER),
        _not_mojibake(issues.MOJIBAKE),
        _none_of(SPREADSHEET_ERRORS, issues.SPREADSHEET_ERROR),
    ]


def _value_checks() -> list[pa.Check]:
    def few_values(data: PolarsData) -> pl.LazyFrame | bool:
        if isinstance(data.lazyframe.collect_schema()[data.key], pl.List):
            count = pl.col(data.key).list.len()
            return data.lazyframe.select(count <= limits.ATTRIBUTE_VALUES.value)
        return True

    too_many = issues.TOO_MANY_VALUES.code
    longest = limits.ATTRIBUTE_VALUE_CHARACTERS.value
    return [
        _check(lambda text: text.str.len_chars() <= longest, issues.VALUE_TOO_LONG),
        pa.Check(few_values, name=too_many, error=too_many),
    ]

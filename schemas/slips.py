"""Slips: what people and forms write by mistake, and what they probably meant.

For suggestions only (`schemas.repairs`): each function takes distinct `column`, `value`, `region`
and `country`, and gives a text that keeps the rules for each, or null.
"""

import polars as pl

from schemas.emails import check_emails, normalize_emails
from schemas.endpoint import CONTROL_CHARACTERS, NUMBER
from schemas.number_forms import AMBIGUOUS, read_number_forms
from schemas.phones import keep_surely_valid

_DATE = (
    r"^(?P<one>[0-9]{1,4})(?P<mark>[./-])(?P<two>[0-9]{1,2})[./-](?P<three>[0-9]{1,4})"
    r"(?:[T ]+(?P<clock>(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?))?$"
)
_YEAR_DIGITS = 4
_MOST_MONTHS = 12
_CURRENCY = r"(?i)^(?:[$€£¥]|eur|usd|gbp|chf)\s*|\s*(?:[$€£¥]|eur|usd|gbp|chf)$"
_ENDING_LOST = r"(?i)(@(?:gmail|googlemail|icloud))$"
"""Providers that have addresses under .com alone."""
_CODE_START = len("+12")
_MOST_CODES = 60
"""Beginnings of calling codes up to which a column may hold phone numbers of all the world."""
_C0 = r"[\x00-\x08\x0e-\x1f\x7f]"


def read_number(rows: pl.DataFrame) -> pl.Series:
    """Read a number without its currency; of a lone comma, as between thousands."""
    bare = rows["value"].str.replace_all(_CURRENCY, "")
    read = read_number_forms(bare).to_frame("read")
    text = pl.col("read")
    plain = pl.when(text.str.contains(AMBIGUOUS)).then(text.str.replace(",", "")).otherwise(text)
    return read.select(pl.when(plain.str.contains(NUMBER)).then(plain)).to_series()


def read_email(rows: pl.DataFrame) -> pl.Series:
    """Undo slips around a single address; a name beside it goes, a second one stops it."""
    text = (
        pl.col("value")
        .str.replace_all(CONTROL_CHARACTERS, "")
        .str.replace(r"(?i)\s*[\[(]\s*at\s*[\])]\s*", "@")
        .str.replace_all(r"@{2,}", "@")
    )
    bare = (
        pl.coalesce(text.str.extract(r"<([^<>]*@[^<>]*)>"), text)
        .str.replace(r"(?i)^\s*mailto:", "")
        .str.replace(r"(@[^@,.]+),([A-Za-z]{2,6})$", "${1}.${2}")
        .str.replace_all(r"\s*([@.])\s*", "${1}")
        .str.strip_chars(" \t\r\n.,;:<>()[]'\"/")
        .str.replace_all(r"\.{2,}", ".")
        .str.replace_all(r"\.*@\.*", "@")
        .str.replace(_ENDING_LOST, "${1}.com")
    )
    is_single = text.str.count_matches("@", literal=True) == 1
    frame = rows.select(address=pl.when(is_single).then(bare))
    is_valid = check_emails(frame["address"]).fill_null(value=False)
    return normalize_emails(frame["address"]).set(~is_valid, None)


def read_phone(rows: pl.DataFrame) -> pl.Series:
    """Read a number with a doubled or dialled prefix, or with the letter O for a zero."""
    plain = (
        pl.col("value")
        .str.replace_all("(?i)o", "0")
        .str.replace(r"^[+\s]*(?:\+|00)[\s0]*", "+")
        .str.replace_all(r"[\s().-]", "")
    )
    is_other = plain != pl.col("value").str.replace_all(r"[\s().-]", "")
    read = rows.select(pl.when(is_other).then(plain)).to_series()
    # Each calling code takes its time, and digits at random have them all.
    if read.drop_nulls().str.slice(0, _CODE_START).n_unique() > _MOST_CODES:
        return read.clear(len(read))
    return keep_surely_valid(read)


def read_date(rows: pl.DataFrame) -> pl.Series:
    """Turn a date around whose day and month can be told apart."""
    parts = pl.col("value").str.extract_groups(_DATE).struct
    one, mark, two, three = (parts.field(name) for name in ("one", "mark", "two", "three"))
    first, second = one.cast(pl.Int64), two.cast(pl.Int64)
    is_day_first = (mark == ".") | (first > _MOST_MONTHS) | (first == second)
    year_first = one.str.len_bytes() == _YEAR_DIGITS
    day = pl.when(year_first).then(three).when(is_day_first).then(one).otherwise(two)
    month = pl.when(year_first | is_day_first).then(two).otherwise(one)
    year = pl.when(year_first).then(one).otherwise(three)
    written = pl.concat_str(year, month.str.zfill(2), day.str.zfill(2), separator="-")
    is_told = year_first | is_day_first | (second > _MOST_MONTHS)
    has_year = year.str.len_bytes() == _YEAR_DIGITS
    is_date = written.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    clock = parts.field("clock")
    time = pl.when(clock.str.contains("^.:")).then("T0" + clock).otherwise("T" + clock)
    return rows.select(
        pl.when(is_told & has_year & is_date).then(written + time.fill_null(""))
    ).to_series()


def read_braced(rows: pl.DataFrame) -> pl.Series:
    """Take off the braces that some programs write around their Ids."""
    inside = pl.col("value").str.extract(r"^\{([^${}\t\r\n]+)\}$")
    return rows.select(inside).to_series()


def read_printable(rows: pl.DataFrame) -> pl.Series:
    """Leave out what cannot be printed; not where the encoding was another one (C1)."""
    text = pl.col("value").str.replace_all(r"[\x0b\x0c]+", " ").str.replace_all(_C0, "")
    read = text.str.strip_chars()
    is_kept = pl.col("column").is_in(["Id", "ChannelType", "OptOut"])
    is_list = pl.col("value").str.starts_with("[")
    is_clean = (read.str.len_bytes() > 0) & ~read.str.contains(CONTROL_CHARACTERS)
    return rows.select(pl.when(is_clean & ~is_kept & ~is_list).then(read)).to_series()

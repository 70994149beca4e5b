"""Column rules: from the source columns of a mapping's rule to one endpoint column.

Works on columns; of cells with several values on all of their values at once.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.steps.mapped_dates import place_dates, read_dates
from pipelines.steps.result import find_issues, join_issues
from pipelines.steps.source_columns import (
    SourceColumns,
    fill_blank,
    first_text,
    is_list,
    list_of,
)
from schemas import issues
from schemas.codes import country_codes, normalize_countries
from schemas.columns import CLEAR, LIST_PREFIXES, PHONE_REGION
from schemas.mapping import ColumnRule
from schemas.mapping_text import parse_template

OPT_OUT = "OptOut"


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a rule gives."""

    columns: list[pl.Series]
    """The endpoint column, of texts or of lists of texts, and helper columns where needed."""
    issues: pl.DataFrame
    """Errors, in the shape of `FOUND_SCHEMA`; the values in question stay."""


def apply_rule(frame: pl.DataFrame, target: str, rule: ColumnRule, source: SourceColumns) -> Ruled:
    """Apply a rule to a staged partition; every record gets a value or null.

    Args:
        frame: `row_key` and `c<position>` columns.
        target: The endpoint column.
        rule: Its rule.
        source: The columns of the partition's source.
    """
    taken = _take(frame, target, rule, source)
    if isinstance(taken.dtype, pl.List) or rule.split is not None:
        values, found = _work_on_lists(frame["row_key"], taken, rule)
        if target == OPT_OUT:
            values, found = _settle_opt_out(frame["row_key"], values, found)
    else:
        keyed = pl.DataFrame([frame["row_key"], taken.alias("text")])
        texts, found = _work(keyed, target, rule)
        values = texts if rule.default is None else texts.fill_null(rule.default)
    columns = [values.alias(target)]
    if rule.blank == "clear":
        is_known = rule.constant is not None or bool(source.find_all(rule.columns))
        cleared = values.is_null() if is_known else values.is_null() & False
        columns.append(cleared.alias(CLEAR + target))
    if rule.phone_region is not None:
        columns.append(_read_region(frame, rule, source))
    return Ruled(columns, found)


def _take(frame: pl.DataFrame, target: str, rule: ColumnRule, source: SourceColumns) -> pl.Series:
    """Take the value of each record from where the rule says."""
    places = source.find_all(rule.columns)
    if rule.constant is not None:
        value = fill_blank(pl.lit(rule.constant, pl.String))
    elif rule.template is not None:
        value = _fill_template(frame, rule, source)
    elif target.startswith(LIST_PREFIXES) and places:
        value = _take_several(frame, rule, source)
    elif target == OPT_OUT and (len(places) > 1 or any(is_list(frame, p) for p in places)):
        value = pl.concat_list(list_of(frame, place, trim=rule.trim) for place in places)
    else:
        value = first_text(frame, places, trim=rule.trim)
    # A literal alone would give one row, whatever the frame's height.
    return frame.select("row_key", value.alias(target))[target]


def _take_several(frame: pl.DataFrame, rule: ColumnRule, source: SourceColumns) -> pl.Expr:
    """Take the values of the first of the rule's columns that has any, or of all of them.

    A repeated header is one column of several values, as without a mapping: so rows of errors.csv,
    in which lists have become such, are read back as they were.
    """
    columns = [found for name in rule.columns if (found := source.find(name))]
    is_single = all(len(places) == 1 and not is_list(frame, places[0]) for places in columns)
    if is_single and not rule.collect:
        return first_text(frame, source.find_all(rule.columns), trim=rule.trim)
    lists = [
        pl.concat_list(list_of(frame, place, trim=rule.trim) for place in places)
        for places in columns
    ]
    if rule.collect:
        return pl.concat_list(lists)
    return pl.coalesce(pl.when(texts.list.len() > 0).then(texts) for texts in lists)


def _fill_template(frame: pl.DataFrame, rule: ColumnRule, source: SourceColumns) -> pl.Expr:
    parts: list[pl.Expr] = []
    given: list[pl.Expr] = []
    for part in parse_template(rule.template or ""):
        if part.is_column:
            given.append(first_text(frame, source.find(part.text), trim=rule.trim))
            parts.append(given[-1].fill_null(""))
        else:
            parts.append(pl.lit(part.text))
    text = pl.concat_str(parts)
    if rule.trim:
        text = text.str.replace_all(" {2,}", " ").str.strip_chars()
    is_given = pl.any_horizontal(value.is_not_null() for value in given)
    return pl.when(is_given).then(text)


def _work_on_lists(
    keys: pl.Series, taken: pl.Series, rule: ColumnRule
) -> tuple[pl.Series, pl.DataFrame]:
    """Work on every value of each cell; a cell without any is null."""
    rows = pl.DataFrame([keys, taken.alias("text")]).filter(pl.col("text").is_not_null())
    if isinstance(taken.dtype, pl.List):
        rows = rows.explode("text", empty_as_null=False)
    if rule.split is not None:
        rows = rows.with_columns(pl.col("text").str.split(rule.split))
        rows = rows.explode("text", empty_as_null=False)
    rows = rows.with_columns(fill_blank(pl.col("text"), trim=rule.trim))
    rows = rows.filter(pl.col("text").is_not_null())
    texts, found = _work(rows, taken.name, rule)
    lists = (
        rows.select("row_key", texts.alias("text"))
        .filter(pl.col("text").is_not_null())
        .group_by("row_key", maintain_order=True)
        .agg("text")
    )
    joined = keys.to_frame().join(lists, on="row_key", how="left", maintain_order="left")["text"]
    if rule.default is not None:
        default = pl.lit([rule.default], pl.List(pl.String))
        joined = joined.to_frame().select(pl.col("text").fill_null(default)).to_series()
    return joined, found


def _settle_opt_out(
    keys: pl.Series, given: pl.Series, found: pl.DataFrame
) -> tuple[pl.Series, pl.DataFrame]:
    """Make one answer of what several columns say, so that none hides that somebody refused.

    ALL counts whatever the others say, and explains errors in them away; NONE counts only where
    all others agree or are blank, so that one that cannot be understood is not passed over.
    """
    words = given.list.eval(pl.element().str.strip_chars().str.to_uppercase())
    is_refused = words.list.contains("ALL").fill_null(value=False)
    unclear = pl.col("given").list.eval(pl.element().filter(pl.element() != "NONE")).list.first()
    answers = pl.DataFrame([keys, given.alias("given"), is_refused.alias("is_refused")]).select(
        "row_key",
        "is_refused",
        answer=pl.when("is_refused")
        .then(pl.lit("ALL"))
        .otherwise(pl.coalesce(unclear, pl.col("given").list.first())),
    )
    explained = answers.filter("is_refused").select(pl.col("row_key").cast(pl.Int64))
    return answers["answer"], found.join(explained, on="row_key", how="anti", maintain_order="left")


def _work(rows: pl.DataFrame, target: str, rule: ColumnRule) -> tuple[pl.Series, pl.DataFrame]:
    """Do to each text what the rule says, up to its date.

    Args:
        rows: `row_key`, which may repeat, and `text`.
        target: The endpoint column.
        rule: Its rule.
    """
    texts = rows["text"]
    found = []
    if rule.values is not None:
        texts, unknown = _map_values(texts, rule.values, rule.otherwise)
        found.append(
            find_issues(rows.filter(unknown), target, issues.VALUE_UNKNOWN, pl.col("text"))
        )
    if rule.case is not None:
        texts = _change_case(texts, rule.case)
    if rule.date_format is not None:
        keeps_days = target != "EffectiveDate"
        dates = read_dates(texts, rule.date_format, rule.timezone, keeps_days=keeps_days)
        odd = dates.is_null() & texts.is_not_null()
        found.append(
            find_issues(rows.filter(odd), target, issues.DATE_FORMAT_OTHER, pl.col("text"))
        )
        texts = dates.zip_with(~odd, texts)
    elif rule.timezone is not None:
        texts = place_dates(texts, rule.timezone)
    return texts.alias(target), join_issues(found)


def _map_values(
    texts: pl.Series, values: dict[str, str | None], otherwise: str
) -> tuple[pl.Series, pl.Series]:
    """Replace known values; also tell which ones are unknown and must not be."""
    known = _fold(pl.Series(list(values), dtype=pl.String))
    folded = _fold(texts)
    is_known = folded.is_in(known.implode()).fill_null(value=False)
    replaced = folded.replace_strict(
        known, pl.Series(list(values.values()), dtype=pl.String), default=None
    )
    unknown = ~is_known & texts.is_not_null()
    kept = replaced if otherwise == "blank" else replaced.zip_with(is_known, texts)
    return kept, unknown if otherwise == "error" else unknown & False


def _fold(texts: pl.Series) -> pl.Series:
    return texts.str.normalize("NFC").str.strip_chars().str.to_lowercase()


def _change_case(texts: pl.Series, case: str) -> pl.Series:
    if case == "upper":
        return texts.str.to_uppercase()
    return texts.str.to_lowercase() if case == "lower" else texts.str.to_titlecase()


def _read_region(frame: pl.DataFrame, rule: ColumnRule, source: SourceColumns) -> pl.Series:
    if rule.region_column is None:
        value = pl.lit(rule.phone_region, pl.String)
        return frame.select("row_key", value.alias(PHONE_REGION))[PHONE_REGION]
    text = first_text(frame, source.find(rule.region_column)).alias(PHONE_REGION)
    countries = normalize_countries(frame.select("row_key", text)[PHONE_REGION])
    is_country = countries.is_in(sorted(country_codes())).fill_null(value=False)
    return countries.set(~is_country, None)

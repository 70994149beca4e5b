"""Phone numbers: read into E.164 and checked against the numbering plans, a column at a time.

Used by the normalize step and by the endpoint model. The truth is phonenumbers (libphonenumber),
at 20-170 µs for a number. So patterns from its own metadata run over whole columns in polars and
answer where the library's answer is certain; what is left goes to the library by distinct value.
"""

from enum import StrEnum

import polars as pl

from schemas.phone_patterns import calling_codes, validities
from schemas.phone_plans import Plan, plan_of_calling_code, plan_of_region
from schemas.phone_reading import E164, TRAILING_ZERO, TWO_LONG_RUNS, judge_number, read_number

_PLAIN = r"^[ (]*\+?[0-9( ][0-9 ().\-\x{00A0}\x{2010}-\x{2015}]*$"
"""Digits and the punctuation that the library takes out without a further thought."""

_LONGEST_TEXT = 250
_FEWEST_DIGITS = 3
"""Characters and digits of a text that the library reads. Source: phonenumberutil."""

_MOST_DIGITS = 15
"""Digits of an E.164 number, calling code included. Source: ITU-T E.164."""


class PhoneCheck(StrEnum):
    """How far a phone number is checked; each level includes the form."""

    FORMAT = "format"
    """E.164 form: `+` and up to 15 digits."""
    POSSIBLE = "possible"
    """Also a length that the numbering plan has."""
    VALID = "valid"
    """Also a range that the numbering plan assigns."""


def normalize_phones(numbers: pl.Series, regions: pl.Series) -> pl.Series:
    """Return the E.164 form of each text that can be read as a phone number, else the text.

    A text that the library reads as a national number, but that is as well an international one
    of the same country that lost its `+` (`4915123456789` with DE), is left as it came: one of the
    two readings is somebody else's number.

    Read is what phonenumbers reads as a possible number: international, national, RFC 3966,
    full-width and vanity forms. Left as they came, to be refused by the check, are numbers with an
    extension, damaged texts and two numbers in one (`phone_reading.is_damaged`). Possible to the
    library is also a number without its area code (`555-0100`): the check for validity refuses it.
    Idempotent.

    Args:
        numbers: Strings; null stays null.
        regions: ISO 3166-1 alpha-2 code per row, in upper case, with which a national form is
            read; with null or an unknown code only international forms are.

    Returns:
        Strings of the same length and name.
    """
    is_read = _pass_surely(numbers, PhoneCheck.VALID)  # so it is the form that is looked for
    if is_read.all():
        return numbers
    places = (~is_read).arg_true()
    others = _normalize_others(numbers.gather(places), regions.gather(places))
    return numbers.clone().scatter(places, others)  # scatter works in place


def _normalize_others(numbers: pl.Series, regions: pl.Series) -> pl.Series:
    read = _read_surely(numbers, regions)
    odd = pl.DataFrame({"text": numbers, "region": regions.cast(pl.String), "read": read})
    left = odd.filter(pl.col("read").is_null() & pl.col("text").is_not_null())
    if left.is_empty():
        return _keep_ambiguous(numbers, read)
    distinct = left.select("text", "region").unique()
    answers = [
        read_number(text, region if region is not None and plan_of_region(region) else None)
        for text, region in distinct.iter_rows()
    ]
    answered = distinct.with_columns(pl.Series("answer", answers, dtype=pl.String))
    joined = odd.join(
        answered, on=["text", "region"], how="left", nulls_equal=True, maintain_order="left"
    )
    return _keep_ambiguous(numbers, joined.select(pl.coalesce("read", "answer")).to_series())


def _keep_ambiguous(numbers: pl.Series, read: pl.Series) -> pl.Series:
    """Take what was read, but the text where it could have been meant with a `+` in front."""
    if numbers.str.starts_with("+").all():
        return pl.select(pl.coalesce(read, numbers)).to_series().alias(numbers.name)
    digits = pl.col("text").str.replace_all("[^0-9]+", "")
    prefix_length = pl.col("read").str.len_bytes().cast(pl.Int64) - 1 - digits.str.len_bytes()
    prefix = pl.col("read").str.slice(1, pl.max_horizontal(prefix_length, 0))
    frame = pl.DataFrame({"text": numbers, "read": read}).with_columns(
        with_plus=pl.when(
            (prefix_length > 0)
            & pl.col("read").str.ends_with(digits)
            & digits.str.starts_with(prefix)
            & ~pl.col("text").str.contains("+", literal=True)
        ).then("+" + digits)
    )
    international = check_phones(frame["with_plus"], PhoneCheck.VALID).fill_null(value=False)
    return (
        frame.select(pl.when(international).then("text").otherwise(pl.coalesce("read", "text")))
        .to_series()
        .alias(numbers.name)
    )


def check_phones(numbers: pl.Series, check: PhoneCheck) -> pl.Series:
    """Tell for each text whether it is an E.164 number that passes the check.

    The answer is phonenumbers' own `is_possible_number` or `is_valid_number`. A text that is not
    the library's E.164 form of the number it reads (`+44020...`) is refused. Whether a number is
    in service cannot be told.

    Args:
        numbers: Strings; null stays null.
        check: How far to check.

    Returns:
        Booleans of the same length and name.
    """
    formal = numbers.str.contains(E164)
    if check is PhoneCheck.FORMAT:
        return formal.alias(numbers.name)
    passed = _pass_surely(numbers, check)
    odd = numbers.filter(formal & ~passed).unique().to_list()
    level = 0 if check is PhoneCheck.POSSIBLE else 1
    accepted = pl.Series([text for text in odd if judge_number(text)[level]], dtype=pl.String)
    verdict = passed | numbers.is_in(accepted.implode())
    return verdict.set(numbers.is_null(), None).alias(numbers.name)


def keep_surely_valid(numbers: pl.Series) -> pl.Series:
    """Keep the valid E.164 numbers that patterns alone show as such, and make null of the others.

    A thousandth of what asking the library costs, for texts of which few are numbers.
    """
    return numbers.set(~_pass_surely(numbers, PhoneCheck.VALID), None)


def _pass_surely(numbers: pl.Series, check: PhoneCheck) -> pl.Series:
    """Tell for each text whether its plan's patterns alone show that it passes the check."""
    passed = pl.Series("passed", [False]).new_from_index(0, len(numbers))
    frame = pl.DataFrame({"text": numbers}).with_row_index("row")
    frame = frame.filter(pl.col("text").str.contains(E164))
    for code, part in _by_calling_code(frame.with_columns(pl.col("text").str.slice(1))):
        plan, digits = plan_of_calling_code(code), pl.col("digits")
        if part.select(plan.strips(digits).any()).item():
            part = part.filter(plan.is_settled(digits))
        if check is PhoneCheck.POSSIBLE:
            part = part.filter(plan.is_possible(digits))
            passed = passed.scatter(part["row"], True)
            continue
        for validity in validities(code):
            accepted = part.select("row", accepted=validity.accepts(digits))
            passed = passed.scatter(accepted.filter("accepted")["row"], True)
            part = part.filter(~accepted["accepted"])
            if part.is_empty():
                break
    return passed


def _read_surely(numbers: pl.Series, regions: pl.Series) -> pl.Series:
    """Return what the library surely makes of each text, null where that is not certain."""
    text = pl.col("text")
    frame = pl.DataFrame({"text": numbers, "region": regions.cast(pl.String)})
    frame = frame.with_row_index("row").filter(
        text.str.contains(_PLAIN)
        & (text.str.len_chars() <= _LONGEST_TEXT)
        & ~text.str.contains(TRAILING_ZERO)
        & ~text.str.contains(TWO_LONG_RUNS)
    )
    frame = frame.with_columns(has_plus=text.str.contains("+", literal=True))
    frame = frame.with_columns(text=text.str.replace_all("[^0-9]+", ""), came=text)
    frame = frame.filter(text.str.len_bytes() >= _FEWEST_DIGITS)
    parts = [_read_international(frame.filter("has_plus"))]
    national = frame.filter(~pl.col("has_plus") & pl.col("region").is_not_null())
    for (region,), part in national.partition_by("region", as_dict=True).items():
        plan = plan_of_region(str(region))
        if plan is not None:
            abroad = part.select("row", "came", text=plan.dialled_abroad(text))
            parts.append(_read_international(abroad.filter(text.is_not_null())))
            parts.append(_read_national(part.filter(abroad["text"].is_null()), plan))
    found = pl.concat(parts).filter(pl.col("read").is_not_null())
    read = pl.Series("read", [None], dtype=pl.String).new_from_index(0, len(numbers))
    return read.scatter(found["row"], found["read"])


def _read_international(frame: pl.DataFrame) -> pl.DataFrame:
    """Read texts that start with a calling code, which had a `+` or what is dialled for it."""
    parts = [frame.clear().select("row", read="came")]
    for code, part in _by_calling_code(frame):
        parts.append(_form(part, plan_of_calling_code(code)))
    return pl.concat(parts)


def _read_national(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Read digits as the library does in the plan's region, where they do not lead abroad.

    Follows `phonenumberutil._maybe_extract_country_code` and the rest of `parse`.
    """
    dialled = pl.col("text")
    starts_with_code = dialled.str.starts_with(plan.calling_code)
    without_code = dialled.str.slice(len(plan.calling_code))
    is_home = ~starts_with_code | (plan.is_general(dialled) & plan.has_possible_length(dialled))
    has_code = (
        starts_with_code
        & ~plan.is_general(dialled)
        & plan.is_general(without_code)
        & ~plan.strips(without_code)
    )
    digits = (
        pl.when(plan.leads_abroad(dialled))
        .then(None)
        .when(is_home & plan.is_settled(dialled))
        .then(dialled)
        .when(is_home & plan.is_stripped(dialled))
        .then(plan.strip(dialled))
        .when(has_code)
        .then(without_code)
    )
    main = plan_of_calling_code(plan.calling_code)
    read = frame.with_columns(digits=digits).filter(pl.col("digits").is_not_null())
    # The form must be one that the library reads as itself, by the plan of the main region.
    return _form(read.filter(main.is_settled(pl.col("digits"))), main)


def _form(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Write `digits` after the calling code in E.164, where the library surely does the same.

    What is surely no possible number comes back as it came; rows that are not sure are left out.
    """
    came, digits = pl.col("digits"), pl.col("national")
    settled = plan.is_settled(came)
    frame = frame.with_columns(
        national=pl.when(settled).then(came).when(plan.is_stripped(came)).then(plan.strip(came))
    ).filter(plan.is_settled(digits))
    fits = digits.str.len_bytes() <= _MOST_DIGITS - len(plan.calling_code)
    possible = plan.is_possible(digits) & fits
    form = pl.when(possible).then(f"+{plan.calling_code}" + digits).otherwise(pl.col("came"))
    return frame.select("row", read=form)


def _by_calling_code(frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Part rows by the calling code that `text` starts with, and add the `digits` after it.

    Rows with no known calling code are left out.
    """
    text = pl.col("text")
    code = pl.coalesce(
        pl.when(text.str.slice(0, size).is_in(list(calling_codes(size)))).then(
            text.str.slice(0, size)
        )
        for size in (1, 2, 3)
    )
    known = frame.with_columns(code=code).filter(pl.col("code").is_not_null())
    return [
        (str(key), part.with_columns(digits=pl.col("text").str.slice(len(str(key)))))
        for (key,), part in known.partition_by("code", as_dict=True).items()
    ]

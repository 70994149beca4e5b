"""One phone number at a time, by phonenumbers itself.

`schemas.phones` asks here about the distinct texts that its patterns do not accept. What the
library reads is taken, unless the text shows signs of damage over which the library passes in
silence (it drops stray letters and an exponent's `E`, and joins two numbers to one).
"""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

E164 = r"^\+[1-9][0-9]{1,14}$"
"""A number in E.164 form: at most 15 digits and nothing between. Source: ITU-T E.164."""

TRAILING_ZERO = r"[.,]0+$"
"""What is left of a number that a table once held as a fraction: one digit too many."""

TWO_LONG_RUNS = r"[0-9]{7,}[^0-9](?:.*[^0-9])?[0-9]{7,}"
"""Two runs of digits, each long enough for a number of its own."""

_REMEMBERED = 1 << 16
"""Verdicts kept, some 10 MB: a column is normalized and checked, its odd values meet twice."""

_EXPONENT = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?E[-+]?[0-9]+", re.IGNORECASE)
_FRACTION = re.compile(r"\+?[0-9]{7,}" + TRAILING_ZERO)
_TWO_RUNS = re.compile(TWO_LONG_RUNS)
_STRAY_LETTER = re.compile(r"[0-9][^0-9]*[A-WYZa-wyz][^0-9]*[0-9]")
_LETTER = re.compile(r"[A-Za-z]")
_SEPARATOR = re.compile(r"[/~*]|[A-Za-z]+")
_NOT_DIGIT = re.compile(r"[^0-9]")


@lru_cache(maxsize=_REMEMBERED)
def read_number(text: str, region: str | None) -> str | None:
    """Return the E.164 form of a text that can be read as one possible phone number, else None.

    Not read, though the library would: a number with an extension, which E.164 cannot hold; texts
    that `is_damaged` names; one of more than 15 digits; and the rare one whose E.164 form the
    library would again read as another number.

    Args:
        text: A phone number in any form the library knows.
        region: ISO 3166-1 alpha-2 code that national forms are read with; None for none.
    """
    number = _parse(text, region)
    if number is None or number.extension or not phonenumbers.is_possible_number(number):
        return None
    form = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if form == text:
        return form
    if is_damaged(text, region) or not re.match(E164, form) or not _is_its_own_form(form):
        return None
    return form


@lru_cache(maxsize=_REMEMBERED)
def judge_number(text: str) -> tuple[bool, bool]:
    """Tell whether a text is the E.164 form of a possible and of a valid number, in this order.

    A text that the library reads as another number (`+44020...` as `+4420...`) is neither.
    """
    number = _parse(text, None)
    if number is None or phonenumbers.format_number(number, PhoneNumberFormat.E164) != text:
        return (False, False)
    return (phonenumbers.is_possible_number(number), phonenumbers.is_valid_number(number))


def is_damaged(text: str, region: str | None) -> bool:
    """Tell whether a text that the library can read is more likely something else, or two numbers.

    Named are: a number in scientific notation; one with a decimal fraction of zeros; one with a
    letter among its digits (no vanity number has one or two); a complete number with a word after
    it; and two complete numbers in one text. A single number that happens to be wrong, and two
    short ones with nothing but a space between, are not recognized.

    Args:
        text: A text that `phonenumbers.parse` accepts.
        region: As for `read_number`.
    """
    if _EXPONENT.fullmatch(text) or _FRACTION.fullmatch(text):
        return True
    if ";phone-context=" in text:
        return False
    start = re.search(r"[+0-9]", text)
    body = text[start.start() :] if start else text
    if _holds_two_numbers(body):
        return True
    letters = len(_LETTER.findall(body))
    if letters < _VANITY_LETTERS:
        return _STRAY_LETTER.search(body) is not None
    bare = _parse(_LETTER.sub(" ", body), region)
    return bare is not None and phonenumbers.is_valid_number(bare)


_VANITY_LETTERS = 3
"""Letters from which on the library reads them as digits. Source: phonenumberutil._normalize."""


def _holds_two_numbers(body: str) -> bool:
    """Tell whether a text that starts with its first digit or `+` holds two complete numbers."""
    parts = [part for part in _SEPARATOR.split(body) if any(map(str.isdigit, part))]
    if len(parts) > 1:
        # One slash stands after an area code; several group a single number.
        suspects = parts[:1] if len(parts) == 2 else parts
        if any(_is_complete(part) for part in suspects):
            return True
    if not _TWO_RUNS.search(body):
        return False
    runs = [run for run in re.split(r"[^+0-9]+", body) if run]
    return sum(_is_complete(run) for run in runs) > 1


def _is_complete(part: str) -> bool:
    """Tell whether a part has more digits than calling code and area code together have."""
    digits = len(_NOT_DIGIT.sub("", part))
    if part.startswith("+"):
        return digits >= 9
    if part.startswith(("00", "011")):
        return digits >= 11
    return digits >= 7


def _is_its_own_form(form: str) -> bool:
    number = _parse(form, None)
    return number is not None and (
        phonenumbers.format_number(number, PhoneNumberFormat.E164) == form
    )


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None

"""phonenumbers is the truth: every answer here is compared with the library's own."""

import random
import string
from collections.abc import Callable
from functools import cache

import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from schemas import phones
from schemas.phone_reading import is_damaged
from schemas.phones import PhoneCheck, check_phones, normalize_phones

SEED = 20261030
# Share of the examples that may need the library; a fast path that has died needs it for all.
MISSES_READING = 0.01
MISSES_CHECKING = 0.01
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = (
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
)


def parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def to_e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@cache
def read_by_library(text: str, region: str | None) -> str | None:
    """What the library alone makes of a text, the E.164 form of a possible number or nothing."""
    number = parse(text, region)
    if number is None or number.extension or not phonenumbers.is_possible_number(number):
        return None
    form = to_e164(number)
    again = parse(form, None)
    # Not E.164: 17 digits, which the library finds possible, and forms it reads as another number.
    return form if len(form) <= 16 and again is not None and to_e164(again) == form else None


@cache
def judge_by_library(text: str) -> tuple[bool, bool]:
    number = parse(text, None)
    if number is None or to_e164(number) != text:
        return (False, False)
    return (phonenumbers.is_possible_number(number), phonenumbers.is_valid_number(number))


@cache
def examples() -> list[tuple[str, PhoneNumber]]:
    """Example numbers of every region and type, and one invalid number of every region."""
    found = []
    for region in REGIONS:
        numbers = [
            phonenumbers.example_number_for_type(region, kind)
            for kind in PhoneNumberType.values()
            if kind != PhoneNumberType.UNKNOWN
        ]
        numbers.append(phonenumbers.invalid_example_number(region))
        found += [(region, number) for number in numbers if number is not None]
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        if regions == ("001",):
            number = phonenumbers.example_number_for_non_geo_entity(code)
            found.append(("US", number))
    return found


@cache
def written_examples() -> list[tuple[str, str]]:
    """(text, region) of every example as the library writes it and as people do."""
    texts = []
    for region, number in examples():
        national = phonenumbers.national_significant_number(number)
        prefix = phonenumbers.ndd_prefix_for_region(region, True) or ""
        texts += [(phonenumbers.format_number(number, form), region) for form in FORMATS]
        texts += [
            (national, region),
            (prefix + national, region),
            (f"{number.country_code}{national}", region),
            (f"{number.country_code} {prefix}{national}", region),
            (f"00{number.country_code} {national}", region),
            (f"011{number.country_code}-{national}", region),
            (f"+{number.country_code} ({prefix}) {national}", region),
        ]
    return sorted(set(texts))


@cache
def mutated_examples() -> list[tuple[str, str]]:
    """Texts with a digit changed, dropped, added, or read in a wrong region."""
    chance = random.Random(SEED)
    texts = []
    for text, region in written_examples():
        at = chance.randrange(len(text))
        digit = chance.choice(string.digits)
        kind = chance.randrange(4)
        if kind == 0:
            texts.append((text[:at] + digit + text[at + 1 :], region))
        elif kind == 1:
            texts.append((text[:at] + text[at + 1 :], region))
        elif kind == 2:
            texts.append((text[:at] + digit + text[at:], region))
        else:
            texts.append((text, chance.choice(REGIONS)))
    return texts


@cache
def random_e164() -> list[str]:
    """Random digits behind every calling code, and behind some that are none."""
    chance = random.Random(SEED)
    codes = [*map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE), "210", "999"]
    return [
        f"+{code}" + "".join(chance.choices(string.digits, k=chance.randint(4, 12)))
        for code in codes
        for _ in range(60)
    ]


def as_series(texts: list[tuple[str, str]]) -> tuple[pl.Series, pl.Series]:
    numbers, regions = zip(*texts, strict=True)
    return pl.Series("n", numbers), pl.Series("r", regions)


@cache
def normalized(corpus: Callable[[], list[tuple[str, str]]]) -> pl.Series:
    return normalize_phones(*as_series(corpus()))


both_corpora = pytest.mark.parametrize(
    "corpus", [written_examples, mutated_examples], ids=["written", "mutated"]
)


@both_corpora
def test_normalize_equals_library(corpus):
    texts = corpus()
    got = normalized(corpus).to_list()
    wrong = []
    for (text, region), form in zip(texts, got, strict=True):
        expected = read_by_library(text, region) or text
        left = is_damaged(text, region) or may_have_lost_its_plus(text, expected)
        if form != expected and not (form == text and left):
            wrong.append((text, region, form, expected))
    assert wrong == []


def may_have_lost_its_plus(text: str, expected: str) -> bool:
    """Whether the digits are as well a valid number of the same country with a + in front."""
    digits = "".join(filter(str.isdecimal, text))
    code = expected.removeprefix("+").removesuffix(digits)
    own_country = bool(code) and expected == f"+{code}{digits}" and digits.startswith(code)
    return own_country and phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        pytest.param("4915123456789", "DE", "4915123456789", id="two-readings"),
        pytest.param("15123456789", "DE", "+4915123456789", id="national-only"),
        pytest.param("919876543210", "IN", "+919876543210", id="one-reading"),
    ],
)
def test_lost_plus_is_not_guessed(text, region, expected):
    got = normalize_phones(pl.Series([text]), pl.Series([region]))
    assert got.to_list() == [expected]


@both_corpora
def test_fast_path_reads_only_what_the_library_reads(corpus):
    texts = corpus()
    read = phones._read_surely(*as_series(texts)).to_list()
    wrong = [
        (text, region, form)
        for (text, region), form in zip(texts, read, strict=True)
        if form is not None
        and (form != (read_by_library(text, region) or text) or is_damaged(text, region))
    ]
    assert wrong == []


def test_fast_path_reads_most_ordinary_numbers():
    texts = [
        (phonenumbers.format_number(number, form), region)
        for region, number in examples()
        if phonenumbers.is_valid_number(number)
        for form in FORMATS[:3]
    ]
    read = phones._read_surely(*as_series(texts))
    assert read.null_count() / len(texts) < MISSES_READING


def test_damage_is_never_seen_in_what_the_library_writes():
    damaged = [
        (text, region)
        for region, number in examples()
        for form in FORMATS
        if (text := phonenumbers.format_number(number, form)) and is_damaged(text, region)
    ]
    assert damaged == []


def e164_corpus() -> list[str]:
    mutated = [text for text, _ in mutated_examples() if text.startswith("+")]
    return random_e164() + mutated + [to_e164(number) for _, number in examples()]


@pytest.mark.parametrize("check", [PhoneCheck.POSSIBLE, PhoneCheck.VALID])
def test_check_equals_library(check):
    texts = e164_corpus()
    level = 0 if check is PhoneCheck.POSSIBLE else 1
    got = check_phones(pl.Series(texts), check).to_list()
    wrong = [
        text for text, ok in zip(texts, got, strict=True) if ok != judge_by_library(text)[level]
    ]
    assert wrong == []


@pytest.mark.parametrize("check", [PhoneCheck.POSSIBLE, PhoneCheck.VALID])
def test_fast_path_passes_only_what_the_library_passes(check):
    texts = e164_corpus()
    level = 0 if check is PhoneCheck.POSSIBLE else 1
    passed = phones._pass_surely(pl.Series(texts), check).to_list()
    assert [
        text
        for text, ok in zip(texts, passed, strict=True)
        if ok and not judge_by_library(text)[level]
    ] == []


def test_fast_path_passes_most_valid_numbers():
    valid = [to_e164(number) for _, number in examples() if phonenumbers.is_valid_number(number)]
    passed = phones._pass_surely(pl.Series(valid), PhoneCheck.VALID)
    assert (~passed).sum() / len(valid) < MISSES_CHECKING


def test_form_is_checked_without_a_plan():
    texts = [
        "+1",
        "+12",
        "+99999999",
        "+123456789012345",
        "+1234567890123456",
        "+0123",
        "12065550100",
    ]
    texts += ["+1206555010\u0660", "+12065550100\n", " +12065550100", "", "+1 206 555 0100"]
    expected = [False, True, True, True] + [False] * 8
    assert check_phones(pl.Series(texts), PhoneCheck.FORMAT).to_list() == expected


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        pytest.param("(206) 555-0100", "US", "+12065550100", id="national"),
        pytest.param("020 7946 0018", "GB", "+442079460018", id="trunk-prefix"),
        pytest.param("+44 (0)20 7946 0018", None, "+442079460018", id="trunk-prefix-abroad"),
        pytest.param("0044 20 7946 0018", "DE", "+442079460018", id="dialled-abroad"),
        pytest.param("12065550100", "US", "+12065550100", id="lost-plus"),
        pytest.param("02 1234 5678", "IT", "+390212345678", id="leading-zero-kept"),
        pytest.param("06 698 12345", "VA", "+390669812345", id="leading-zero-of-shared-code"),
        pytest.param("206\u00a0555\u20130100", "US", "+12065550100", id="typographic"),
        pytest.param("\uff0b\uff11 206 555 0100", None, "+12065550100", id="full-width"),
        pytest.param("\u0660\u0661\u0660 2345 6789", "EG", "+201023456789", id="arabic-digits"),
        pytest.param("tel:+1-206-555-0100", None, "+12065550100", id="rfc3966"),
        pytest.param("tel:206-555-0100;phone-context=+1", None, "+12065550100", id="context"),
        pytest.param("1-800-FLOWERS", "US", "+18003569377", id="vanity"),
        pytest.param("030/12345678", "DE", "+493012345678", id="slash-after-area-code"),
        pytest.param("01/23/45/67/89", "FR", "+33123456789", id="grouped-by-slashes"),
        pytest.param("206.555.0000", "US", "+12065550000", id="dots-and-zeros"),
        pytest.param("+4402079460018", None, "+442079460018", id="trunk-prefix-in-e164"),
    ],
)
def test_reads(text, region, expected):
    number, country = pl.Series([text]), pl.Series([region], dtype=pl.String)
    assert normalize_phones(number, country).to_list() == [expected]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        pytest.param("206 555 0100", None, id="national-without-region"),
        pytest.param("206 555 0100", "XX", id="unknown-region"),
        pytest.param("206 555 0100", "us", id="region-in-lower-case"),
        pytest.param("206 555 0100 x12", "US", id="extension"),
        pytest.param("+12065550100;ext=12", "US", id="rfc3966-extension"),
        pytest.param("4.47946E+11", "GB", id="exponent"),
        pytest.param("4.47946E11", "DE", id="exponent-without-plus"),
        pytest.param("301234567.0", "DE", id="fraction"),
        pytest.param("0301234567/68", "DE", id="two-endings"),
        pytest.param("1234567 / 7654321", "DE", id="two-numbers-slash"),
        pytest.param("1234567 7654321", "DE", id="two-numbers-space"),
        pytest.param("1234567-7654321", "DE", id="two-numbers-dash"),
        pytest.param("+12065550100 +12065550101", "US", id="two-e164"),
        pytest.param("2065550100, 2065550101", "US", id="two-numbers-comma"),
        pytest.param("2065550100; 2065550101", "US", id="two-numbers-semicolon"),
        pytest.param("030 123456 home", "DE", id="word-after-number"),
        pytest.param("030 12O4567", "DE", id="letter-for-digit"),
        pytest.param("+4912345678901234567", "DE", id="more-than-15-digits"),
        pytest.param("n/a", "US", id="words"),
        pytest.param("", "US", id="empty"),
        pytest.param("+", "US", id="plus-only"),
        pytest.param("1-2", "DE", id="two-digits"),
        pytest.param("206" + "-" * 250 + "5550100", "US", id="more-than-250-characters"),
    ],
)
def test_leaves_as_it_came(text, region):
    number, country = pl.Series([text]), pl.Series([region], dtype=pl.String)
    assert normalize_phones(number, country).to_list() == [text]


def test_series_keep_name_length_and_nulls():
    chunks = pl.Series("phone", ["+12065550100", None])
    chunks = chunks.append(pl.Series("phone", ["(206) 555-0100", "abc", None]))
    regions = pl.Series("country", ["US", "US", "US", None, None])
    read = normalize_phones(chunks, regions)
    assert (read.name, read.to_list()) == (
        "phone",
        ["+12065550100", None, "+12065550100", "abc", None],
    )
    for check in PhoneCheck:
        answer = check_phones(chunks, check)
        assert (answer.name, answer.dtype) == ("phone", pl.Boolean)
        assert answer.to_list() == [True, None, False, False, None]


@pytest.mark.parametrize("values", [[], [None, None]], ids=["empty", "all-null"])
def test_series_without_values(values):
    series = pl.Series("phone", values, dtype=pl.String)
    assert normalize_phones(series, series).equals(series, check_dtypes=True, check_names=True)
    for check in PhoneCheck:
        expected = pl.Series("phone", values, dtype=pl.Boolean)
        assert check_phones(series, check).equals(expected, check_dtypes=True, check_names=True)


@both_corpora
def test_normalize_is_idempotent(corpus):
    numbers, regions = as_series(corpus())
    once = normalized(corpus)
    again = normalize_phones(once, regions)
    changed = pl.DataFrame({"came": numbers, "once": once, "again": again})
    assert changed.filter(pl.col("once") != pl.col("again")).rows() == []


texts = st.text(alphabet="0123456789+ ()-./x,;*#EeAoT\u00a0\uff11\u0661", max_size=24)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(texts, st.sampled_from([*REGIONS, "XX"])), min_size=1, max_size=20))
def test_any_text_equals_library(rows):
    numbers, regions = as_series(rows)
    once = normalize_phones(numbers, regions)
    assert normalize_phones(once, regions).to_list() == once.to_list()
    for (text, region), form in zip(rows, once.to_list(), strict=True):
        known = region if region in REGIONS else None
        expected = read_by_library(text, known) or text
        assert form == expected or (form == text and is_damaged(text, known))
    valid = check_phones(once, PhoneCheck.VALID).to_list()
    assert valid == [judge_by_library(form)[1] for form in once.to_list()]

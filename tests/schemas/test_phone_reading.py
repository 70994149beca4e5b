from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.phone_reading import is_damaged, judge_number, read_number


@pytest.mark.parametrize(
    ("text", "region"),
    [
        pytest.param("030/1234567", "DE", id="slash-after-area-code"),
        pytest.param("+49 30/1234567", "DE", id="slash-abroad"),
        pytest.param("030 1234567-0", "DE", id="direct-dial"),
        pytest.param("01/23/45/67/89", "FR", id="grouped-by-slashes"),
        pytest.param("1/206/555/0100", "US", id="slashes-with-code"),
        pytest.param("0049176 1234567", "DE", id="long-group-abroad"),
        pytest.param("Tel. 206 555 0100", "US", id="word-before"),
        pytest.param("206 555 0100 x", "US", id="placeholder-x"),
        pytest.param("206 555 0100 (w)", "US", id="letter-after-number"),
        pytest.param("1-800-FLOWERS", "US", id="vanity"),
        pytest.param("0xx11 91234-5678", "BR", id="carrier-placeholder"),
    ],
)
def test_odd_forms_are_not_damage(text, region):
    assert not is_damaged(text, region)
    assert read_number(text, region) is not None


@pytest.mark.parametrize(
    ("text", "region"),
    [
        pytest.param("4.47946E+11", "GB", id="exponent"),
        pytest.param("4,47946e11", "GB", id="exponent-comma"),
        pytest.param("2065550100.0", "US", id="fraction"),
        pytest.param("+12065550100.00", "US", id="fraction-e164"),
        pytest.param("0301234567/68", "DE", id="second-ending"),
        pytest.param("2O65550100", "US", id="letter-for-digit"),
        pytest.param("1234567 or 7654321", "DE", id="word-between"),
        pytest.param("030 123456 home", "DE", id="word-after-number"),
        pytest.param("1234567 7654321", "DE", id="two-runs"),
    ],
)
def test_damage_is_named_and_not_read(text, region):
    assert read_number(text, region) is None
    assert is_damaged(text, region)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("+12065550100", (True, True), id="valid"),
        pytest.param("+12061550100", (True, False), id="possible"),
        pytest.param("+13101234", (True, True), id="valid-in-canada-only"),
        pytest.param("+4402079460018", (False, False), id="not-its-own-form"),
        pytest.param("+999123456789", (False, False), id="unknown-calling-code"),
    ],
)
def test_judges(text, expected):
    assert judge_number(text) == expected


def test_threads_get_the_same_answers():
    numbers = [f"(206) 555-{line:04d} " for line in range(200)]
    read = read_number.__wrapped__
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda text: read(text, "US"), numbers))
    assert answers == [f"+1206555{line:04d}" for line in range(200)]

import polars as pl
import pytest

from schemas import issues
from schemas.reasons import find_reasons

MAIL, PHONE = issues.EMAIL_INVALID.code, issues.PHONE_INVALID.code


@pytest.mark.parametrize(
    ("code", "value", "reason"),
    [
        (MAIL, "nobody", "it has no @"),
        (MAIL, "a@@example.com", "it has more than one @"),
        (MAIL, "a b@example.com", "it holds a space"),
        (MAIL, "a@example.com; b@example.com", "it holds more than one address"),
        (MAIL, "a@example.com, b@example.com", "it holds more than one address"),
        (MAIL, "Ana <a@example.com>", "it holds a name besides the address"),
        (MAIL, "@example.com", "nothing stands before the @"),
        (MAIL, "ana@", "nothing stands behind the @"),
        (MAIL, "ana@example", "no ending such as .com stands behind the @"),
        (MAIL, "ana@example..com", "two dots follow each other"),
        (MAIL, "ana@example.com.", "a dot stands where none can be"),
        (MAIL, "ana(x)@example.com", None),
        (PHONE, "12", "it has 2 digits, which is too few"),
        (PHONE, "+4912345678901234567", "it has 19 digits, which is too many"),
        (PHONE, "call me", "it has no digits"),
        (PHONE, "+1206CALLME9", "it holds letters"),
        (PHONE, "ana1@example.com", "it looks like an e-mail address"),
        (PHONE, "+15550001111", "no number of that country is like it"),
        (
            PHONE,
            "5550001111",
            "it has no country code, and is none of the country that is assumed",
        ),
        (issues.VALUE_TOO_LONG.code, "x" * 143, "it has 143"),
        (issues.VALUE_TOO_LONG.code, '["x"]', None),
        (issues.ENDPOINT_TOO_LARGE.code, "15012 bytes", "it has 15012 bytes"),
        (issues.ADDRESS_MISSING.code, None, None),
    ],
)
def test_a_look_at_the_value_shows_what_is_wrong(code, value, reason):
    found = pl.DataFrame(
        {"code": [code], "value": [value]}, {"code": pl.String, "value": pl.String}
    )
    assert find_reasons(found).to_list() == [reason]


def test_reasons_stand_in_their_rows():
    found = pl.DataFrame({"code": [PHONE, "x.y", MAIL], "value": ["12", "12", "12"]})
    assert find_reasons(found).to_list() == [
        "it has 2 digits, which is too few",
        None,
        "it has no @",
    ]

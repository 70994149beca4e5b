"""What people meant, where it can be told; and nothing where it cannot."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.emails import check_emails
from schemas.phones import PhoneCheck, check_phones
from schemas.slips import (
    read_braced,
    read_date,
    read_email,
    read_number,
    read_phone,
    read_printable,
)

ASKED = ("column", "value", "region", "country")


def read(rule, *values, column="Address", region=None):
    rows = [(column, value, region, None) for value in values]
    return rule(pl.DataFrame(rows, dict.fromkeys(ASKED, pl.String), orient="row")).to_list()


CASES = [
    (read_email, "ana@example,com", "ana@example.com"),
    (read_email, "ana@example.com.", "ana@example.com"),
    (read_email, "Ana <ana@example.com>", "ana@example.com"),
    (read_email, "mailto:ana@example.com", "ana@example.com"),
    (read_email, "ana @ example. com", "ana@example.com"),
    (read_email, "ana@@example..com;", "ana@example.com"),
    (read_email, "ana [at] Example.com", "ana@example.com"),
    (read_email, "ana@gmail", "ana@gmail.com"),
    (read_email, "ana\0@example.com", "ana@example.com"),
    (read_email, "ana maria@example.com", None),
    (read_email, "ana@example", None),
    (read_email, "ana@example.com; bo@example.com", None),
    (read_email, "Ana <a@example.com>, Bo <b@example.com>", None),
    (read_email, "ana@example.com,bo", None),
    (read_email, "nobody", None),
    (read_phone, "0012065550100", "+12065550100"),
    (read_phone, "+0041446681800", "+41446681800"),
    (read_phone, "+1 2O6 555 O1OO", "+12065550100"),
    (read_phone, "2065550100", None),
    (read_phone, "00", None),
    (read_date, "31.01.2026", "2026-01-31"),
    (read_date, "1.2.2026", "2026-02-01"),
    (read_date, "1/31/2026", "2026-01-31"),
    (read_date, "31/1/2026 9:30", "2026-01-31T09:30"),
    (read_date, "2026/1/31 19:30:05", "2026-01-31T19:30:05"),
    (read_date, "5-5-2026", "2026-05-05"),
    (read_date, "01/02/2026", None),
    (read_date, "31.02.2026", None),
    (read_date, "31.01.26", None),
    (read_date, "1.2.3", None),
    (read_number, "1,200", "1200"),
    (read_number, "$1,200.50", "1200.50"),
    (read_number, "12,50 EUR", "12.50"),
    (read_number, "15%", None),
    (read_number, "€", None),
    (read_braced, "{3F25-04E0}", "3F25-04E0"),
    (read_braced, "{a}{b}", None),
    (read_printable, "A\0n\0a\0", "Ana"),
    (read_printable, "Main St\x0bApt 4", "Main St Apt 4"),
    (read_printable, "Caf\x82", None),
    (read_printable, "\0", None),
    (read_printable, '["\\u0000"]', None),
]


@pytest.mark.parametrize(("rule", "value", "meant"), CASES)
def test_what_was_meant(rule, value, meant):
    assert read(rule, value) == [meant]


@pytest.mark.parametrize("column", ["Id", "OptOut", "ChannelType"])
def test_ids_and_consent_are_not_guessed(column):
    assert read(read_printable, "a\0b", column=column) == [None]


def test_digits_at_random_are_not_taken_for_numbers_of_all_the_world():
    values = ["0012065550100", *(f"00{start}{start}5550100" for start in range(10, 100))]
    assert set(read(read_phone, *values)) == {None}


PIECES = st.sampled_from(
    [*"abo019@@..,; <>()", "(at)", "mailto:", "example", ".com", "gmail", "+", "00", "+1206555"]
)


@given(values=st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, unique=True))
def test_a_suggestion_is_always_valid(values):
    mails = pl.Series(read(read_email, *values), dtype=pl.String).drop_nulls()
    phones = pl.Series(read(read_phone, *values, region="US"), dtype=pl.String).drop_nulls()
    assert check_emails(mails).all()
    assert check_phones(phones, PhoneCheck.VALID).all()

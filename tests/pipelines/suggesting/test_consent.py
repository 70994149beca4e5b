"""Consent: nobody is opted in, whatever a column says."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.suggesting.consent import Consent, apply_consent, read_consent
from pipelines.suggesting.values import profile_column
from pipelines.suggesting.words import Role
from schemas.mapping import AnyOf, ColumnRule, Condition, EndpointRule

EMAIL = EndpointRule(
    name="email",
    columns={"ChannelType": ColumnRule(constant="EMAIL"), "Address": ColumnRule(source=("Mail",))},
)


def read(header, role, *values):
    return read_consent(
        header, role, profile_column(pl.Series(values, dtype=pl.String), 1000, None)
    )


@pytest.mark.parametrize(
    ("role", "values", "refusing", "others"),
    [
        (Role.OPT_OUT, ("true", "false"), {"true"}, {"false"}),
        (Role.OPT_OUT, ("false", "false"), {"true"}, {"false"}),
        (Role.OPT_OUT, ("1", "0", ""), {"1"}, {"0"}),
        (Role.OPT_IN, ("true", "false"), {"false"}, {"true"}),
        (Role.OPT_IN, ("ja",), {"nein", "nee"}, {"ja"}),
        (Role.OPT_IN, ("Subscribed", "Unsubscribed"), {"Unsubscribed"}, {"Subscribed"}),
        (Role.OPT_IN, ("SUBSCRIBED", "NEVER_SUBSCRIBED"), {"NEVER_SUBSCRIBED"}, {"SUBSCRIBED"}),
        (Role.OPT_IN, ("subscribed", "pending"), {"pending"}, {"subscribed"}),
        (Role.OPT_OUT, ("x", ""), {"x"}, set()),
        (Role.OPT_IN, ("sim",), {"não", "nao"}, {"sim"}),
        (Role.OPT_IN, ("Não",), {"Não"}, {"sim"}),
        (Role.OPT_OUT, ("YES", "yes", "Yes"), {"Yes"}, {"no"}),
    ],
)
def test_yes_and_no(role, values, refusing, others):
    consent = read("Marketing", role, *values)
    assert isinstance(consent, Consent)
    assert (set(consent.refusing), set(consent.others)) == (refusing, others)


def test_date_of_refusing_is_any_value():
    assert read("Unsubscribed at", Role.OPT_OUT, "2026-01-31", "") == Consent(
        "Unsubscribed at", frozenset(), None
    )


@pytest.mark.parametrize(
    ("role", "values", "reason"),
    [
        (Role.OPT_IN, ("2026-01-31",), "the time of a consent"),
        (Role.OPT_OUT, ("", None), "is empty in the sample"),
        (Role.OPT_OUT, ("yes", "perhaps"), "1 of its 2 values are neither yes nor no"),
        (Role.OPT_OUT, tuple("abcdefghijklmnopqrstuvwxyz"), "26 different values"),
    ],
)
def test_what_is_not_understood_is_left_open(role, values, reason):
    assert reason in read("Consent", role, *values)


@pytest.mark.parametrize(
    ("header", "channels"),
    [
        ("Unsubscribed from all email", {"email"}),
        ("Newsletter", {"email"}),
        ("SMS opt-out", {"mobile"}),
        ("Do not call", {"mobile"}),
        ("Do not contact", set()),
        ("Email and SMS consent", set()),
    ],
)
def test_endpoints_that_it_is_about(header, channels):
    assert read(header, Role.OPT_OUT, "true").channels == channels


def test_one_column_is_a_rule_in_which_an_unknown_value_is_an_error():
    (endpoint,) = apply_consent(EMAIL, [Consent("Out", frozenset(), ("yes",), ("no",))])
    assert endpoint.columns["OptOut"] == ColumnRule(
        source=("Out",), values={"yes": "ALL", "no": None}, otherwise="error"
    )


def test_a_date_parts_the_endpoint():
    open_, refused = apply_consent(EMAIL, [Consent("At", frozenset({"email"}), None)])
    assert (open_.name, open_.where) == ("email", (Condition(column="At", blank=True),))
    assert "OptOut" not in open_.columns
    assert (refused.name, refused.where) == (
        "email_opted_out", (Condition(column="At", blank=False),)
    )  # fmt: skip
    assert refused.columns["OptOut"] == ColumnRule(constant="ALL")


def test_several_columns_each_refuse():
    yes_no = Consent("Out", frozenset(), ("yes",), ("no",))
    open_, refused = apply_consent(EMAIL, [yes_no, Consent("At", frozenset(), None)])
    assert refused.where == (
        AnyOf(
            any_of=(
                Condition(column="Out", one_of=("yes", "YES", "Yes")),
                Condition(column="At", blank=False),
            )
        ),
    )
    assert open_.where == (
        AnyOf(
            any_of=(
                Condition(column="Out", blank=True),
                Condition(column="Out", one_of=("no", "NO", "No")),
            )
        ),
        Condition(column="At", blank=True),
    )


def test_consent_about_others_changes_nothing():
    assert apply_consent(EMAIL, [Consent("Out", frozenset({"mobile"}), ("yes",))]) == [EMAIL]


WORDS = ["yes", "no", "true", "false", "0", "1", "subscribed", "unsubscribed", "opted_in", "ja", ""]


@given(
    st.sampled_from([Role.OPT_OUT, Role.OPT_IN]),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), max_size=8),
)
def test_nothing_ever_opts_in(role, values):
    consent = read("Consent", role, *values)
    if isinstance(consent, str):
        return
    assert not set(consent.refusing or ()) & set(consent.others)
    for endpoint in apply_consent(EMAIL, [consent]):
        rule = endpoint.columns.get("OptOut")
        given_ = [] if rule is None else [rule.constant, *(rule.values or {}).values()]
        assert "NONE" not in given_

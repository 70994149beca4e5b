"""Suspects: what items look like, and whom experience and rarity point at."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.destinations.suspects import (
    REMEMBERED_ROWS,
    Suspicions,
    find_features,
    share_blame,
)

# -- features ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "feature"),
    [
        ({"ChannelType": "SMS"}, "ChannelType value: SMS"),
        ({"Address": "Ada.12@shop.example"}, "Address shape: a.9@a.a"),
        ({"Address": "Ada.12@shop.example"}, "Address domain: shop.example"),
        ({"Address": "+4915123"}, "Address first 2: +49"),
        ({"Address": "+4915123"}, "Address first 4: +4915"),
        ({"Location": {"City": "Köln"}}, "Location.City value: Köln"),
        ({"Attributes": {"Plan": ["gold", "old"]}}, "Attributes.Plan value: old"),
        ({"Attributes": {"Motto": ["x" * 101]}}, "Attributes.Motto length in bits: 7"),
        ({"Attributes": {"Plan": []}}, "Attributes.Plan values in bits: 0"),
        ({"Metrics": {"Spend": 1.5}}, "Metrics.Spend type: float"),
    ],
)
def test_feature_is_found(item, feature):
    assert feature in find_features([item])[0]


def test_member_that_others_have_is_absent():
    whole, part = find_features([{"Address": "a", "OptOut": "ALL"}, {"Address": "a"}])
    assert part - whole == {"OptOut absent"}


@pytest.mark.parametrize("name", ["Id", "Address"])
def test_values_that_nobody_shares_are_no_features(name):
    assert not any("value:" in feature for feature in find_features([{name: "x1"}])[0])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, min_size=1, max_size=5), st.text())
def test_any_json_is_rated(items, message):
    features = find_features(items)
    blame = share_blame(items, features, message)
    suspicions = Suspicions()
    for each in features:
        suspicions.note(each, is_refused=True)
    assert all(chance > 0 for chance in suspicions.rate(features, blame))
    assert sum(blame) == pytest.approx(len(items))


# -- rarity --------------------------------------------------------------------------------


def blame_most(items, message=""):
    blame = share_blame(items, find_features(items), message)
    return blame.index(max(blame))


def test_rare_item_is_blamed_most():
    items = [{"OptOut": "NONE"} for _ in range(9)]
    assert blame_most([*items[:4], {"OptOut": "ALL"}, *items[4:]]) == 4


def test_only_members_that_the_message_mentions_are_looked_at():
    items = [{"OptOut": "ALL", "Address": "a"} for _ in range(9)]
    items[2] = {"OptOut": "NONE", "Address": "a", "Metrics": {}}
    items[5] = {"OptOut": "ALL", "Address": "1"}
    assert blame_most(items) == 2
    assert blame_most(items, "Invalid address: pattern") == 5
    assert blame_most(items, "Invalid addressee") == 2


def test_rare_item_is_blamed_more_than_those_that_are_all_different():
    items = [{"OptOut": "ALL", **dict.fromkeys("ABCDE", f"v{number}")} for number in range(10, 99)]
    items[4]["OptOut"] = "ODD"
    blame = share_blame(items, find_features(items), "")
    assert blame[4] > 5 * blame[5]


def test_items_that_are_all_different_share_the_blame():
    items = [{"User": {"UserId": f"user-{number}"}} for number in range(10, 20)]
    assert share_blame(items, find_features(items), "") == pytest.approx([1] * 10)


# -- experience ----------------------------------------------------------------------------


def learn(suspicions, refused, accepted):
    for features in find_features([*refused, *accepted])[: len(refused)]:
        suspicions.note(features, is_refused=True)
    for features in find_features([*refused, *accepted])[len(refused) :]:
        suspicions.note(features, is_refused=False)


def rate(suspicions, items):
    return suspicions.rate(find_features(items), [1.0] * len(items))


def make_items(count, seed=1, **members):
    draw = random.Random(seed)
    return [
        {"ChannelType": draw.choice(["SMS", "EMAIL"]), "OptOut": draw.choice("AB"), **members}
        for _ in range(count)
    ]


def test_without_experience_all_are_alike():
    assert rate(Suspicions(), make_items(3)) == [0.01] * 3


def test_cause_is_learned_and_the_others_are_cleared():
    suspicions = Suspicions()
    learn(suspicions, make_items(5, Plan="old"), make_items(95, Plan="new"))
    old, new = rate(suspicions, [*make_items(1, Plan="old"), *make_items(1, Plan="new")])
    assert old > 0.8
    assert new < 0.01


def test_cause_that_does_not_always_lead_to_a_refusal_has_its_share():
    suspicions = Suspicions()
    old = make_items(40, Plan="old")
    learn(suspicions, old[:10], [*old[10:], *make_items(160, Plan="new")])
    assert rate(suspicions, make_items(1, Plan="old")) == pytest.approx([10 / 40], rel=0.1)


def test_several_causes_are_learned():
    suspicions = Suspicions()
    learn(suspicions, make_items(5, Plan="old") + make_items(5, City="Oz"), make_items(200))
    chances = rate(suspicions, make_items(1, Plan="old") + make_items(1, City="Oz") + make_items(1))
    assert min(chances[:2]) > 0.8
    assert chances[2] < 0.01


def test_what_goes_along_with_a_cause_is_not_suspected():
    suspicions = Suspicions()
    learn(
        suspicions,
        [{"ChannelType": "SMS", "Plan": "old"}] * 20,
        [{"ChannelType": "SMS", "Plan": "new"}] * 40 + [{"ChannelType": "EMAIL"}] * 140,
    )
    assert rate(suspicions, [{"ChannelType": "SMS", "Plan": "new"}])[0] < 0.01


def test_what_one_refused_item_has_alone_is_no_cause():
    suspicions = Suspicions()
    learn(suspicions, make_items(1, Plan="old"), make_items(99, Plan="new"))
    old, new = rate(suspicions, [*make_items(1, Plan="old"), *make_items(1, Plan="new")])
    assert old == new


def test_frequent_refusals_without_a_cause_raise_everyones_chance():
    suspicions = Suspicions()
    learn(suspicions, make_items(100, seed=2), make_items(300, seed=3))
    assert rate(suspicions, make_items(20)) == pytest.approx([101 / 500] * 20)


def test_blame_counts_where_there_is_no_cause():
    items = find_features(make_items(2))
    assert Suspicions().rate(items, [0.5, 1.5]) == [0.005, 0.015]


def test_old_experience_is_forgotten():
    suspicions = Suspicions()
    learn(suspicions, make_items(50, Plan="old"), make_items(50))
    learn(suspicions, [], make_items(REMEMBERED_ROWS, Plan="old"))
    assert rate(suspicions, make_items(1, Plan="old"))[0] < 0.001
    assert suspicions._hits == {}
    assert sum(suspicions._misses.values()) == sum(map(len, (row for row, _ in suspicions._rows)))

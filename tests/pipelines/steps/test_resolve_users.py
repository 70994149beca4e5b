"""How many endpoints users have, which falls off when it is looked for those with too many."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.resolve import MOST_CROWDED, resolve


def count(*parts):
    """Resolve partitions of (Id, user)."""
    schema = ("id_key", "user_id")
    frames = [
        pl.DataFrame(part, dict.fromkeys(schema, pl.String), orient="row").with_columns(
            pl.int_range(pl.len()).alias("row_key"),
            pl.col("id_key").alias("address"),
            pl.lit("EMAIL").alias("channel_type"),
            pl.lit(None, pl.String).alias("effective_date"),
            pl.lit(None, pl.String).alias("opt_out"),
        )
        for part in parts
    ]
    return resolve(range(len(frames)), lambda number, names: frames[number].select(names)).users


@given(st.lists(st.lists(st.sampled_from([None, *"abcdefghijklmn"]), max_size=30), max_size=3))
def test_users_are_counted(parts):
    rows = [[(f"{p}-{n}", user) for n, user in enumerate(part)] for p, part in enumerate(parts)]
    users = count(*rows)
    expected = Counter(user for part in parts for user in part if user is not None)
    assert dict(users.by_endpoints) == Counter(expected.values())
    assert all(expected[user] == endpoints > 1 for user, endpoints in users.most)
    most = sorted((n for n in expected.values() if n > 1), reverse=True)[:MOST_CROWDED]
    assert [endpoints for _, endpoints in users.most] == most


def test_a_duplicate_is_no_endpoint_and_one_over_the_limit_is():
    rows = [(f"{n}", "crowd") for n in range(17)]
    users = count(rows, [("0", "crowd"), ("0", "crowd")])
    assert users.most == [("crowd", 17)]
    assert users.by_endpoints == [(17, 1)]


@pytest.mark.parametrize("parts", [(), ([],), ([("1", None)],)])
def test_there_may_be_no_users(parts):
    users = count(*parts)
    assert (users.by_endpoints, users.most) == ([], [])

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.retire import retire_items
from schemas.sync import RetirePolicy


def records(*pairs):
    return pl.DataFrame(pairs, schema={"endpoint_id": pl.String, "status": pl.String}, orient="row")


THREE = records(("a", "ACTIVE"), ("b", "INACTIVE"), ("c", None))


@pytest.mark.parametrize(
    ("policy", "items"),
    [
        (
            RetirePolicy.OPTOUT,
            [
                '{"Id":"a","OptOut":"ALL"}',
                '{"Id":"b","OptOut":"ALL","EndpointStatus":"INACTIVE"}',
                '{"Id":"c","OptOut":"ALL"}',
            ],
        ),
        (
            RetirePolicy.INACTIVE,
            [f'{{"Id":"{name}","EndpointStatus":"INACTIVE"}}' for name in "abc"],
        ),
        (RetirePolicy.DELETE, ['{"Id":"a"}', '{"Id":"b"}', '{"Id":"c"}']),
    ],
)
def test_items(policy, items):
    written = retire_items(THREE, policy)
    assert written.to_list() == items
    assert written.name == "item"


@pytest.mark.parametrize("policy", RetirePolicy)
@pytest.mark.parametrize("gone", [records(), records(("a", "INACTIVE")), records(("a", None))])
def test_few_records(policy, gone):
    assert [json.loads(item)["Id"] for item in retire_items(gone, policy)] == gone[
        "endpoint_id"
    ].to_list()


@given(st.lists(st.tuples(st.text(), st.sampled_from(["ACTIVE", "INACTIVE", None])), max_size=5))
def test_every_id_is_told_as_it_is(pairs):
    for policy in RetirePolicy:
        written = [json.loads(item)["Id"] for item in retire_items(records(*pairs), policy)]
        assert written == [endpoint_id for endpoint_id, _ in pairs]

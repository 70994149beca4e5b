import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from schemas import limits
from schemas.row_keys import MOST_ENDPOINTS, endpoint_of, first_key, row_of


@given(st.integers(1, 2**40), st.integers(0, MOST_ENDPOINTS - 1))
def test_a_key_tells_record_and_endpoint(row, endpoint):
    frame = pl.DataFrame({"source_row": [row]})
    key = first_key(pl.col("source_row")) + endpoint
    assert frame.select(row_of(key).alias("r"), endpoint_of(key).alias("e")).row(0) == (
        row,
        endpoint,
    )


def test_a_record_can_give_as_many_endpoints_as_a_user_may_have():
    assert limits.USER_ENDPOINTS.value <= MOST_ENDPOINTS

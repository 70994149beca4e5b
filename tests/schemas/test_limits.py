import pytest

from schemas import limits
from schemas.limits import LIMITS, Limit, Unit


def test_table_holds_every_limit_once():
    named = [value for value in vars(limits).values() if isinstance(value, Limit)]
    assert list(LIMITS) == named
    assert len({limit.name for limit in LIMITS}) == len(LIMITS)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_limit_is_complete(limit):
    assert limit.value > 0
    assert isinstance(limit.unit, Unit)
    assert "Quotas" in limit.source
    assert getattr(limits, limit.name.upper()) is limit


def test_full_batch_of_the_largest_endpoints_fits_the_payload():
    assert limits.BATCH_ITEMS.value * limits.ENDPOINT_BYTES.value <= limits.PAYLOAD_BYTES.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATCH_ITEMS", 100),
        ("ENDPOINT_BYTES", 15_000),
        ("ATTRIBUTE_NAMES", 250),
        ("ATTRIBUTE_NAME_CHARACTERS", 50),
        ("ATTRIBUTE_VALUE_CHARACTERS", 100),
        ("ATTRIBUTE_VALUES", 50),
        ("USER_ENDPOINTS", 15),
        ("BATCH_RATE", 2),
        ("BATCHES_IN_FLIGHT", 2),
        ("DELETE_RATE", 5),
        ("DELETES_IN_FLIGHT", 5),
        ("READ_RATE", 10),
    ],
)
def test_published_value(name, value):
    assert getattr(limits, name).value == value

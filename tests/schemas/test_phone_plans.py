import phonenumbers
import polars as pl
import pytest

from schemas.phone_plans import plan_of_calling_code, plan_of_region


@pytest.mark.parametrize("region", ["ZZ", "001", "us", "", "USA"])
def test_unknown_region_has_no_plan(region):
    assert plan_of_region(region) is None


def test_every_plan_compiles():
    digits = pl.col("digits")
    frame = pl.DataFrame({"digits": ["2065550100", ""]})
    plans = [plan_of_region(region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    plans += [plan_of_calling_code(str(c)) for c in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
    assert len(plans) > 400
    for plan in plans:
        answers = frame.select(
            settled=plan.is_settled(digits),
            stripped=plan.is_stripped(digits),
            abroad=plan.leads_abroad(digits),
            possible=plan.is_possible(digits),
        )
        assert answers.null_count().row(0) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("region", "digits", "national"),
    [
        pytest.param("GB", "02079460018", "2079460018", id="plain"),
        pytest.param("GB", "2079460018", "2079460018", id="none-there"),
        pytest.param("IT", "0212345678", "0212345678", id="plan-without-prefix"),
        pytest.param("BR", "021987654321", "21987654321", id="rule-not-applied"),
        pytest.param("BR", "01521987654321", None, id="carrier-rule-left-to-library"),
    ],
)
def test_trunk_prefix_is_taken_off(region, digits, national):
    plan = plan_of_region(region)
    frame = pl.DataFrame({"digits": [digits]})
    assert frame.select(plan.strip(pl.col("digits"))).item() == national

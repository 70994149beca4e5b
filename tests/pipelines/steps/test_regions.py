import polars as pl
from step_frames import endpoints

from pipelines.steps.regions import read_regions


def test_the_rows_own_country_comes_first():
    frame = endpoints({"Location.Country": ["DE", None]})
    assert read_regions(frame, "US").to_list() == ["DE", "US"]
    assert read_regions(frame, None).to_list() == ["DE", None]


def test_without_a_column_all_rows_have_the_default():
    regions = read_regions(endpoints(rows=2), "US")
    assert regions.to_list() == ["US", "US"]
    assert regions.dtype == pl.String
    assert read_regions(endpoints(rows=0), None).to_list() == []

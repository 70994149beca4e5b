import polars as pl
from step_frames import endpoints

from pipelines.steps.audience import AUDIENCE_SCHEMA, add_up_audience, count_audience, find_audience


def test_a_country_is_that_of_the_location_or_else_of_the_number():
    frame = endpoints(
        {
            "ChannelType": ["SMS", "SMS", "VOICE", "EMAIL", "EMAIL", "Fax", None, "SMS"],
            "Address": ["+491512345678"] * 7 + ["nobody"],
            "Location.Country": ["FR", None, "Atlantis", "JP", None, "US", None, None],
        }
    )
    channels, countries = find_audience(frame)
    assert channels.to_list() == ["SMS", "SMS", "VOICE", "EMAIL", "EMAIL", None, None, "SMS"]
    assert countries.to_list() == ["FR", "DE", "DE", "JP", None, "US", None, None]
    without = find_audience(frame.drop("Location.Country"))[1]
    assert without.to_list() == [*["DE"] * 3, *[None] * 5]


def test_counts_add_up():
    rows = pl.DataFrame({"channel": ["SMS", None, "SMS"], "audience_country": ["US", None, "US"]})
    outcomes = pl.Series(["accepted", "invalid", "accepted"])
    part = count_audience(rows, outcomes)
    assert part.schema == AUDIENCE_SCHEMA
    assert part.rows() == [("SMS", "US", "accepted", 2), (None, None, "invalid", 1)]
    assert add_up_audience([part, part])["endpoints"].to_list() == [4, 2]
    assert add_up_audience([]).is_empty()


def test_rows_of_an_older_version_are_counted_too():
    counts = count_audience(pl.DataFrame({"row_key": [16, 32]}), pl.Series(["held", "held"]))
    assert counts.rows() == [(None, None, "held", 2)]
